/** Python's operators on values: arithmetic, containment, subscripts and slices. */
import { fail } from "./failure";
import { printf } from "./format";
import { escaped, str } from "./print";
import { index } from "./signature";
import {
  Dict,
  equal,
  isList,
  iterate,
  Markup,
  numeric,
  plain,
  points,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./values";
import { charge, chargeLength, limitLength, STEP } from "./work";

/** Python does not print a longer int either. */
const MAX_DIGITS = 4300;

export function binary(operator: string, left: Value, right: Value): Value {
  charge(STEP);
  const [a, b] = [numeric(left), numeric(right)];
  if (a !== undefined && b !== undefined) return arithmetic(operator, a, b);
  if (left instanceof Markup || right instanceof Markup) return withMarkup(operator, left, right);
  if (operator === "+") {
    if (typeof left === "string" && typeof right === "string") return concat(left, right);
    if (isList(left) && isList(right) && typeName(left) === typeName(right) && !(left instanceof Range)) {
      chargeLength(left.length + right.length);
      const both = [...left, ...right];
      return left instanceof Tuple ? Tuple.from(both) : both;
    }
  }
  if (operator === "*") {
    if (typeof a === "bigint") return repeat(right, a);
    if (typeof b === "bigint") return repeat(left, b);
  }
  if (operator === "%" && typeof left === "string") return printf(left, right);
  const missing = left instanceof Undefined ? left : right;
  if (missing instanceof Undefined) fail(missing.hint);
  return fail(`${operator} cannot take '${typeName(left)}' and '${typeName(right)}'`);
}

function withMarkup(operator: string, left: Value, right: Value): Value {
  const isText = (value: Value): boolean => typeof value === "string" || value instanceof Markup;
  if (operator === "+" && isText(left) && isText(right))
    return new Markup(concat(escaped(left).text, escaped(right).text));
  if (operator === "%" && left instanceof Markup) {
    const safe = (value: Value): Value => (isText(value) ? escaped(value).text : value);
    return new Markup(printf(left.text, right instanceof Tuple ? Tuple.from(right, safe) : safe(right)));
  }
  const result = binary(operator, plain(left), plain(right));
  return operator === "*" && typeof result === "string" ? new Markup(result) : result;
}

/** Strings put together share their characters, so doubling costs what the result has. */
export function concat(left: string, right: string): string {
  charge(Math.min(left.length, right.length));
  limitLength(left.length + right.length);
  return left + right;
}

function repeat(value: Value, times: bigint): Value {
  const count = Math.max(0, Number(times));
  if (typeof value === "string") {
    chargeLength(value.length * count);
    return value.repeat(count);
  }
  if (!isList(value) || value instanceof Range) return fail(`'${typeName(value)}' cannot be repeated`);
  chargeLength(value.length * count);
  const items: Value[] = [];
  for (let round = 0; round < count && value.length > 0; round++) for (const item of value) items.push(item);
  return value instanceof Tuple ? Tuple.from(items) : items;
}

function arithmetic(operator: string, a: bigint | number, b: bigint | number): Value {
  if (typeof a === "bigint" && typeof b === "bigint" && operator !== "/" && !(operator === "**" && b < 0n)) {
    const result = integers(operator, a, b);
    const digits = String(result).length;
    charge(digits);
    return digits > MAX_DIGITS ? fail(`a number has more than ${MAX_DIGITS} digits`) : result;
  }
  return floats(operator, Number(a), Number(b));
}

function integers(operator: string, a: bigint, b: bigint): bigint {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (operator === "**") {
    if (a * a > 1n && Number(b) * String(a).length > 2 * MAX_DIGITS) fail("a power is too large");
    return a ** b;
  }
  if (b === 0n) fail("division by zero");
  // JavaScript rounds towards zero, Python down.
  const rest = a % b;
  const below = rest !== 0n && rest < 0n !== b < 0n;
  if (operator === "%") return below ? rest + b : rest;
  return a / b - (below ? 1n : 0n);
}

function floats(operator: string, a: number, b: number): number {
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  if (operator === "**") {
    const power = a ** b;
    const [finite, real] = [Number.isFinite(a) && Number.isFinite(b), !Number.isNaN(power)];
    if (finite && !(real && Number.isFinite(power))) fail("a power is not a number");
    return power;
  }
  if (b === 0) fail("division by zero");
  if (operator === "/") return a / b;
  const rest = a % b;
  const below = rest !== 0 && rest < 0 !== b < 0;
  if (operator === "%") return below ? rest + b : rest === 0 ? rest * Math.sign(b) : rest;
  return Math.round((a - (below ? rest + b : rest)) / b);
}

export function negate(value: Value): Value {
  const number = numeric(value);
  return number === undefined ? binary("-", 0n, value) : typeof number === "bigint" ? -number : -number;
}

/** `item in container`. */
export function contains(where: Value, what: Value): boolean {
  charge(STEP);
  const [container, item] = [plain(where), plain(what)];
  if (typeof container === "string") {
    charge(container.length);
    return typeof item === "string" ? container.includes(item) : fail("'in <string>' requires a string");
  }
  if (container instanceof Dict) return container.get(item) !== undefined;
  if (container instanceof View && container.name === "keys") return container.dict.get(item) !== undefined;
  for (const candidate of iterate(container)) if (candidate === item || equal(candidate, item)) return true;
  return false;
}

/** `target[at]` where it is there. */
export function subscript(whole: Value, at: Value): Value | undefined {
  charge(STEP);
  const target = plain(whole);
  if (target instanceof Dict) return isList(at) && !(at instanceof Tuple) ? undefined : target.get(at);
  const position = numeric(at);
  if (typeof position !== "bigint" || !(typeof target === "string" || isList(target))) return undefined;
  const items = typeof target === "string" ? points(target) : target;
  const item = items[Number(position < 0n ? position + BigInt(items.length) : position)];
  return whole instanceof Markup && typeof item === "string" ? new Markup(item) : item;
}

export function slice(whole: Value, start: Value, stop: Value, step: Value): Value {
  const target = plain(whole);
  if (typeof target !== "string" && !isList(target)) {
    return fail(target instanceof Undefined ? target.hint : `'${typeName(target)}' cannot be sliced`);
  }
  const items = typeof target === "string" ? points(target) : target;
  const by = step === null ? 1 : index(step);
  if (by === 0) fail("slice step cannot be zero");
  const [lowest, highest] = by > 0 ? [0, items.length] : [-1, items.length - 1];
  const bound = (at: Value, absent: number): number => {
    if (at === null) return absent;
    const position = index(at);
    return Math.min(highest, Math.max(lowest, position < 0 ? position + items.length : position));
  };
  const from = bound(start, by > 0 ? lowest : highest);
  const to = bound(stop, by > 0 ? highest : lowest);
  const picked: Value[] = [];
  for (let at = from; by > 0 ? at < to : at > to; at += by) picked.push(items[at]!);
  charge(picked.length * 2);
  if (typeof target === "string") return whole === target ? picked.join("") : new Markup(picked.join(""));
  if (target instanceof Range) {
    const place = (at: number): bigint => target.start + BigInt(at) * target.step;
    return range(place(from), place(to), target.step * BigInt(by));
  }
  return target instanceof Tuple ? Tuple.from(picked) : picked;
}

/** Jinja's sandbox has the same limit. */
const MAX_RANGE = 100_000n;

export function range(start: bigint, stop: bigint, step: bigint): Range {
  if (step === 0n) fail("range() needs a step that is not zero");
  const distance = step > 0n ? stop - start : start - stop;
  const size = step > 0n ? step : -step;
  const count = distance > 0n ? (distance + size - 1n) / size : 0n;
  if (count > MAX_RANGE) fail(`range() must give at most ${MAX_RANGE} numbers`);
  chargeLength(Number(count) * 2);
  const numbers = Range.from({ length: Number(count) }, (_, at) => start + BigInt(at) * step) as unknown as Range;
  return Object.assign(numbers, { start, stop, step });
}

/** `a ~ b`. */
export function textOf(values: readonly Value[]): string {
  return values.map(str).reduce(concat, "");
}
