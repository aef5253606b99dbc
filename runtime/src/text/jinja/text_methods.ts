/** Methods of str that leave it alone, as Python's. Positions count code points. */
import { fail } from "./failure";
import { formatBraces, type Reach } from "./format";
import { join } from "./print";
import { type Definition, define, table } from "./signature";
import { Dict, list, points, Tuple, typeName, type Value } from "./values";
import { chargeLength } from "./work";

/** Whitespace as str.strip, str.isspace and Jinja's lexer know it, for a class of a regular expression. */
export const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LINE_END = new RegExp(`\r\n|[${"\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029"}]`, "g");
const ALPHABETIC = "\\p{L}";
const DECIMAL = "\\p{Nd}";
const DIGIT = `${DECIMAL}\\xb2\\xb3\\xb9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468`;

export function strip(value: string, characters: string | null = null, sides = "both"): string {
  chargeLength(value.length);
  const drop = characters === null ? (c: string) => PYTHON_SPACE.test(c) : (c: string) => characters.includes(c);
  const text = points(value);
  let [start, end] = [0, text.length];
  if (sides !== "right") while (start < end && drop(text[start]!)) start++;
  if (sides !== "left") while (end > start && drop(text[end - 1]!)) end--;
  const kept = text.slice(start, end);
  return typeof kept === "string" ? kept : kept.join("");
}

const PYTHON_SPACE = new RegExp(`^[${SPACE}]$`);

/** text[start:end] and how many code points stand before it; null where `start` is past the end. */
function part(text: string, start?: number | null, end?: number | null): { part: string; before: number } | null {
  if (start === undefined && end === undefined) return { part: text, before: 0 };
  const all = points(text);
  const bound = (at: number): number => Math.max(0, at < 0 ? at + all.length : at);
  const from = bound(start ?? 0);
  if (from > all.length) return null;
  const kept = all.slice(from, bound(end ?? all.length));
  return { part: typeof kept === "string" ? kept : kept.join(""), before: from };
}

type Bound = number | null | undefined;

/** In code points, -1 where it is not. */
function find(text: string, wanted: string, start: Bound, end: Bound, last: boolean): number {
  chargeLength(text.length);
  const within = part(text, start, end);
  if (within === null) return -1;
  const at = last ? within.part.lastIndexOf(wanted) : within.part.indexOf(wanted);
  return at < 0 ? -1 : within.before + points(within.part.slice(0, at)).length;
}

function search(last: boolean, required: boolean): Definition {
  return define("_:s _:I? _:I?", (self: string, wanted: string, start: Bound, end: Bound) => {
    const at = find(self, wanted, start, end, last);
    return at < 0 && required ? fail("substring not found") : BigInt(at);
  });
}

function edge(matches: (text: string, wanted: string) => boolean): Definition {
  return define("_ _:I? _:I?", (self: string, wanted: Value, start: Bound, end: Bound) => {
    const within = part(self, start, end);
    const options = wanted instanceof Tuple ? wanted : [wanted];
    return options.some((option) => {
      if (typeof option !== "string") return fail("a string or a tuple of strings is needed");
      return within !== null && matches(within.part, option);
    });
  });
}

/** At most `most` pieces are cut off, from the left or from the right; -1 for all. */
function split(self: string, separator: string | null = null, most = -1, fromRight = false): string[] {
  chargeLength(self.length * 2);
  if (separator === null) {
    if (!fromRight) return splitAtSpace(self, most);
    const mirrored = splitAtSpace(mirror(self), most);
    return mirrored.map(mirror).reverse();
  }
  if (separator === "") fail("empty separator");
  const pieces = self.split(separator);
  if (most < 0 || pieces.length <= most + 1) return pieces;
  const at = fromRight ? pieces.length - most : most;
  return fromRight
    ? [pieces.slice(0, at).join(separator), ...pieces.slice(at)]
    : [...pieces.slice(0, at), pieces.slice(at).join(separator)];
}

function splitAtSpace(self: string, most: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; ; ) {
    while (at < self.length && PYTHON_SPACE.test(self[at]!)) at++;
    if (at === self.length) return pieces;
    const start = at;
    while (at < self.length && (pieces.length === most || !PYTHON_SPACE.test(self[at]!))) at++;
    pieces.push(self.slice(start, at));
  }
}

function mirror(text: string): string {
  return text.split("").reverse().join("");
}

export function replace(self: string, old: string, next: string, count = -1): string {
  const pieces: string[] = old === "" ? ["", ...points(self), ""] : self.split(old);
  const most = count < 0 ? pieces.length - 1 : Math.min(count, pieces.length - 1);
  chargeLength(self.length * 2 + most * next.length);
  return pieces.slice(0, most).map((piece) => piece + next).join("") + pieces.slice(most).join(old); // biome-ignore format: one line
}

export function splitLines(self: string, keepEnds = false): string[] {
  chargeLength(self.length);
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of self.matchAll(LINE_END)) {
    lines.push(self.slice(start, keepEnds ? index + end.length : index));
    start = index + end.length;
  }
  return start < self.length ? [...lines, self.slice(start)] : lines;
}

export function pad(self: string, width: number, fill: string, side: string): string {
  const room = width - points(self).length;
  if (points(fill).length !== 1) fail("the fill must be one character");
  if (room <= 0) return self;
  chargeLength(width * fill.length);
  // CPython puts the odd space of center() on the left of a text in a field of odd width.
  const before = side === "left" ? 0 : side === "right" ? room : (room >> 1) + (room & width & 1);
  return fill.repeat(before) + self + fill.repeat(room - before);
}

