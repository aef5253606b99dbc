/** Methods of str that few templates use; rare.ts loads them. */
import { getAttribute, getItem } from "./attributes";
import { fail } from "./failure";
import { formatBraces } from "./format";
import { join } from "./print";
import { type Definition, define } from "./signature";
import { capitalize, changing, isUpper, SPACE, search } from "./text_methods";
import { Dict, points, Tuple, type Value } from "./values";
import { chargeLength } from "./work";

const LINE_END = new RegExp(`\r\n|[${"\\n-\\r\\x1c-\\x1e\\x85\\u2028\\u2029"}]`, "g");
const ALPHABETIC = "\\p{L}";
const DECIMAL = "\\p{Nd}";
const DIGIT = `${DECIMAL}\\xb2\\xb3\\xb9\\u1369-\\u1371\\u19da\\u2070\\u2074-\\u2079\\u2080-\\u2089\\u2460-\\u2468`;

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

const asking = (pattern: string, empty = false): Definition => {
  const whole = new RegExp(`^[${pattern}]+$`, "u");
  return define("", (self: string) => (self === "" ? empty : whole.test(self)));
};

function title(self: string): string {
  return self.replace(/\p{Cased}+/gu, capitalize);
}

const reach = (value: Value, name: Value, isAttribute: boolean): Value =>
  isAttribute ? getAttribute(value, name as string) : getItem(value, name);

export const RARE_TEXT_METHODS: Readonly<Record<string, Definition>> = {
  casefold: changing((self) => Array.from(self, (c) => c.toLowerCase().toUpperCase().toLowerCase()).join("")),
  center: padding("both"),
  encode: define("*", () => fail("bytes are not supported")),
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
  format: define("*", (self: string, args: Value[], kwargs: Map<string, Value>) =>
    formatBraces(self, args, kwargs, reach),
  ),
  format_map: define("_", (self: string, values: Value) => {
    if (!(values instanceof Dict)) return fail("format_map() needs a dict");
    const names = Array.from(values.entries(), ([key, value]) => [String(key), value] as const);
    return formatBraces(self, [], new Map(names), reach);
  }),
  isalnum: asking(`${ALPHABETIC}\\p{N}`),
  isalpha: asking(ALPHABETIC),
  isascii: define("", (self: string) => /^[\0-\x7f]*$/.test(self)),
  isdecimal: asking(DECIMAL),
  isdigit: asking(DIGIT),
  isidentifier: define("", (self: string) => /^[\p{ID_Start}_]\p{ID_Continue}*$/u.test(self)),
  isnumeric: asking("\\p{N}"),
  isprintable: define("", (self: string) => !/(?! )[\p{C}\p{Z}]/u.test(self)),
  isspace: asking(SPACE),
  istitle: define("", (self: string) => /\p{Cased}/u.test(self) && title(self) === self),
  ljust: padding("left"),
  partition: partition(false),
  rindex: search(true, true),
  rjust: padding("right"),
  rpartition: partition(true),
  splitlines: define("keepends:b?", splitLines),
  swapcase: changing((self) => Array.from(self, (c) => (isUpper(c) ? c.toLowerCase() : c.toUpperCase())).join("")),
  title: changing(title),
  zfill: define("_:i", (self: string, width: number) => {
    const sign = /^[-+]/.exec(self)?.[0] ?? "";
    return sign + pad(self.slice(sign.length), width - sign.length, "0", "right");
  }),
};
