/**
 * What Python means by its operators, built-in functions and methods, for the rules that are translated from it
 * (rules.gen.ts; compiler/nomoat_compiler/to_typescript). Dictionaries are Maps, lists and tuples arrays, None is null.
 *
 * JavaScript has one type of number: a whole number counts as an integer, unless it is a Float. What the rules ask of
 * floats alone is asked of values of a file, and those come as Floats where the file says so.
 */
import { type ErrorCode, type ErrorDetail, LlmError } from "../internal/errors";

// biome-ignore lint/suspicious/noExplicitAny: the values of a language without static types
export type Value = any;

/** A whole number that is a float in Python: it is no integer, and is written with a point. */
export class Float extends Number {}

/** Of a call in Python its keywords. */
class Options {
  key: ((value: Value) => Value) | undefined;
  reverse: boolean | undefined;
  default: Value;
  start: number | undefined;
}

export function options(given: Partial<Options>): Options {
  return Object.assign(new Options(), given);
}

/** Messages of warnings since they were last taken. */
let warnings: string[] = [];

export function warn(message: string): void {
  warnings.push(message);
}

export function takeWarnings(): string[] {
  const taken = warnings;
  warnings = [];
  return taken;
}

let plans: ReadonlyMap<string, string> = new Map();

/** `lines`: plans.gen.json, a plan in each line. */
export function setPlans(lines: string): void {
  const entries = lines.split("\n").map((line) => /^"((?:[^"\\]|\\.)*)":(.*?),?$/.exec(line));
  plans = new Map(entries.filter((entry) => entry !== null).map((entry) => [JSON.parse(`"${entry[1]}"`), entry[2]!]));
}

export function plan(name: string, values: Value[]): Value {
  const text = plans.get(`${name}${JSON.stringify(values)}`);
  if (text === undefined) throw bug(`there is no plan ${name}(${values.join(", ")})`);
  return fromJson(JSON.parse(text));
}

/** Objects of parsed JSON as Maps. */
export function fromJson(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([name, member]) => [name, fromJson(member)]));
}

export function error(code: string, message: string, detail: Map<string, Value>): LlmError {
  const entries = [...detail].map(([name, value]) => [name, value instanceof Float ? Number(value) : value]);
  return new LlmError(code as ErrorCode, message, Object.fromEntries(entries) as ErrorDetail);
}

function bug(problem: string): LlmError {
  return new LlmError("internal", `The rules of the importer failed: ${problem}.`);
}

// Operators.

export function truth(value: Value): boolean {
  if (typeof value === "object" && value !== null)
    return value instanceof Float ? value.valueOf() !== 0 : size(value) !== 0;
  return value !== false && value !== null && value !== undefined && value !== 0 && value !== "";
}

/** 1 for what has no size. */
function size(value: Value): number {
  return value instanceof Map || value instanceof Set ? value.size : (value.length ?? 1);
}

export function either(...values: (() => Value)[]): Value {
  let value: Value = null;
  for (const next of values) {
    value = next();
    if (truth(value)) break;
  }
  return value;
}

export function both(...values: (() => Value)[]): Value {
  let value: Value = null;
  for (const next of values) {
    value = next();
    if (!truth(value)) break;
  }
  return value;
}

export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (a == null || b == null) return a == null && b == null;
  if (isNumber(a) && isNumber(b)) return Number(a) === Number(b);
  if (typeof a !== "object" || typeof b !== "object") return false;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (a instanceof Set) return b instanceof Set && a.size === b.size && [...a].every((item) => b.has(item));
  if (a instanceof Map)
    return (
      b instanceof Map && a.size === b.size && [...a].every(([key, item]) => b.has(key) && equal(item, b.get(key)))
    );
  const fields: readonly string[] | undefined = a.constructor.fields;
  return fields !== undefined && a.constructor === b.constructor && fields.every((name) => equal(a[name], b[name]));
}

/** True and False are numbers, too. */
function isNumber(value: Value): boolean {
  return typeof value === "number" || typeof value === "boolean" || value instanceof Float;
}

export function contains(container: Value, value: Value): boolean {
  if (typeof container === "string") return container.includes(value);
  if (container instanceof Map || container instanceof Set) return container.has(value);
  if (Array.isArray(container)) return container.some((item) => equal(item, value));
  return container.contains(value);
}

export function le(a: Value, b: Value): boolean {
  return a instanceof Set ? [...a].every((item) => b.has(item)) : a <= b;
}

export function lt(a: Value, b: Value): boolean {
  return a < b;
}

export function ge(a: Value, b: Value): boolean {
  return a >= b;
}

