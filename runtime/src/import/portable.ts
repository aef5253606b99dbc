/**
 * Numbers and bytes that come out alike, bit for bit, here and in the compiler: the other half of
 * compiler/nomoat_compiler/portable.py.
 */
import { Float, floatText, type Value } from "./python";

export const single = Math.fround;

export function singles(values: number[]): Float32Array {
  return Float32Array.from(values);
}

export function shortestSingle(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const decimal = rounded(value, digits);
    if (Math.fround(decimal) === value) return decimal;
  }
  return rounded(value, 9);
}

/** To so many digits, a tie to the even one, where toPrecision goes away from zero. */
function rounded(value: number, digits: number): number {
  const [mantissa, exponent] = value.toExponential(60).replace(/[-.]/, "").replace(".", "").split("e") as [
    string,
    string,
  ];
  const [kept, rest] = [mantissa.slice(0, digits), mantissa.slice(digits)];
  if (!/^50*$/.test(rest)) return Number(value.toPrecision(digits));
  const even = BigInt(kept) + (BigInt(kept) % 2n);
  return Math.sign(value) * Number(`${even}e${Number(exponent) - digits + 1}`);
}

export function power(base: number, exponent: number): number {
  return base ** exponent;
}

export function root(value: number): number {
  return Math.sqrt(value);
}

/** 1 / sqrt(value) is off by up to a bit; a step of Newton with what the products lost gives the nearest number. */
export function inverseRoot(value: number): number {
  const y = 1 / Math.sqrt(value);
  const [square, lost] = product(y, y);
  const [whole, alsoLost] = product(value, square);
  const rest = 1 - whole - alsoLost - value * lost;
  return y + (y * rest) / 2;
}

/** The product of two numbers, and what rounding took from it (Dekker). */
function product(a: number, b: number): [number, number] {
  const [high, low] = halves(a);
  const [otherHigh, otherLow] = halves(b);
  const rounded = a * b;
  return [rounded, low * otherLow - (rounded - high * otherHigh - low * otherHigh - high * otherLow)];
}

function halves(value: number): [number, number] {
  const shifted = value * 134217729;
  const high = shifted - (shifted - value);
  return [high, value - high];
}

const LOG_BITS = 120n;
const LOG_ONE = 1n << LOG_BITS;

/** The natural logarithm, rounded once. What a browser's own gives may differ from C's in the last bit. */
export function logarithm(value: number): number {
  if (!(value > 0) || value === Number.POSITIVE_INFINITY) return Math.log(value);
  const exponent = Math.floor(Math.log2(value));
  const mantissa = value / 2 ** exponent; // exact, and from 0.5 to 2
  const fixed = BigInt(mantissa * 2 ** 53) << (LOG_BITS - 53n);
  return toNumber(fixedLogarithm(fixed) + BigInt(exponent) * fixedLogarithm(2n * LOG_ONE));
}

/** ln(x) = 2 artanh((x - 1) / (x + 1)), in LOG_BITS bits after the point. */
function fixedLogarithm(x: bigint): bigint {
  const z = ((x - LOG_ONE) << LOG_BITS) / (x + LOG_ONE);
  const square = (z * z) >> LOG_BITS;
  let [term, sum] = [z, 0n];
  for (let n = 1n; term !== 0n && term !== -1n; n += 2n) {
    sum += term / n;
    term = (term * square) >> LOG_BITS;
  }
  return 2n * sum;
}

/** Number() of a big integer rounds to nearest, and a power of two is exact. */
function toNumber(fixed: bigint): number {
  return Number(fixed) / 2 ** Number(LOG_BITS);
}

export function base64OfSingles(values: Float32Array): string {
  return base64OfBytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

export function base64OfBytes(data: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < data.length; at += 8192) pieces.push(String.fromCharCode(...data.subarray(at, at + 8192)));
  return btoa(pieces.join(""));
}

export function numberKind(value: Value): string | null {
  if (value instanceof BooleanArray) return "b";
  if (value instanceof Float32Array || value instanceof Float64Array) return "f";
  if (value instanceof BigInt64Array || /^Int/.test(value?.constructor?.name ?? "")) return "i";
  return ArrayBuffer.isView(value) ? "u" : null;
}

/** Booleans, a byte each. */
export class BooleanArray extends Uint8Array {}

export function numberList(value: Value): Value[] {
  if (value instanceof BooleanArray) return Array.from(value, (byte) => byte !== 0);
  if (numberKind(value) !== "f") return Array.from(value, Number);
  return Array.from(value as Float32Array, (number) => (Number.isInteger(number) ? new Float(number) : number));
}

export function arrayBytes(value: Value, itemBytes: number, most: number): Uint8Array | null {
  if (!ArrayBuffer.isView(value) || (value as Uint8Array).BYTES_PER_ELEMENT !== itemBytes || value.byteLength > most)
    return null;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

export function compactJson(value: Value): Uint8Array {
  return new TextEncoder().encode(written(value, null, false, ""));
}

export function indentedJson(value: Value, indent: number, sortKeys: boolean): Uint8Array {
  return new TextEncoder().encode(written(value, " ".repeat(indent), sortKeys, "\n"));
}

/** As json.dumps with ensure_ascii off; `indent` null: without any space. `line`: the line end of this depth. */
function written(value: Value, indent: string | null, sortKeys: boolean, line: string): string {
  if (value instanceof Float) return floatText(Number(value));
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : floatText(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const inner = indent === null ? "" : line + indent;
  const member = (one: Value): string => written(one, indent, sortKeys, inner);
  const keys = sortKeys && value instanceof Map ? [...value.keys()].sort() : null;
  const colon = indent === null ? ":" : ": ";
  const parts =
    value instanceof Map
      ? (keys ?? [...value.keys()]).map((key) => `${JSON.stringify(key)}${colon}${member(value.get(key))}`)
      : (value as Value[]).map(member);
  const [open, close] = value instanceof Map ? "{}" : "[]";
  return parts.length === 0
    ? `${open}${close}`
    : `${open}${inner}${parts.join(`,${inner}`)}${indent === null ? "" : line}${close}`;
}

/** RFC 8785, as compiler/nomoat_compiler/program/canonical_json.py writes it. */
export function canonicalJson(value: Value): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (value instanceof Float) return JSON.stringify(Number(value));
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const keys = [...(value as Map<string, Value>).keys()].sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson(value.get(key))}`).join(",")}}`;
}
