/** Numbers as float16 bits, rounded to the nearest, ties to even. */

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

/** `value`: of at most 65504. */
export function halfBits(value: number): number {
  FLOAT[0] = value;
  const bits = BITS[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  // Below 2^-14 halves are multiples of 2^-24: adding 0.5 leaves just those in a float32's last bits.
  if (magnitude < 0x38800000) {
    FLOAT[0] = Math.abs(value) + 0.5;
    return sign | (BITS[0]! - 0x3f000000);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** A vector of length 1 in the direction of `vector`, as it is kept; zeros where that has no direction. */
export function unitVector(vector: Float32Array): Float32Array {
  let sum = 0;
  for (const value of vector) sum += value * value;
  const scale = sum > 0 && Number.isFinite(sum) ? 1 / Math.sqrt(sum) : 0;
  return vector.map((value) => value * scale);
}

/** (columns) float16 bits, zeros behind the vector. */
export function toHalves(vector: Float32Array, columns: number): Uint16Array<ArrayBuffer> {
  const halves = new Uint16Array(columns);
  for (let i = 0; i < vector.length; i++) halves[i] = halfBits(vector[i]!);
  return halves;
}