export function gt(a: Value, b: Value): boolean {
  return a > b;
}

export function plus(a: Value, b: Value): Value {
  if (Array.isArray(a)) return a.concat(b);
  return a instanceof Uint8Array ? Uint8Array.from([...a, ...b]) : a + b;
}

/** += */
export function extend(a: Value, b: Value): Value {
  if (!Array.isArray(a)) return plus(a, b);
  for (const item of b) a.push(item);
  return a;
}

export function minus(a: Value, b: Value): Value {
  return a instanceof Set ? new Set([...a].filter((item) => !b.has(item))) : a - b;
}

export function times(a: Value, b: Value): Value {
  return Array.isArray(a) ? Array.from({ length: b }, () => a).flat() : a * b;
}

export function union(a: Value, b: Value): Value {
  if (a instanceof Map) return new Map([...a, ...b]);
  return a instanceof Set ? new Set([...a, ...b]) : a | b;
}

export function intersection(a: Value, b: Value): Value {
  return a instanceof Set ? new Set([...a].filter((item) => b.has(item))) : a & b;
}

export function floorDivide(a: number, b: number): number {
  return Math.floor(a / b);
}

export function modulo(a: number, b: number): number {
  return a - Math.floor(a / b) * b;
}

export function shiftLeft(a: number, b: number): number {
  return a * 2 ** b;
}

export function item(of: Value, index: Value): Value {
  if (of instanceof Map) {
    if (!of.has(index)) throw bug(`there is no key ${str(index)}`);
    return of.get(index);
  }
  if (of instanceof Match) return of.group(index);
  return of[index < 0 ? of.length + index : index];
}

export function slice(of: Value, low: number | null, high: number | null): Value {
  const [from, to] = [low ?? 0, high ?? undefined];
  // Text is counted in characters.
  return typeof of === "string" && ASTRAL.test(of) ? Array.from(of).slice(from, to).join("") : of.slice(from, to);
}

const ASTRAL = /[\ud800-\udfff]/;

export function put(of: Value, key: Value, value: Value): void {
  if (of instanceof Map) of.set(key, value);
  else of[key] = value;
}

export function remove(of: Map<Value, Value>, key: Value): void {
  of.delete(key);
}

export function iterate(of: Value): Iterable<Value> {
  return of instanceof Map ? of.keys() : of;
}

// Built-in functions.

export function type(value: Value): string {
  if (value === null || value === undefined) return "NoneType";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "str";
  if (isNumber(value)) return Number.isInteger(value) ? "int" : "float";
  return value instanceof Map ? "dict" : Array.isArray(value) ? "list" : "object";
}

export function isinstance(value: Value, ...types: Value[]): boolean {
  const own = type(value);
  return types.some((one) =>
    typeof one === "string" ? one === own || (one === "int" && own === "bool") : value instanceof one,
  );
}

export function str(value: Value): string {
  return typeof value === "string" ? value : repr(value);
}

export function repr(value: Value): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return `'${value}'`;
  if (value instanceof Float) return floatText(Number(value));
  if (value instanceof Map) return `{${[...value].map(([key, member]) => `${repr(key)}: ${repr(member)}`).join(", ")}}`;
  if (Array.isArray(value)) return `[${value.map(repr).join(", ")}]`;
  return String(value);
}

/** As Python writes a float. */
export function floatText(value: number): string {
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16)) {
    return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  return Number.isInteger(value) ? `${Object.is(value, -0) ? "-0" : value}.0` : String(value);
}

/** The formats that the rules use: g, .Ng, .Nf, 0Nd and 0NX. */
export function format(value: Value, spec: string): string {
  const [, width, precision, kind] = /^(?:0(\d+))?(?:\.(\d+))?([gfdX])$/.exec(spec)!;
  const number = Number(value);
  if (kind === "X") return number.toString(16).toUpperCase().padStart(Number(width), "0");
  if (kind === "d") return String(number).padStart(Number(width), "0");
  if (kind === "f") return number.toFixed(Number(precision));
  return String(Number(number.toPrecision(Number(precision ?? 6))));
}

export function bool(value: Value): boolean {
  return truth(value);
}

export function int(value: Value): number {
  return Math.trunc(Number(value));
}

export function float(value: Value): number {
  return Number(value);
}

export function abs(value: number): number {
  return Math.abs(value);
}

/** Halves to even. */
export function round(value: number, digits = 0): number {
  if (digits > 0) return Number(value.toFixed(digits));
  const low = Math.floor(value);
  const rest = value - low;
  return rest === 0.5 ? low + (low % 2 === 0 ? 0 : 1) : Math.round(value);
}

