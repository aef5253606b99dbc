/** Filters that few templates use; rare.ts loads them. */
import { getAttribute, getPath, hasAttribute } from "./attributes";
import { fail } from "./failure";
import { key, sorted } from "./filters";
import { fixed, printf } from "./format";
import { binary, slice } from "./operators";
import { escaped, join, str } from "./print";
import { pad, splitLines } from "./rare_text_methods";
import { type Definition, define, pairs } from "./signature";
import { strip } from "./text_methods";
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
  numeric,
  points,
  Tuple,
  typeName,
  Undefined,
  type Value,
  View,
} from "./values";
import { wrapped } from "./word_wrap";
import { charge, chargeLength, STEP } from "./work";

function extreme(sign: number): Definition {
  return define("case_sensitive:b? attribute?", (self: Value, caseSensitive?: boolean, path: Value = null) => {
    const by = key(path, caseSensitive);
    const items = list(self);
    if (items.length === 0) return new Undefined("there is no item");
    return items.reduce((best, item) => (compare(by(item), by(best)) * sign > 0 ? item : best));
  });
}

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

export const RARE_FILTERS: Readonly<Record<string, Definition>> = {
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
  center: define("width:i?", (self: Value, width = 80) => pad(str(self), width, " ", "both")),
  dictsort: define(
    "case_sensitive:b? by? reverse:b?",
    (self: Value, caseSensitive?: boolean, by: Value = "key", reverse?: boolean) => {
      if (by !== "key" && by !== "value") fail("dictsort goes by key or value");
      if (!(self instanceof Dict)) return fail("dictsort needs a dict");
      return sorted(new View(self, "items").list(), key(by === "key" ? 0n : 1n, caseSensitive), reverse);
    },
  ),
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
  max: extreme(1),
  min: extreme(-1),
  random: define("", (self: Value) => {
    const items = list(self);
    return items.length > 0 ? items[Math.floor(Math.random() * items.length)]! : new Undefined("there is no item");
  }),
  round: define("precision:i? method?", rounded),
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
  sum: define("attribute? start?", (self: Value, path: Value = null, start: Value = 0n) => {
    if (typeof start === "string") fail("sum adds no text");
    return list(self).reduce<Value>((total, item) => binary("+", total, getPath(item, path)), start);
  }),
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
  urlencode: define("", (self: Value) => {
    if (typeof self === "string" || !(self instanceof Dict || isList(self) || self instanceof Iter)) return quote(self);
    const entries = self instanceof Dict ? [...self.entries()] : list(self).map(pairs);
    return join(
      entries.map(([name, value]) => `${quote(name, true)}=${quote(value, true)}`),
      "&",
    );
  }),
  xmlattr: define("autospace:b?", (self: Value, space = true) => {
    if (!(self instanceof Dict)) return fail("xmlattr needs a dict");
    const entries = [...self.entries()].filter(([, value]) => value !== null && !(value instanceof Undefined));
    const parts = entries.map(([name, value]) => {
      if (typeof name !== "string" || /[\t-\r />=]/.test(name)) return fail(`${str(name)} is no name of an attribute`);
      return `${escaped(name).text}="${escaped(value).text}"`;
    });
    return (space && parts.length > 0 ? " " : "") + join(parts, " ");
  }),
  wordcount: define("", (self: Value) => BigInt(str(self).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
  wordwrap: define(
    "width:i? break_long_words:b? wrapstring:S? break_on_hyphens:b?",
    (self: Value, width = 79, breakLongWords = true, end: string | null = null, breakOnHyphens = true) => {
      if (typeof self !== "string") return fail("wordwrap needs text");
      if (width <= 0) fail("wordwrap needs a width above 0");
      const lines = splitLines(self).map((line) =>
        join(wrapped(line, { width, breakLongWords, breakOnHyphens }), end ?? "\n"),
      );
      return join(lines, end ?? "\n");
    },
  ),
};
