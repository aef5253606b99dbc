/**
 * The scale of a group of floats, or its scale and minimum, with the smallest squared error: bit for bit what
 * compiler/nomoat_compiler/quantize/search.py and affine.py find, which say why. Every step is rounded to float32, and
 * sums add one value after another.
 */
import { halfToSingle, singleToHalf } from "./half";
import type { Value } from "./python";
import { CODEBOOKS, ENDS, EXTRA_LEVELS, REPEATS } from "./rules.gen";

const round = Math.fround;
const SINGLE_TINY = 2 ** -126;
const HALF_TINY = 2 ** -14;
/** Added and taken away, it rounds what is below 2^22 to the nearest integer, ties to even. */
const INTEGERS = 1.5 * 2 ** 23;

/** The numbers of a scheme by their place: twice the distance from `low`, cut to an integer. */
export interface Numbers {
  readonly low: number;
  readonly high: number;
  /** Of a codebook: q of the nearest number, and that number. Of integers: null. */
  readonly nearest: Uint8Array<ArrayBuffer> | null;
  readonly roundedTo: Float32Array<ArrayBuffer> | null;
}

/** `scheme` has a zero or a codebook. */
export function numbersOf({ codebook, zero, bits }: Value): Numbers {
  if (codebook === null) return { low: -zero, high: 2 ** bits - 1 - zero, nearest: null, roundedTo: null };
  const values: readonly number[] = CODEBOOKS.get(codebook);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const nearest = new Uint8Array(2 * (high - low) + 1);
  for (let place = 0; place < nearest.length; place++) {
    const distances = values.map((value) => Math.abs(low + place / 2 + 0.25 - value));
    nearest[place] = distances.indexOf(Math.min(...distances));
  }
  return { low, high, nearest, roundedTo: Float32Array.from(nearest, (q) => values[q]!) };
}

/** q of the number nearest to each w / scale, into `q`. */
export function nearestTo(w: Float32Array, scale: number, { low, high, nearest }: Numbers, q: Uint8Array): void {
  const inverse = safeInverse(scale);
  for (let i = 0; i < w.length; i++) {
    const x = clipped(round(w[i]! * inverse), low, high);
    q[i] = nearest === null ? rounded(x) - low : nearest[placeOf(x, low)]!;
  }
}

export function bestScale(group: Float32Array, numbers: Numbers): number {
  const peak = group[peakOf(group)]!;
  const inverse = safeInverse(peak);
  const w = group.map((value) => round(value * inverse));
  let [best, bestFall] = [0, 0];
  const attempt = (by: number): void => {
    const [d, fall] = fitted(w, by, numbers);
    if (fall > bestFall) [best, bestFall] = [d, fall];
  };
  for (const number of [numbers.low, numbers.high]) for (const end of ENDS) attempt(round(end * number));
  for (let i = 0; i < REPEATS; i++) attempt(safeInverse(best));
  return round(best * peak);
}

/** Where the largest magnitude is, the first of equal ones. */
function peakOf(w: Float32Array): number {
  let at = 0;
  for (let i = 1; i < w.length; i++) if (Math.abs(w[i]!) > Math.abs(w[at]!)) at = i;
  return at;
}

export function largest(w: Float32Array): number {
  return Math.abs(w[peakOf(w)]!);
}

/** The best scale for the numbers that `inverse` gives, and by how much the error falls. */
function fitted(w: Float32Array, inverse: number, { low, high, roundedTo }: Numbers): [number, number] {
  let [ofWeights, ofNumbers] = [0, 0];
  for (let i = 0; i < w.length; i++) {
    const x = clipped(round(w[i]! * inverse), low, high);
    const n = roundedTo === null ? rounded(x) : roundedTo[placeOf(x, low)]!;
    ofWeights = round(ofWeights + round(w[i]! * n));
    ofNumbers = round(ofNumbers + round(n * n));
  }
  const d = round(ofWeights * safeInverse(ofNumbers));
  return [d, round(ofWeights * d)];
}

export interface Affine {
  /** Bits of float16. */
  readonly scale: number;
  readonly minimum: number;
  readonly q: Uint8Array<ArrayBuffer>;
  readonly error: number;
}

/** w ~ q * scale + minimum. */
export function bestScaleAndMinimum(w: Float32Array, bits: number): Affine {
  const levels = 2 ** bits - 1;
  const [low, high] = [Math.min(...w), Math.max(...w)];
  const spread = round(high - low);
  let best = roundedAffine(w, round(spread / levels), low, levels);
  const q = new Float32Array(w.length);
  for (const extra of EXTRA_LEVELS as readonly number[]) {
    const inverse = safeInverse(round(spread / round(levels + round(extra))));
    const shift = round(extra / 2);
    for (let i = 0; i < w.length; i++)
      q[i] = rounded(clipped(round(round(round(w[i]! - low) * inverse) - shift), 0, levels));
    const found = roundedAffine(w, ...leastSquares(w, q), levels);
    if (found.error < best.error) best = found;
  }
  return best;
}

function leastSquares(w: Float32Array, q: Float32Array): [number, number] {
  const total = w.length;
  let [sumW, sumQ, sumQQ, sumQW] = [0, 0, 0, 0];
  for (let i = 0; i < total; i++) {
    sumW = round(sumW + w[i]!);
    sumQ = round(sumQ + q[i]!);
    sumQQ = round(sumQQ + round(q[i]! * q[i]!));
    sumQW = round(sumQW + round(q[i]! * w[i]!));
  }
  const above = round(round(total * sumQW) - round(sumQ * sumW));
  const below = round(round(total * sumQQ) - round(sumQ * sumQ));
  const scale = round(above * safeInverse(below));
  return [scale, round(round(sumW - round(scale * sumQ)) / total)];
}

function roundedAffine(w: Float32Array, wantedScale: number, wantedMinimum: number, levels: number): Affine {
  const bits = { scale: normalHalf(wantedScale), minimum: normalHalf(wantedMinimum, true) };
  const [scale, minimum] = [halfToSingle(bits.scale), halfToSingle(bits.minimum)];
  const inverse = safeInverse(scale);
  const q = new Uint8Array(w.length);
  let error = 0;
  for (let i = 0; i < w.length; i++) {
    q[i] = rounded(clipped(round(round(w[i]! - minimum) * inverse), 0, levels));
    const difference = round(round(round(q[i]! * scale) + minimum) - w[i]!);
    error = round(error + round(difference * difference));
  }
  return { ...bits, q, error: Number.isFinite(error) ? error : Number.POSITIVE_INFINITY };
}

/** Bits of a float16 that is not subnormal: half_scales.py. */
export function normalHalf(value: number, nearest = false): number {
  const magnitude = Math.abs(value);
  if (!(magnitude < HALF_TINY)) return singleToHalf(value);
  return magnitude > (nearest ? HALF_TINY / 2 : 0) ? singleToHalf(Math.sign(value) * HALF_TINY) : 0;
}

/** 0 where a value is 0, or so small that its inverse overflows. */
export function safeInverse(value: number): number {
  return Math.abs(value) >= SINGLE_TINY ? round(1 / value) : 0;
}

/** Ties to even; the magnitude is below 2^22. */
export function rounded(x: number): number {
  return round(round(x + INTEGERS) - INTEGERS);
}

function clipped(x: number, low: number, high: number): number {
  return x < low ? low : x > high ? high : x;
}

function placeOf(x: number, low: number): number {
  return (2 * round(x - low)) | 0;
}