export function divmod(a: number, b: number): [number, number] {
  return [floorDivide(a, b), modulo(a, b)];
}

export function len(value: Value): number {
  if (typeof value === "string" && ASTRAL.test(value)) return Array.from(value).length;
  return value instanceof Map || value instanceof Set ? value.size : value.length;
}

export function list(values: Value = []): Value[] {
  return [...iterate(values)];
}

export const tuple = list;

export function set(values: Value = []): Set<Value> {
  return new Set(iterate(values));
}

export function dict(entries: Value = []): Map<Value, Value> {
  return new Map(entries);
}

export function fromkeys(_: unknown, keys: Value): Map<Value, null> {
  return new Map(list(keys).map((key) => [key, null]));
}

export function range(first: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end];
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
}

export function enumerate(values: Value): [number, Value][] {
  return list(values).map((value, i) => [i, value]);
}

export function zip(...all: Value[]): Value[][] {
  const lists = all.map(list);
  if (lists.some(({ length }) => length !== lists[0]!.length)) throw bug("lists that belong together differ in length");
  return lists[0]!.map((_, i) => lists.map((values) => values[i]));
}

export function pairwise(values: Value): [Value, Value][] {
  return list(values)
    .slice(1)
    .map((value, i) => [values[i], value]);
}

export function map(apply: (value: Value) => Value, values: Value): Value[] {
  return list(values).map((value) => apply(value));
}

export function reversed(values: Value): Value[] {
  return list(values).reverse();
}

export function next(values: Value[], otherwise: Value): Value {
  return values.length > 0 ? values[0] : otherwise;
}

export function any(values: Value): boolean {
  return list(values).some(truth);
}

export function all(values: Value): boolean {
  return list(values).every(truth);
}

export function sum(values: Value): number {
  return list(values).reduce((total, value) => total + Number(value), 0);
}

export function min(...given: Value[]): Value {
  return extreme(given, (a, b) => order(a, b) < 0);
}

export function max(...given: Value[]): Value {
  return extreme(given, (a, b) => order(a, b) > 0);
}

function extreme(given: Value[], better: (a: Value, b: Value) => boolean): Value {
  const last = given[given.length - 1];
  const { key = (value: Value) => value, default: otherwise } = last instanceof Options ? last : new Options();
  const plain = given.filter((value) => !(value instanceof Options));
  const values = plain.length === 1 ? list(plain[0]) : plain;
  if (values.length === 0) return otherwise;
  return values.reduce((best, value) => (better(key(value), key(best)) ? value : best));
}

export function sorted(values: Value, given: Options = new Options()): Value[] {
  const { key = (value: Value) => value, reverse = false } = given;
  const sign = reverse ? -1 : 1;
  return list(values)
    .map((value) => [key(value), value])
    .sort(([a], [b]) => sign * order(a, b))
    .map(([, value]) => value);
}

export function sort(values: Value[], given: Options = new Options()): void {
  for (const [i, value] of sorted(values, given).entries()) values[i] = value;
}

/** Of numbers, texts, and lists of them. */
function order(a: Value, b: Value): number {
  if (!Array.isArray(a)) return a < b ? -1 : a > b ? 1 : 0;
  for (const [i, value] of a.entries()) {
    if (i >= b.length) return 1;
    const found = order(value, b[i]);
    if (found !== 0) return found;
  }
  return a.length - b.length;
}

export function* groupby(values: Value, { key = (value: Value) => value }: Options): Generator<[Value, Value[]]> {
  let group: Value[] = [];
  let of: Value;
  for (const value of iterate(values)) {
    const found = key(value);
    if (group.length > 0 && !equal(found, of)) {
      yield [of, group];
      group = [];
    }
    of = found;
    group.push(value);
  }
  if (group.length > 0) yield [of, group];
}

/** The arguments of a call with **values, by the names of the parameters. */
export function spread(given: Value[], names: readonly string[], values: Map<string, Value>): Value[] {
  return names.map((name, i) => (i < given.length ? given[i] : values.get(name)));
}

// Methods.

export function get(of: Map<Value, Value>, key: Value, otherwise: Value = null): Value {
  return of.has(key) ? of.get(key) : otherwise;
}

export function items(of: Value, ...given: Value[]): Iterable<Value> {
  return of instanceof Map ? [...of] : of.items(...given);
}

export function values(of: Map<Value, Value>): Value[] {
  return [...of.values()];
}

export function setdefault(of: Map<Value, Value>, key: Value, value: Value): Value {
  if (!of.has(key)) of.set(key, value);
  return of.get(key);
}