function padding(side: string): Definition {
  return define("_:i _:s?", (self: string, width: number, fill = " ") => pad(self, width, fill, side));
}

function partition(last: boolean): Definition {
  return define("_:s", (self: string, separator: string) => {
    if (separator === "") fail("empty separator");
    const at = last ? self.lastIndexOf(separator) : self.indexOf(separator);
    if (at < 0) return last ? Tuple.of("", "", self) : Tuple.of(self, "", "");
    return Tuple.of(self.slice(0, at), separator, self.slice(at + separator.length));
  });
}

const stripping = (sides: string): Definition =>
  define("_:S?", (self: string, characters?: string | null) => strip(self, characters, sides));
const splitting = (fromRight: boolean): Definition =>
  define("sep:S? maxsplit:i?", (self: string, separator?: string | null, most?: number) =>
    split(self, separator, most, fromRight),
  );
const changing = (change: (self: string) => string): Definition =>
  define("", (self: string) => {
    chargeLength(self.length * 3);
    return change(self);
  });
const asking = (pattern: string, empty = false): Definition => {
  const whole = new RegExp(`^[${pattern}]+$`, "u");
  return define("", (self: string) => (self === "" ? empty : whole.test(self)));
};

export function capitalize(self: string): string {
  const first = points(self)[0] ?? "";
  return first.toUpperCase() + self.slice(first.length).toLowerCase();
}

function title(self: string): string {
  return self.replace(/\p{Cased}+/gu, capitalize);
}

/** Cased letters, and all of them of one case. */
export const isUpper = (self: string): boolean => /\p{Lu}/u.test(self) && !/[\p{Lowercase}\p{Lt}]/u.test(self);
export const isLower = (self: string): boolean => /\p{Lowercase}/u.test(self) && !/[\p{Uppercase}\p{Lt}]/u.test(self);

export function textMethods(reach: Reach) {
  return table({
    capitalize: changing(capitalize),
    casefold: changing((self) => Array.from(self, (c) => c.toLowerCase().toUpperCase().toLowerCase()).join("")),
    center: padding("both"),
    count: define("_:s _:I? _:I?", (self: string, wanted: string, start: Bound, end: Bound) => {
      chargeLength(self.length);
      const within = part(self, start, end);
      if (within === null) return 0n;
      return BigInt(wanted === "" ? points(within.part).length + 1 : within.part.split(wanted).length - 1);
    }),
    encode: define("*", () => fail("bytes are not supported")),
    endswith: edge((text, wanted) => text.endsWith(wanted)),
    expandtabs: define("tabsize:i?", (self: string, size = 8) => {
      let column = 0;
      const cells = Array.from(self, (c) => {
        const room = size > 0 ? size - (column % size) : 0;
        column = c === "\n" || c === "\r" ? 0 : column + (c === "\t" ? room : 1);
        chargeLength(room);
        return c === "\t" ? " ".repeat(room) : c;
      });
      return join(cells, "");
    }),
    find: search(false, false),
    format: define("*", (self: string, args: Value[], kwargs: Map<string, Value>) =>
      formatBraces(self, args, kwargs, reach),
    ),
    format_map: define("_", (self: string, values: Value) => {
      if (!(values instanceof Dict)) return fail("format_map() needs a dict");
      const names = Array.from(values.entries(), ([key, value]) => [String(key), value] as const);
      return formatBraces(self, [], new Map(names), reach);
    }),
    index: search(false, true),
    isalnum: asking(`${ALPHABETIC}\\p{N}`),
    isalpha: asking(ALPHABETIC),
    isascii: define("", (self: string) => /^[\0-\x7f]*$/.test(self)),
    isdecimal: asking(DECIMAL),
    isdigit: asking(DIGIT),
    isidentifier: define("", (self: string) => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(self)),
    islower: define("", isLower),
    isnumeric: asking("\\p{N}"),
    isprintable: define("", (self: string) => !/(?! )[\p{C}\p{Z}]/u.test(self)),
    isspace: asking(SPACE),
    istitle: define("", (self: string) => /\p{Cased}/u.test(self) && title(self) === self),
    isupper: define("", isUpper),
    join: define("_", (self: string, items: Value) => {
      const parts = list(items);
      const other = parts.find((item) => typeof item !== "string");
      if (other !== undefined) fail(`join() takes strings, not '${typeName(other)}'`);
      return join(parts as string[], self);
    }),
    ljust: padding("left"),
    lower: changing((self) => self.toLowerCase()),
    lstrip: stripping("left"),
    partition: partition(false),
    removeprefix: define("_:s", (self: string, prefix: string) =>
      self.startsWith(prefix) ? self.slice(prefix.length) : self,
    ),
    removesuffix: define("_:s", (self: string, suffix: string) =>
      self.endsWith(suffix) ? self.slice(0, self.length - suffix.length) : self,
    ),
    replace: define("_:s _:s _:i?", replace),
    rfind: search(true, false),
    rindex: search(true, true),
    rjust: padding("right"),
    rpartition: partition(true),
    rsplit: splitting(true),
    rstrip: stripping("right"),
    split: splitting(false),
    splitlines: define("keepends:b?", splitLines),
    startswith: edge((text, wanted) => text.startsWith(wanted)),
    strip: stripping("both"),
    swapcase: changing((self) => Array.from(self, (c) => (isUpper(c) ? c.toLowerCase() : c.toUpperCase())).join("")),
    title: changing(title),
    upper: changing((self) => self.toUpperCase()),
    zfill: define("_:i", (self: string, width: number) => {
      const sign = /^[-+]/.exec(self)?.[0] ?? "";
      return sign + pad(self.slice(sign.length), width - sign.length, "0", "right");
    }),
  });
}
