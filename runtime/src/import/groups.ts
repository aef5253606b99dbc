/** Floats into the groups of any scheme but MLC's: compiler/nomoat_compiler/quantize/groups.py, byte for byte. */
import { LlmError } from "../internal/errors";
import { halfToSingle, isFiniteHalf } from "./half";
import { packWords } from "./pack";
import type { Value } from "./python";
import { FLOAT16_MAX, QUAD_BITS, QUAD_COLUMNS, SUPER_COLUMNS } from "./rules.gen";
import {
  bestScale,
  bestScaleAndMinimum,
  largest,
  nearestTo,
  normalHalf,
  numbersOf,
  rounded,
  safeInverse,
} from "./scales";

type Bytes = Uint8Array<ArrayBuffer>;

/** Some rows, filled up to whole groups. `padded`: columns of their numbers. */
interface Groups {
  readonly rows: number;
  readonly inRow: number;
  readonly each: number;
  readonly padded: number;
  readonly group: (row: number, group: number) => Float32Array;
  readonly q: Bytes;
}

/** [rows, columns] -> bytes of the words and of the scales. Errors: unsupported (scales overflow float16). */
export function quantizeGroups(weights: Float32Array, columns: number, scheme: Value, source: string): Bytes[] {
  const groups = groupsOf(weights, columns, scheme);
  const tooLarge = (): LlmError =>
    new LlmError(
      "unsupported",
      `${source} holds ${largest(weights).toPrecision(4)}, too large for float16 scales. Take the quantization f32.`,
      { tensor: source },
    );
  let scales: Bytes;
  if (scheme.minimum) {
    if (weights.length > 0 && largest(weights) > FLOAT16_MAX) throw tooLarge();
    scales = withMinimums(groups, scheme);
  } else {
    const wanted = wantedScales(groups, scheme);
    const [stored, values] = scheme.two_level ? twoLevel(wanted, groups) : halves(wanted);
    if (values === null) throw tooLarge();
    scales = stored;
    const numbers = numbersOf(scheme);
    const { inRow, each, padded, q } = groups;
    for (let i = 0; i < values.length; i++) {
      const [row, group] = [Math.floor(i / inRow), i % inRow];
      const at = row * padded + group * each;
      nearestTo(groups.group(row, group), values[i]!, numbers, q.subarray(at, at + each));
    }
  }
  for (let at = 0; at < groups.q.length; at += groups.padded) groups.q.fill(0, at + columns, at + groups.padded);
  return [packWords(groups.q, scheme.bits), scales];
}

function groupsOf(weights: Float32Array, columns: number, { group_size: each, bits }: Value): Groups {
  const rows = weights.length / columns;
  const inRow = Math.ceil(columns / each);
  const unit = QUAD_BITS.includes(bits) ? QUAD_COLUMNS : each;
  const padded = Math.ceil((inRow * each) / unit) * unit;
  const last = new Float32Array(each);
  const group = (row: number, which: number): Float32Array => {
    const [from, end] = [row * columns + which * each, (row + 1) * columns];
    if (from + each <= end) return weights.subarray(from, from + each);
    // The last value repeated: it widens no group's range.
    last.fill(weights[end - 1]!).set(weights.subarray(from, end));
    return last;
  };
  return { rows, inRow, each, padded, group, q: new Uint8Array(rows * padded) };
}

function withMinimums({ rows, inRow, each, padded, group, q }: Groups, { bits }: Value): Bytes {
  const scales = new Uint16Array(2 * rows * inRow);
  for (let row = 0, at = 0; row < rows; row++)
    for (let i = 0; i < inRow; i++, at += 2) {
      const found = bestScaleAndMinimum(group(row, i), bits);
      [scales[at], scales[at + 1]] = [found.scale, found.minimum];
      q.set(found.q, row * padded + i * each);
    }
  return new Uint8Array(scales.buffer);
}

/** Of 8 bits the largest weight gets the last number. */
function wantedScales({ rows, inRow, group }: Groups, scheme: Value): Float32Array<ArrayBuffer> {
  const numbers = numbersOf(scheme);
  const scales = new Float32Array(rows * inRow);
  for (let i = 0; i < scales.length; i++) {
    const w = group(Math.floor(i / inRow), i % inRow);
    scales[i] = scheme.bits === 8 ? largest(w) / numbers.high : bestScale(w, numbers);
  }
  return scales;
}

/** Scales as they are stored, and their values; null: one overflows. */
function halves(wanted: Float32Array): [Bytes, Float32Array | null] {
  const stored = Uint16Array.from(wanted, (scale) => normalHalf(scale));
  const values = stored.every(isFiniteHalf) ? Float32Array.from(stored, halfToSingle) : null;
  return [new Uint8Array(stored.buffer), values];
}

/** A float32 of each SUPER_COLUMNS columns, then int8 numbers, group by group. */
function twoLevel(wanted: Float32Array, { rows, inRow, each }: Groups): [Bytes, Float32Array] {
  const inSuper = SUPER_COLUMNS / each;
  const supers = Math.ceil(inRow / inSuper);
  const stored = new Uint8Array(rows * supers * (4 + inSuper));
  const view = new DataView(stored.buffer);
  const values = new Float32Array(wanted.length);
  for (let row = 0, at = 0; row < rows; row++)
    for (let first = 0; first < inRow; first += inSuper, at += 4 + inSuper) {
      const from = row * inRow + first;
      const scales = wanted.subarray(from, Math.min(from + inSuper, (row + 1) * inRow));
      const each127th = Math.fround(largest(scales) / 127);
      const inverse = safeInverse(each127th);
      view.setFloat32(at, each127th, true);
      for (const [i, scale] of scales.entries()) {
        const integer = rounded(Math.fround(scale * inverse));
        view.setInt8(at + 4 + i, integer);
        values[from + i] = each127th * integer;
      }
    }
  return [stored, values];
}
