/**
 * Python's values as templates see them, and what all of them can do: truth, equality, order, hashing, iteration.
 *
 * None is null, int a bigint, float a number, str a string (iterated by code points), list an array; the rest are the
 * classes below. Nothing of a value is ever reached by a JavaScript property name that a template chose.
 */
import { fail } from "./failure";
import { charge, STEP } from "./work";

export type Value = null | boolean | bigint | number | string | readonly Value[] | Instance | Callable;
export type Kwargs = ReadonlyMap<string, Value>;
export type Callable = ((args: readonly Value[], kwargs: Kwargs) => Value) & {
  /** Of a macro. */
  readonly attributes?: ReadonlyMap<string, Value>;
};
type Instance = Markup | Dict | Iter | View | Undefined | Namespace | Native;

/** Text that `safe` or `escape` has marked: what is added to it is escaped. Anything else sees its text. */
export class Markup {
  constructor(readonly text: string) {}
}

/** Without the mark. */
export function plain(value: Value): Value {
  return value instanceof Markup ? value.text : value;
}

export class Tuple extends Array<Value> {
  // What is made of a tuple by map or slice is a list.
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/** What groupby gives. */
export class Group extends Tuple {}

export class Range extends Tuple {
  start = 0n;
  step = 1n;
  stop = 0n;
}

/** Insertion order, and one entry for 1, 1.0 and true, as in Python. */
export class Dict {
  private readonly map = new Map<unknown, [Value, Value]>();

  static of(entries: Iterable<readonly [Value, Value]>): Dict {
    const dict = new Dict();
    for (const [key, value] of entries) dict.set(key, value);
    return dict;
  }
  get size(): number {
    return this.map.size;
  }
  get(key: Value): Value | undefined {
    return this.map.get(hash(key))?.[1];
  }
  set(key: Value, value: Value): void {
    const hashed = hash(key);
    this.map.set(hashed, [this.map.get(hashed)?.[0] ?? key, value]);
  }
  entries(): Iterable<[Value, Value]> {
    return this.map.values();
  }
}

/** dict.keys(), .values() and .items(): iterated as often as wanted. */
export class View {
  constructor(
    readonly dict: Dict,
    readonly name: "keys" | "values" | "items",
  ) {}
  list(): Value[] {
    const { name } = this;
    return Array.from(this.dict.entries(), ([key, value]) =>
      name === "keys" ? key : name === "values" ? value : Tuple.of(key, value),
    );
  }
}

/** A generator: iterated once, true, without length. */
export class Iter {
  constructor(readonly iterator: Iterator<Value>) {}
}

/** What is not there: empty text, false, no items; anything else fails with `hint`. */
export class Undefined {
  constructor(readonly hint: string) {}
}

export class Namespace {
  readonly attributes = new Map<string, Value>();
  set(name: string, value: Value): void {
    if (name.startsWith("_")) fail(`a namespace cannot hold ${name}`);
    this.attributes.set(name, value);
  }
}

/** An object of Jinja itself, such as loop. */
export abstract class Native {
  abstract attribute(name: string): Value | undefined;
  readonly call?: Callable;
}

export function typeName(value: Value): string {
  if (value === null) return "NoneType";
  if (typeof value === "object") {
    if (value instanceof Tuple) return value instanceof Range ? "range" : "tuple";
    if (Array.isArray(value)) return "list";
    if (value instanceof View) return `dict_${value.name}`;
    if (value instanceof Markup) return "Markup";
    return value instanceof Dict ? "dict" : value instanceof Undefined ? "Undefined" : "object";
  }
  const names: Record<string, string> = { boolean: "bool", bigint: "int", number: "float", string: "str" };
  return names[typeof value] ?? "function";
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

/** Numbers and booleans, else undefined. */
export function numeric(value: Value): bigint | number | undefined {
  if (typeof value === "boolean") return BigInt(value);
  return typeof value === "bigint" || typeof value === "number" ? value : undefined;
}

export function truth(value: Value): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof View) return value.dict.size > 0;
  if (value instanceof Markup) return value.text !== "";
  return isList(value) ? value.length > 0 : Boolean(value);
}

/** len(), or undefined where Python raises. In code points. */
export function length(value: Value): number | undefined {
  if (typeof value === "string") return points(value).length;
  if (isList(value)) return value.length;
  if (value instanceof Dict) return value.size;
  if (value instanceof View) return value.dict.size;
  if (value instanceof Markup) return points(value.text).length;
  if (value instanceof Native) {
    const own = value.attribute("length");
    return typeof own === "bigint" ? Number(own) : undefined;
  }
  return value instanceof Undefined ? 0 : undefined;
}

