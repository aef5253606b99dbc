/** Jinja's filters, with transformers' tojson: `value | name(arguments)`. */
import { getPath } from "./attributes";
import { fail } from "./failure";
import { binary } from "./operators";
import { escaped, join, str, toJson } from "./print";
import { type Definition, type Definitions, define, pairs, table } from "./signature";
import { holds, TESTS } from "./tests";
import { capitalize, replace, SPACE, strip } from "./text_methods";
import {
  compare,
  Dict,
  Iter,
  iterate,
  type Kwargs,
  length,
  list,
  Markup,
  points,
  truth,
  typeName,
  Undefined,
  type Value,
  View,
} from "./values";
import { charge, chargeLength, STEP } from "./work";

export type Key = (value: Value) => Value;

/** What is compared: the value at a path, in lower case unless case counts. */
export function key(path: Value, caseSensitive: boolean | undefined, otherwise: Value = null): Key {
  return (value) => {
    const found = getPath(value, path, otherwise);
    return typeof found === "string" && !caseSensitive ? found.toLowerCase() : found;
  };
}

export function sorted(values: readonly Value[], by: Key, reverse = false): Value[] {
  const keyed = values.map((value) => [by(value), value] as const);
  keyed.sort(([left], [right]) => (reverse ? compare(right, left) : compare(left, right)));
  return keyed.map(([, value]) => value);
}

const text = (change: (self: string) => string): Definition =>
  define("", (self: Value) => {
    const whole = str(self);
    chargeLength(whole.length * 3);
    return change(whole);
  });

/** select and reject, of the values or of an attribute. */
function choosing(wanted: boolean, byAttribute: boolean): Definition {
  return define("*", (self: Value, args: readonly Value[], kwargs: Kwargs) => {
    const [path, rest] = byAttribute ? [args[0], args.slice(1)] : [null, args];
    const [name, ...more] = rest;
    return new Iter(
      (function* () {
        if (!truth(self)) return;
        if (path === undefined) fail("the name of an attribute is missing");
        for (const item of iterate(self)) {
          charge(STEP);
          const value = byAttribute ? getPath(item, path) : item;
          const isChosen = name === undefined ? truth(value) : holds(name, value, more, kwargs);
          if (isChosen === wanted) yield item;
        }
      })(),
    );
  });
}

const map = define("*", (self: Value, args: readonly Value[], kwargs: Kwargs) => {
  const [name, ...rest] = args;
  const isPath = name === undefined && kwargs.has("attribute");
  if (isPath && [...kwargs.keys()].some((word) => word !== "attribute" && word !== "default"))
    fail("map has no such argument");
  const filter = typeof name === "string" ? FILTERS.get(name) : undefined;
  return new Iter(
    (function* () {
      if (!truth(self)) return;
      if (!isPath && filter === undefined) fail("map needs a filter or attribute=");
      for (const item of iterate(self)) {
        charge(STEP);
        yield isPath
          ? getPath(item, kwargs.get("attribute")!, kwargs.get("default") ?? null)
          : filter!(item, rest, kwargs);
      }
    })(),
  );
});

/** Of marked text the result is marked too. */
const marking =
  (change: Definition): Definition =>
  (self, args, kwargs) => {
    const result = change(self, args, kwargs);
    return self instanceof Markup && typeof result === "string" ? new Markup(result) : result;
  };
const escaping: Definition = (self) => escaped(self);
const otherwise = define("default_value? boolean:b?", (self: Value, value: Value = "", falseToo = false) =>
  self instanceof Undefined || (falseToo && !truth(self)) ? value : self,
);
const count = define("", (self: Value) => {
  const found = length(self);
  return found === undefined ? fail(`'${typeName(self)}' has no length`) : BigInt(found);
});

export const FILTERS = new Map<string, Definition>(
  table({
    capitalize: marking(text(capitalize)),
    count,
    d: otherwise,
    default: otherwise,
    e: escaping,
    escape: escaping,
    first: define("", (self: Value) => {
      const next = iterate(self).next();
      return next.done ? new Undefined("there is no first item") : next.value;
    }),
    items: define("", (self: Value) => {
      if (!(self instanceof Dict || self instanceof Undefined)) fail("items needs a dict");
      return new Iter((self instanceof Dict ? new View(self, "items").list() : []).values());
    }),
    join: define("d? attribute?", (self: Value, between: Value = "", path: Value = null) =>
      join(
        list(self).map((item) => str(getPath(item, path))),
        str(between),
      ),
    ),
    last: define("", (self: Value) => {
      if (self instanceof Iter) fail("a generator has no last item");
      const items = list(self);
      return items.length > 0 ? items.at(-1)! : new Undefined("there is no last item");
    }),
    length: count,
    list: define("", list),
    lower: marking(text((self) => self.toLowerCase())),
    map,
    reject: choosing(false, false),
    rejectattr: choosing(false, true),
    replace: define("old new count:I?", (self: Value, old: Value, next: Value, most?: number | null) =>
      replace(str(self), str(old), str(next), most ?? -1),
    ),
    reverse: define("", (self: Value) => {
      if (typeof self === "string") return join([...points(self)].reverse(), "");
      const items = list(self).reverse();
      return self instanceof Iter || self instanceof Undefined ? items : new Iter(items.values());
    }),
    safe: (self) => (self instanceof Markup ? self : new Markup(str(self))),
    select: choosing(true, false),
    selectattr: choosing(true, true),
    string: marking(text((self) => self)),
    title: text((self) =>
      self
        .split(new RegExp(`([-${SPACE}({\\[<]+)`))
        .map((word) => {
          const first = points(word)[0] ?? "";
          return first.toUpperCase() + word.slice(first.length).toLowerCase();
        })
        .join(""),
    ),
    tojson: define(
      "ensure_ascii:b? indent? separators? sort_keys:b?",
      (self: Value, ascii = false, indent: Value = null, separators: Value = null, sort = false) => {
        const [item, colon] = separators === null ? [indent === null ? ", " : ",", ": "] : pairs(separators);
        if (typeof item !== "string" || typeof colon !== "string") return fail("separators are two strings");
        const margin =
          typeof indent === "string" ? indent : indent === null ? null : (binary("*", " ", indent) as string);
        return toJson(self, {
          ascii,
          indent: margin,
          item,
          key: colon,
          sort: sort ? (keys) => sorted(keys, (name) => name) : null,
        });
      },
    ),
    trim: marking(define("chars:S?", (self: Value, characters?: string | null) => strip(str(self), characters))),
    upper: marking(text((self) => self.toUpperCase())),
  }),
);

/** The tests, with the one that asks for filters. */
export const ALL_TESTS: Definitions = new Map([
  ...TESTS,
  ["filter", define("", (self: Value) => typeof self === "string" && FILTERS.has(self))],
]);
