/** Jinja's filters, with transformers' tojson: `value | name(arguments)`. */
import { getAttribute, getPath, hasAttribute } from "./attributes";
import { fail } from "./failure";
import { fixed, printf } from "./format";
import { binary, slice } from "./operators";
import { escaped, join, str, toJson } from "./print";
import { type Definition, type Definitions, define, pairs, table } from "./signature";
import { holds, TESTS } from "./tests";
import { capitalize, pad, replace, SPACE, splitLines, strip } from "./text_methods";
import {
  compare,
  Dict,
  equal,
  Group,
  Iter,
  isList,
  iterate,
  type Kwargs,
  length,
  list,
  Markup,
  numeric,
  points,
  Tuple,
  truth,
  typeName,
  Undefined,
  type Value,
  View,
} from "./values";
import { charge, chargeLength, STEP } from "./work";

type Key = (value: Value) => Value;

/** What is compared: the value at a path, in lower case unless case counts. */
function key(path: Value, caseSensitive: boolean | undefined, otherwise: Value = null): Key {
  return (value) => {
    const found = getPath(value, path, otherwise);
    return typeof found === "string" && !caseSensitive ? found.toLowerCase() : found;
  };
}

function sorted(values: readonly Value[], by: Key, reverse = false): Value[] {
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

function extreme(sign: number): Definition {
  return define("case_sensitive:b? attribute?", (self: Value, caseSensitive?: boolean, path: Value = null) => {
    const by = key(path, caseSensitive);
    const items = list(self);
    if (items.length === 0) return new Undefined("there is no item");
    return items.reduce((best, item) => (compare(by(item), by(best)) * sign > 0 ? item : best));
  });
}

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

function toInt(self: Value, otherwise: Value = 0n, base = 10): Value {
  if (self instanceof Undefined) fail(self.hint);
  const number = numeric(self);
  if (typeof number === "bigint") return number;
  if (typeof number === "number") {
    if (Number.isFinite(number)) return BigInt(Math.trunc(number));
    return Number.isNaN(number) ? otherwise : fail("infinity is no integer");
  }
  if (typeof self !== "string") return otherwise;
  const parsed = /^([-+]?)(?:0([xob]))?(\w+)$/i.exec(strip(self));
  const prefix = { x: 16, o: 8, b: 2 }[parsed?.[2]?.toLowerCase() ?? ""];
  const isPrefix = prefix !== undefined && (base === prefix || base === 0);
  const digits = isPrefix ? parsed![3]! : (parsed?.[2] ? `0${parsed[2]}` : "") + (parsed?.[3] ?? "");
  const radix = isPrefix ? prefix : base || 10;
  const isNumber = !digits.startsWith("_") && !/__|_$/.test(digits) && digits !== "";
  let total = 0n;
  for (const digit of digits.replaceAll("_", "")) {
    const worth = Number.parseInt(digit, radix);
    total = isNumber && !Number.isNaN(worth) && total >= 0n ? total * BigInt(radix) + BigInt(worth) : -1n;
    charge(STEP + digits.length);
  }
  if (isNumber && total >= 0n) return parsed![1] === "-" ? -total : total;
  const float = toFloat(self);
  return Number.isFinite(float) ? BigInt(Math.trunc(float)) : otherwise;
}

/** float(text): NaN also where it is none. */
function toFloat(self: string): number {
  const digits = strip(self).toLowerCase();
  if (/^[-+]?inf(inity)?$/.test(digits))
    return digits.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^[-+]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)(e[-+]?\d+(_\d+)*)?$/.test(digits)
    ? Number(digits.replaceAll("_", ""))
    : Number.NaN;
}

