/** What stands behind a dot or in brackets, in the order in which Jinja's sandbox looks. */
import { fail } from "./failure";
import { subscript } from "./operators";
import { escaped } from "./print";
import { bind, type Definitions, define, table } from "./signature";
import { TEXT_METHODS } from "./text_methods";
import {
  Dict,
  equal,
  Group,
  isList,
  iterate,
  list,
  Markup,
  Namespace,
  Native,
  numeric,
  plain,
  Range,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./values";

const listMethods = {
  count: define("_", (self: readonly Value[], wanted: Value) =>
    BigInt(self.filter((item) => equal(item, wanted)).length),
  ),
  index: define("_ _:i? _:i?", (self: readonly Value[], wanted: Value, start = 0, stop = self.length) => {
    const [from, to] = [start, stop].map((at) => Math.max(0, at < 0 ? at + self.length : at));
    const at = self.findIndex((item, index) => index >= from! && index < to! && equal(item, wanted));
    return at < 0 ? fail("the value is not in the list") : BigInt(at);
  }),
};
const TUPLE_METHODS = table(listMethods);
const LIST_METHODS = table({ ...listMethods, copy: define("", (self: readonly Value[]) => [...self]) });

export const fromKeys = define("_ _?", (_: Value, keys: Value, value: Value = null) =>
  Dict.of(Array.from(iterate(keys), (key) => [key, value] as const)),
);

const view = (name: View["name"]) => define("", (self: Dict) => new View(self, name));
const DICT_METHODS = table({
  copy: define("", (self: Dict) => Dict.of(self.entries())),
  fromkeys: fromKeys,
  get: define("_ _?", (self: Dict, key: Value, otherwise: Value = null) => {
    const found = self.get(key);
    return found === undefined ? otherwise : found;
  }),
  items: view("items"),
  keys: view("keys"),
  values: view("values"),
});
/** Python's dict has these, and a template may not call them. */
const UNSAFE = ["clear", "pop", "popitem", "setdefault", "update"];

const INT_METHODS = table({
  bit_count: define("", (self: bigint) => BigInt(self.toString(2).replace(/[^1]/g, "").length)),
  bit_length: define("", (self: bigint) => BigInt(self === 0n ? 0 : self.toString(2).replace("-", "").length)),
  conjugate: define("", (self: bigint) => self),
});
const FLOAT_METHODS = table({
  conjugate: define("", (self: number) => self),
  is_integer: define("", (self: number) => Number.isInteger(self)),
});

function methods(value: Value): Definitions | undefined {
  if (typeof value === "string") return TEXT_METHODS;
  if (isList(value)) return value instanceof Tuple ? TUPLE_METHODS : LIST_METHODS;
  if (value instanceof Dict) return DICT_METHODS;
  const number = numeric(value);
  return number === undefined ? undefined : typeof number === "bigint" ? INT_METHODS : FLOAT_METHODS;
}

function attribute(value: Value, name: string): Value | undefined {
  if (value instanceof Undefined) return fail(value.hint);
  if (value instanceof Namespace) return name.startsWith("_") ? undefined : value.attributes.get(name);
  if (value instanceof Native) return value.attribute(name);
  if (typeof value === "function") return value.attributes?.get(name);
  if (value instanceof Range && (name === "start" || name === "stop" || name === "step")) return value[name];
  if (value instanceof Group && (name === "grouper" || name === "list")) return value[name === "list" ? 1 : 0];
  const number = numeric(value);
  if (number !== undefined && (name === "real" || name === "imag")) {
    return name === "real" ? number : typeof number === "bigint" ? 0n : 0;
  }
  if (typeof number === "bigint" && name === "numerator") return number;
  if (typeof number === "bigint" && name === "denominator") return 1n;
  if (value instanceof Markup) return markedMethod(value, name);
  const method = methods(value)?.get(name);
  return method && bind(method, value);
}

export function hasAttribute(value: Value, name: string): boolean {
  return attribute(value, name) !== undefined;
}

/** A method of marked text: its arguments are escaped, and the text that it gives is marked. */
function markedMethod(self: Markup, name: string): Value | undefined {
  const method = TEXT_METHODS.get(name);
  const safe = (value: Value): Value => (typeof value === "string" ? escaped(value).text : plain(value));
  const mark = (value: Value): Value => (typeof value === "string" ? new Markup(value) : value);
  return (
    method &&
    ((args, kwargs) => {
      const given = args.map((value) => (name === "join" ? list(value).map(safe) : safe(value)));
      const result = method(self.text, given, new Map(Array.from(kwargs, ([key, value]) => [key, safe(value)])));
      return isList(result) ? (result instanceof Tuple ? Tuple.from(result, mark) : result.map(mark)) : mark(result);
    })
  );
}

/** `value.name` */
export function getAttribute(value: Value, name: string): Value {
  const found = attribute(value, name);
  if (found !== undefined) return found;
  const isUnsafe = value instanceof Dict && (UNSAFE.includes(name) || /^__.*__$/.test(name));
  const item = isUnsafe ? undefined : subscript(value, name);
  return item === undefined ? missing(value, name) : item;
}

/** `value[at]` */
export function getItem(value: Value, at: Value): Value {
  if (value instanceof Undefined) fail(value.hint);
  let found = subscript(value, at);
  if (found === undefined && typeof at === "string") found = attribute(value, at);
  return found === undefined ? missing(value, at) : found;
}

function missing(value: Value, name: Value): Undefined {
  return new Undefined(`'${typeName(value)}' has no '${typeof name === "string" ? name : typeName(name)}'`);
}

/** Jinja's attribute argument of filters: parts between dots, digits are positions. */
export function getPath(value: Value, path: Value, otherwise: Value = null): Value {
  let found = value;
  for (const part of pathParts(path)) {
    found = getItem(found, part);
    if (otherwise !== null && found instanceof Undefined) found = otherwise;
  }
  return found;
}

function pathParts(path: Value): Value[] {
  if (path === null) return [];
  return typeof path === "string" ? path.split(".").map((part) => (/^\d+$/.test(part) ? BigInt(part) : part)) : [path];
}