/** The code points of a string; the string itself where they are its UTF-16 units. */
export function points(value: string): string | string[] {
  charge(value.length >> 3);
  return /[\ud800-\udfff]/.test(value) ? [...value] : value;
}

export function isIterable(value: Value): boolean {
  if (value === null || value instanceof Namespace || value instanceof Native) return false;
  return typeof value === "string" || typeof value === "object";
}

export function* iterate(value: Value): Generator<Value, void> {
  if (!isIterable(value)) fail(`'${typeName(value)}' object is not iterable`);
  if (value instanceof Iter) {
    for (let next = value.iterator.next(); !next.done; next = value.iterator.next()) yield next.value;
  } else if (value instanceof Markup) yield* value.text;
  else if (typeof value === "string" || isList(value)) yield* value;
  else if (value instanceof View) yield* value.list();
  else if (value instanceof Dict) yield* new View(value, "keys").list();
}

/** list(value), charged item by item. */
export function list(value: Value): Value[] {
  const items: Value[] = [];
  for (const item of iterate(value)) {
    charge(STEP);
    items.push(item);
  }
  return items;
}

function hash(marked: Value): unknown {
  const value = plain(marked);
  const number = numeric(value);
  if (number !== undefined) return Number.isInteger(number) ? BigInt(number) : number;
  if (typeof value === "string") return value.startsWith("\0") ? `\0s${value}` : value;
  if (value instanceof Tuple) {
    const parts = value.map((item) => {
      const part = hash(item);
      if (part !== null && typeof part === "object") fail("such a tuple cannot be a key");
      return `${typeof part}${String(part).length}:${String(part)}`;
    });
    return `\0(${parts}`;
  }
  if (isList(value) || value instanceof Dict) fail(`unhashable type: '${typeName(value)}'`);
  return value instanceof Undefined ? Undefined : value;
}

/** Python's ==. */
export function equal(first: Value, second: Value): boolean {
  charge(STEP);
  const [left, right] = [plain(first), plain(second)];
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) return a <= b && a >= b;
  if (left === right) return true;
  if (left instanceof Undefined) return right instanceof Undefined;
  if (isList(left) && isList(right)) {
    if (typeName(left) !== typeName(right)) return false;
    return left.length === right.length && left.every((item, index) => equal(item, right[index]!));
  }
  if (left instanceof View && right instanceof View && left.name === right.name && left.name !== "values") {
    const items = Dict.of(right.list().map((item) => [item, null]));
    return left.dict.size === items.size && left.list().every((item) => items.get(item) !== undefined);
  }
  if (!(left instanceof Dict && right instanceof Dict) || left.size !== right.size) return false;
  for (const [key, value] of left.entries()) {
    const other = right.get(key);
    if (other === undefined || !equal(value, other)) return false;
  }
  return true;
}

/** Negative, zero or positive; NaN where a number is NaN. Fails where Python's < raises TypeError. */
export function compare(first: Value, second: Value): number {
  charge(STEP);
  const [left, right] = [plain(first), plain(second)];
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) return a < b ? -1 : a > b ? 1 : a <= b ? 0 : Number.NaN;
  if (typeof left === "string" && typeof right === "string") {
    let at = 0;
    while (at < left.length && left[at] === right[at]) at++;
    charge(at);
    // By code points: the units of a surrogate pair sort after every other unit.
    const rank = (unit: number): number =>
      Number.isNaN(unit) ? -1 : unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
    return rank(left.charCodeAt(at)) - rank(right.charCodeAt(at));
  }
  if (isList(left) && isList(right) && typeName(left) === typeName(right) && !(left instanceof Range)) {
    for (let index = 0; index < left.length && index < right.length; index++) {
      if (!equal(left[index]!, right[index]!)) return compare(left[index]!, right[index]!);
    }
    return left.length - right.length;
  }
  if (left instanceof Undefined) fail(left.hint);
  return fail(`'${typeName(left)}' and '${typeName(right)}' cannot be compared`);
}

export function call(target: Value, args: readonly Value[], kwargs: Kwargs): Value {
  charge(STEP);
  const run = target instanceof Native ? target.call : target;
  if (typeof run === "function") return run(args, kwargs);
  return fail(target instanceof Undefined ? target.hint : `'${typeName(target)}' object is not callable`);
}