function quote(value: Value, inQuery = false): string {
  const safe = inQuery ? "" : "/";
  return str(value).replace(/./gsu, (character) => {
    if (/[\w.~-]/.test(character) || character === safe) return character;
    return inQuery && character === " "
      ? "+"
      : encodeURIComponent(character).replace(/^[!'()*]$/, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  });
}

function rounded(value: Value, digits = 0, method: Value = "common"): Value {
  const number = numeric(value);
  if (number === undefined) return fail(`'${typeName(value)}' cannot be rounded`);
  if (method !== "common") {
    const scale = 10 ** digits;
    if (method !== "ceil" && method !== "floor") fail("the method must be common, ceil or floor");
    return Math[method as "ceil" | "floor"](Number(number) * scale) / scale;
  }
  if (typeof number === "number") {
    if (digits >= 0) return Number.isFinite(number) ? Number(fixed(number, Math.min(digits, 100))) : number;
    return Number(fixed(number / 10 ** -digits, 0)) * 10 ** -digits;
  }
  if (digits >= 0) return number;
  const unit = 10n ** BigInt(Math.min(-digits, 400));
  const rest = ((number % unit) + unit) % unit;
  const down = number - rest;
  const isUp = rest * 2n > unit || (rest * 2n === unit && (down / unit) % 2n !== 0n);
  return isUp ? down + unit : down;
}

const SIZES = ["kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

export const FILTERS: Definitions = table({
  abs: define("", (self: Value) => {
    const number = numeric(self) ?? fail("abs needs a number");
    return number < 0 ? -number : number;
  }),
  attr: define("name", (self: Value, name: Value) =>
    typeof name === "string" && hasAttribute(self, name)
      ? getAttribute(self, name)
      : new Undefined(`there is no attribute`),
  ),
  batch: define("linecount:i fill_with?", (self: Value, size: number, fill: Value = null) => {
    const rows: Value[][] = [[]];
    for (const item of list(self)) {
      if (rows.at(-1)!.length === size) rows.push([]);
      rows.at(-1)!.push(item);
    }
    const last = rows.at(-1)!;
    if (last.length === 0) rows.pop();
    else if (fill !== null) {
      chargeLength(size);
      while (last.length < size) last.push(fill);
    }
    return new Iter(rows.values());
  }),
  capitalize: marking(text(capitalize)),
  center: define("width:i?", (self: Value, width = 80) => pad(str(self), width, " ", "both")),
  count,
  d: otherwise,
  default: otherwise,
  dictsort: define(
    "case_sensitive:b? by? reverse:b?",
    (self: Value, caseSensitive?: boolean, by: Value = "key", reverse?: boolean) => {
      if (by !== "key" && by !== "value") fail("dictsort goes by key or value");
      if (!(self instanceof Dict)) return fail("dictsort needs a dict");
      return sorted(new View(self, "items").list(), key(by === "key" ? 0n : 1n, caseSensitive), reverse);
    },
  ),
  e: escaping,
  escape: escaping,
  filesizeformat: define("binary:b?", (self: Value, binary?: boolean) => {
    const bytes = Number(numeric(self) ?? toFloat(str(self)));
    const base = binary ? 1024 : 1000;
    if (bytes === 1) return "1 Byte";
    if (bytes < base) return `${Math.trunc(bytes)} Bytes`;
    let step = 0;
    while (step < SIZES.length - 1 && bytes >= base ** (step + 2)) step++;
    const unit = SIZES[step]!;
    return `${fixed((base * bytes) / base ** (step + 2), 1)} ${binary ? `${unit[0]!.toUpperCase()}iB` : unit}`;
  }),
  first: define("", (self: Value) => {
    const next = iterate(self).next();
    return next.done ? new Undefined("there is no first item") : next.value;
  }),
  float: define("default?", (self: Value, value: Value = 0) => {
    if (self instanceof Undefined) fail(self.hint);
    const number = numeric(self);
    if (number !== undefined) return Number(number);
    const parsed = typeof self === "string" ? toFloat(self) : Number.NaN;
    return Number.isNaN(parsed) && !/^\s*[-+]?nan\s*$/i.test(str(self)) ? value : parsed;
  }),
  forceescape: (self) => escaped(str(self)),
  format: define("*", (self: Value, args: readonly Value[], kwargs: Kwargs) => {
    if (args.length > 0 && kwargs.size > 0) fail("format takes arguments with names or without");
    return printf(str(self), kwargs.size > 0 ? Dict.of(kwargs) : Tuple.from(args));
  }),
  groupby: define(
    "attribute default? case_sensitive:b?",
    (self: Value, path: Value, value: Value = null, caseSensitive?: boolean) => {
      const by = key(path, caseSensitive, value);
      const groups: { by: Value; items: Value[] }[] = [];
      for (const item of sorted(list(self), by)) {
        const last = groups.at(-1);
        if (last !== undefined && equal(last.by, by(item))) last.items.push(item);
        else groups.push({ by: by(item), items: [item] });
      }
      return groups.map((group) => Group.of(getPath(group.items[0]!, path, value), group.items));
    },
  ),
  indent: define("width? first:b? blank:b?", (self: Value, width: Value = 4n, first?: boolean, blank?: boolean) => {
    if (typeof self !== "string") return fail("indent needs text");
    const margin = typeof width === "string" ? width : (binary("*", " ", width) as string);
    const lines = splitLines(`${self}\n`);
    chargeLength(lines.length * margin.length);
    const indented = lines.map((line, at) => (at > 0 && (blank || line !== "") ? margin + line : line));
    return (first ? margin : "") + join(indented, "\n");
  }),
  int: define("default? base:i?", toInt),
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
  max: extreme(1),
  min: extreme(-1),
  random: define("", (self: Value) => {
    const items = list(self);
    return items.length > 0 ? items[Math.floor(Math.random() * items.length)]! : new Undefined("there is no item");
  }),
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
  round: define("precision:i? method?", rounded),
  safe: (self) => (self instanceof Markup ? self : new Markup(str(self))),
  select: choosing(true, false),
  selectattr: choosing(true, true),
  slice: define("slices:i fill_with?", (self: Value, slices: number, fill: Value = null) => {
    const items = list(self);
    if (slices === 0) fail("slice needs at least one");
    chargeLength(slices);
    const [size, longer] = [Math.floor(items.length / slices), items.length % slices];
    const rows: Value[][] = [];
    for (let row = 0; row < slices; row++) {
      const start = row * size + Math.min(row, longer);
      const cells = items.slice(start, start + size + (row < longer ? 1 : 0));
      rows.push(fill !== null && row >= longer ? [...cells, fill] : cells);
    }
    return new Iter(rows.values());
  }),
  sort: define(
    "reverse:b? case_sensitive:b? attribute?",
    (self: Value, reverse?: boolean, caseSensitive?: boolean, path: Value = null) => {
      const keys = (typeof path === "string" ? path.split(",") : [path]).map((part) => key(part, caseSensitive));
      return sorted(list(self), (item) => keys.map((by) => by(item)), reverse);
    },
  ),
  string: marking(text((self) => self)),
  sum: define("attribute? start?", (self: Value, path: Value = null, start: Value = 0n) => {
    if (typeof start === "string") fail("sum adds no text");
    return list(self).reduce<Value>((total, item) => binary("+", total, getPath(item, path)), start);
  }),
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
  truncate: define(
    "length:i? killwords:b? end:s? leeway:I?",
    (self: Value, size = 255, cut = false, end = "...", leeway?: number | null) => {
      const [spare, room] = [leeway ?? 5, size - points(end).length];
      if (room < 0 || spare < 0) fail("truncate has no room for its end");
      if ((length(self) ?? fail("truncate needs text")) <= size + spare) return self;
      if (typeof self !== "string") return fail("truncate needs text");
      const kept = slice(self, null, BigInt(room), null) as string;
      const space = kept.lastIndexOf(" ");
      return (cut || space < 0 ? kept : kept.slice(0, space)) + end;
    },
  ),
  unique: define("case_sensitive:b? attribute?", (self: Value, caseSensitive?: boolean, path: Value = null) => {
    const [seen, by] = [new Dict(), key(path, caseSensitive)];
    return new Iter(
      (function* () {
        for (const item of iterate(self)) {
          charge(STEP);
          if (seen.get(by(item)) !== undefined) continue;
          seen.set(by(item), true);
          yield item;
        }
      })(),
    );
  }),
  upper: marking(text((self) => self.toUpperCase())),
  urlencode: define("", (self: Value) => {
    if (typeof self === "string" || !(self instanceof Dict || isList(self) || self instanceof Iter)) return quote(self);
    const entries = self instanceof Dict ? [...self.entries()] : list(self).map(pairs);
    return join(
      entries.map(([name, value]) => `${quote(name, true)}=${quote(value, true)}`),
      "&",
    );
  }),
  wordcount: define("", (self: Value) => BigInt(str(self).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
});

/** The tests, with the one that asks for filters. */
export const ALL_TESTS: Definitions = new Map([
  ...TESTS,
  ["filter", define("", (self: Value) => typeof self === "string" && FILTERS.has(self))],
]);