/** Of a list its last value, of a set any, of a dictionary that of a key. */
export function pop(of: Value, key?: Value, otherwise?: Value): Value {
  if (Array.isArray(of)) return of.pop();
  const found = of instanceof Set ? of.values().next().value : key;
  const value = of instanceof Set ? found : of.has(found) ? of.get(found) : otherwise;
  of.delete(found);
  return value;
}

export function append(of: Value[], value: Value): void {
  of.push(value);
}

export function add(of: Set<Value>, value: Value): void {
  of.add(value);
}

export function index(of: Value[], value: Value): number {
  return of.findIndex((one) => equal(one, value));
}

export function join(separator: string, values: Value): string {
  return list(values).join(separator);
}

export function startswith(text: string, beginnings: Value): boolean {
  return [beginnings].flat().some((one) => text.startsWith(one));
}

export function endswith(text: string, ends: Value): boolean {
  return [ends].flat().some((one) => text.endsWith(one));
}

/** Of text, or of an object some of its fields. */
export function replace(of: Value, what: Value, by?: string): Value {
  if (typeof of === "string") return of.replaceAll(what, () => by!);
  const { fields } = of.constructor as { fields: readonly string[] };
  return new of.constructor(...fields.map((name) => (what.has(name) ? what.get(name) : of[name])));
}

export function split(text: string, separator: string, most = Number.POSITIVE_INFINITY): string[] {
  const parts = text.split(separator);
  return parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)];
}

export function rsplit(text: string, separator: string, most: number): string[] {
  const parts = text.split(separator);
  const from = Math.max(1, parts.length - most);
  return [parts.slice(0, from).join(separator), ...parts.slice(from)];
}

export function rpartition(text: string, separator: string): [string, string, string] {
  const at = text.lastIndexOf(separator);
  return at < 0 ? ["", "", text] : [text.slice(0, at), separator, text.slice(at + separator.length)];
}

export function strip(text: string, characters: string): string {
  let [from, to] = [0, text.length];
  while (from < to && characters.includes(text[from]!)) from++;
  while (to > from && characters.includes(text[to - 1]!)) to--;
  return text.slice(from, to);
}

export function count(text: string, part: string): number {
  return text.split(part).length - 1;
}

export function lower(text: string): string {
  return text.toLowerCase();
}

export function isascii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}

export function isalpha(text: string): boolean {
  return /^\p{L}+$/u.test(text);
}

export function is_integer(value: number): boolean {
  return Number.isInteger(Number(value));
}

export function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

// Modules.

export class Match {
  constructor(private readonly found: RegExpExecArray) {}

  group(which: number | string): string | null {
    const value = typeof which === "number" ? this.found[which] : this.found.groups?.[which];
    return value ?? null;
  }
}

export class Pattern {
  private readonly anywhere: RegExp;
  private readonly start: RegExp;
  private readonly whole: RegExp;

  constructor(source: string, flags = "") {
    const pattern = source.replaceAll("(?P<", "(?<");
    this.anywhere = new RegExp(pattern, `g${flags}`);
    this.start = new RegExp(pattern, `y${flags}`);
    this.whole = new RegExp(`^(?:${pattern})$`, flags);
  }

  match(text: string): Match | null {
    this.start.lastIndex = 0;
    return matched(this.start.exec(text));
  }

  fullmatch(text: string): Match | null {
    return matched(this.whole.exec(text));
  }

  sub(by: string | ((match: Match) => string), text: string): string {
    return text.replace(this.anywhere, (...given) => {
      const groups = typeof given[given.length - 1] === "object" ? given.pop() : undefined;
      if (typeof by === "string") return by.replace(/\\g<(\w+)>/g, (_, name: string) => groups?.[name] ?? "");
      return by(new Match(Object.assign(given.slice(0, -2), { groups }) as unknown as RegExpExecArray));
    });
  }
}

function matched(found: RegExpExecArray | null): Match | null {
  return found === null ? null : new Match(found);
}

export function match(pattern: Pattern, text: string): Match | null {
  return pattern.match(text);
}

export function fullmatch(pattern: Pattern, text: string): Match | null {
  return pattern.fullmatch(text);
}

export function sub(pattern: Pattern, by: string | ((match: Match) => string), text: string): string {
  return pattern.sub(by, text);
}

export const re = {
  sub: (source: string, by: string, text: string): string => new Pattern(source).sub(by, text),
};

export const math = {
  pi: Math.PI,
  inf: Number.POSITIVE_INFINITY,
  ceil: Math.ceil,
  floor: Math.floor,
  sqrt: Math.sqrt,
  isfinite: (value: Value): boolean => Number.isFinite(Number(value)),
  prod: (values: Value): number => list(values).reduce((product, value) => product * value, 1),
};
