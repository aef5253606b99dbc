/** float16 and bfloat16 as their bits. */

const SCRATCH = new Float32Array(1);
const BITS = new Uint32Array(SCRATCH.buffer);

export function isFiniteHalf(bits: number): boolean {
  return (bits & 0x7c00) !== 0x7c00;
}

export function halfToSingle(bits: number): number {
  const [sign, exponent, mantissa] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

/** Rounds to nearest even; what overflows is infinite. */
export function singleToHalf(value: number): number {
  SCRATCH[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // 65520 is halfway to what there is not
  if (magnitude < 0x38800000) {
    // Subnormal: in units of 2^-24, which addition of a large number rounds to.
    return sign | roundEven(Math.abs(SCRATCH[0]!) * 2 ** 24);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

export function bfloatToSingle(bits: number): number {
  BITS[0] = bits << 16;
  return SCRATCH[0]!;
}

/** Rounds to nearest even. */
export function singleToBfloat(value: number): number {
  SCRATCH[0] = value;
  const bits = BITS[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}
