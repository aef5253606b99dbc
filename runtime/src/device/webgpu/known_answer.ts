/**
 * Small known cases of every operator: their inputs by rule, and how an output is judged.
 *
 * They are made by compiler/nomoat_compiler/operators/known_answer.py from the operators' formulas in NumPy and ship
 * beside the kernels. An output is known by its products with pseudo-random vectors, which every value of it moves.
 */
import type { Definition } from "../program";

export interface KnownAnswer {
  readonly definition: Definition;
  readonly tokens: number;
  readonly prefill: boolean;
  /** What each argument of the step holds before it runs. */
  readonly arrays: Readonly<Record<string, Input>>;
  /** What the written arguments hold afterwards. */
  readonly expected: Readonly<Record<string, Output>>;
}
/** `count` values of a kind made from a seed, or little-endian bytes in base64. */
export type Input =
  | { readonly fill: string; readonly count: number; readonly seed: number }
  | { readonly data: string };
export interface Output {
  readonly dtype: "float32" | "int32";
  readonly projections: readonly number[];
  /** Largest difference of a projection. */
  readonly tolerance: number;
}

const PROJECTION_SEEDS = [101, 102];

/** The bytes of an input, padded to whole words. */
export function inputBytes(input: Input): Uint8Array<ArrayBuffer> {
  const bytes = "data" in input ? Uint8Array.from(atob(input.data), (char) => char.charCodeAt(0)) : filled(input);
  if (bytes.length % 4 === 0) return bytes;
  const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  padded.set(bytes);
  return padded;
}

/** Whether what a kernel wrote is the known answer. */
export function isRight({ dtype, projections, tolerance }: Output, bytes: ArrayBuffer): boolean {
  const values = dtype === "float32" ? new Float32Array(bytes) : new Int32Array(bytes);
  return projections.every((expected, i) => {
    const direction = units(values.length, PROJECTION_SEEDS[i]!);
    let got = 0;
    for (let at = 0; at < values.length; at++) got += values[at]! * direction[at]!;
    return Math.abs(got - expected) <= tolerance; // false for NaN
  });
}

function filled({ fill, count, seed }: { fill: string; count: number; seed: number }): Uint8Array<ArrayBuffer> {
  const [kind, dtype] = fill.split(" ");
  if (kind === "word") return new Uint8Array(words(count, seed).buffer);
  if (kind === "unit" || dtype === "float32") {
    const values = units(count, seed);
    return new Uint8Array((kind === "scale" ? values.map((unit) => (unit + 3) / 128) : values).buffer);
  }
  // 16-bit floats: weights in ±[1/4, 1/2), scales in [1/64, 1/32), with random mantissas.
  const [exponentBits, mantissaBits] = dtype === "float16" ? [5, 10] : [8, 7];
  const exponent = 2 ** (exponentBits - 1) - 1 - (kind === "scale" ? 6 : 2);
  const halves = Uint16Array.from(words(count, seed), (word) => {
    const sign = kind === "weight" ? (word >>> 31) << 15 : 0;
    return sign | (exponent << mantissaBits) | (word & (2 ** mantissaBits - 1));
  });
  return new Uint8Array(halves.buffer);
}

/** Multiples of 2^-23 in [-1, 1): exact in float32. */
function units(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from(words(count, seed), (word) => (word >>> 8) * 2 ** -23 - 1);
}

function words(count: number, seed: number): Uint32Array<ArrayBuffer> {
  const start = Math.imul(seed, 0x85ebca6b);
  return Uint32Array.from({ length: count }, (_, i) => {
    let word = Math.imul(i + start, 0x9e3779b1);
    word = Math.imul(word ^ (word >>> 15), 0x2c1b3c6d);
    return word ^ (word >>> 12);
  });
}
