/**
 * Rows of a checkpoint as the package stores them under a scheme: compiler/nomoat_compiler/quantize/encode.py and
 * ggml_blocks.py. Blocks keep their numbers; the result has the bytes of each stored array.
 */
import { LlmError } from "../internal/errors";
import { type BlockFields, blockFields } from "./blocks";
import type { Rows } from "./checkpoint";
import { quantizeGroups } from "./groups";
import { halfToSingle, isFiniteHalf, singleToBfloat, singleToHalf } from "./half";
import { packWords } from "./pack";
import type { Value } from "./python";
import { isFloat, singlesOf } from "./rows";
import { MLC_FLOAT_DTYPES, NATIVE } from "./rules.gen";

type Bytes = Uint8Array<ArrayBuffer>;
const LARGEST_HALF = 65504;

/** `scheme` is the rules' Plain or Grouped. Errors: invalid_checkpoint (not finite), unsupported (overflows). */
export function encodeRows(rows: Rows, scheme: Value, quantization: string, source: string): Bytes[] {
  const grouped = scheme.group_size !== undefined;
  if (!isFloat(rows.kind) && grouped && !MLC_FLOAT_DTYPES.has(quantization)) return importBlocks(rows, scheme, source);
  const values = singlesOf(rows);
  if (!values.every(Number.isFinite))
    throw new LlmError("invalid_checkpoint", `${source} holds a value that is NaN or infinite.`, { tensor: source });
  if (grouped) return quantizeGroups(values, rows.columns, scheme, source);
  return [cast(values, scheme.dtype, source)];
}

function cast(values: Float32Array<ArrayBuffer>, dtype: string, source: string): Bytes {
  if (dtype === "float32") return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bits = Uint16Array.from(values, dtype === "float16" ? singleToHalf : singleToBfloat);
  const infinite = dtype === "float16" ? 0x7c00 : 0x7f80;
  if (bits.some((one) => (one & infinite) === infinite))
    throw new LlmError("unsupported", `${source} holds a number that is too large for ${dtype}.`, { tensor: source });
  return new Uint8Array(bits.buffer);
}

function importBlocks(rows: Rows, scheme: Value, source: string): Bytes[] {
  const native = NATIVE.get(rows.kind);
  let fields = blockFields(rows);
  if (rows.kind !== "MXFP4" && !fields.floats.every((bits) => bits.every(isFiniteHalf)))
    throw new LlmError("invalid_checkpoint", `${source} has a block whose scale is not a finite number.`, {
      tensor: source,
    });
  if (native.two_level) return [packWords(fields.q, scheme.bits), superScales(fields, native, scheme)];
  if (scheme.zero !== null && scheme.zero !== native.zero) {
    const more = scheme.zero - native.zero;
    for (let i = 0; i < fields.q.length; i++) fields.q[i]! += more;
  } else if (scheme.minimum && native.zero !== null) {
    fields = { ...fields, floats: [fields.floats[0]!, minimumsOfZero(fields.floats[0]!, native.zero, source)] };
  }
  return [packWords(fields.q, scheme.bits), interleaved(fields.floats)];
}

/** -zero * scale is exact in float16, unless it overflows. */
function minimumsOfZero(scales: Uint16Array, zero: number, source: string): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(scales, (bits) => {
    const minimum = halfToSingle(bits) * -zero;
    if (Math.abs(minimum) > LARGEST_HALF)
      throw new LlmError(
        "unsupported",
        `${source} has a block scale too large for a float16 minimum. Compile it with --quantization f16 or f32.`,
        { tensor: source },
      );
    return singleToHalf(minimum);
  });
}

function interleaved(floats: readonly Uint16Array<ArrayBuffer>[]): Bytes {
  if (floats.length === 1) return new Uint8Array(floats[0]!.buffer);
  const [scales, minimums] = floats as [Uint16Array, Uint16Array];
  const both = new Uint16Array(2 * scales.length);
  for (let i = 0; i < scales.length; i++) {
    both[2 * i] = scales[i]!;
    both[2 * i + 1] = minimums[i]!;
  }
  return new Uint8Array(both.buffer);
}

/**
 * Of each super-block the float32 numbers, then the integers, group by group. Under a scheme that is not the type's
 * own (MIXED) a zero becomes the minimum -zero * scale, and groups of 32 two of 16.
 */
function superScales({ floats, integers }: BlockFields, native: Value, scheme: Value): Bytes {
  const supers = floats[0]!.length;
  const groups = integers[0]!.length / supers;
  const repeats = native.group_size / scheme.group_size;
  const ofZero = scheme.minimum && native.zero !== null;
  const parts = scheme.minimum ? 2 : 1;
  const words = scheme.super_words;
  const bytes = new Uint8Array(supers * words * 4);
  const singles = new Float32Array(bytes.buffer);
  const part = (which: number): Uint8Array => integers[ofZero ? 0 : which]!;
  for (let block = 0; block < supers; block++) {
    const at = block * words;
    const scale = halfToSingle(floats[0]![block]!);
    singles[at] = scale;
    if (parts === 2) singles[at + 1] = ofZero ? scale * -native.zero : halfToSingle(floats[1]![block]!);
    let to = 4 * (at + parts);
    for (let group = block * groups; group < (block + 1) * groups; group++) {
      if (scheme.scale_dtype === "uint4") bytes[to++] = part(0)[group]! | (part(1)[group]! << 4);
      else
        for (let i = 0; i < repeats; i++) for (let which = 0; which < parts; which++) bytes[to++] = part(which)[group]!;
    }
  }
  return bytes;
}
