/** Text from values by a pattern: `'%s' % value`, `'{}'.format(value)` and rounding, as CPython does them. */
import { fail } from "./failure";
import { exponentText, floatText, join, repr, str } from "./print";
import { Dict, type Kwargs, numeric, points, Tuple, typeName, Undefined, type Value } from "./values";
import { chargeLength } from "./work";

interface Style {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly alternative: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | null;
  readonly type: string;
}

const MAX_PRECISION = 100;
const SPEC = /^(?:(.)(?=[<>=^]))?([<>=^])?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/su;

/** format(value, spec). */
export function formatValue(value: Value, spec: string): string {
  if (spec === "") return str(value);
  const [, fill, align, sign, alternative, zero, width, grouping, precision, type] = SPEC.exec(spec) ?? [];
  if (SPEC.exec(spec) === null) fail(`the format ${spec} is not known`);
  const isText = typeof value === "string";
  if (!isText && (numeric(value) === undefined || (typeof value === "boolean" && type === undefined && !width))) {
    return fail(`'${typeName(value)}' takes no format`);
  }
  return padded(value, {
    fill: fill ?? (zero ? "0" : " "),
    align: align ?? (zero && !isText ? "=" : isText ? "<" : ">"),
    sign: sign ?? "",
    alternative: alternative !== undefined,
    width: Number(width ?? 0),
    grouping: grouping ?? "",
    precision: precision === undefined ? null : Number(precision),
    type: type ?? (isText ? "s" : ""),
  });
}

/** `pattern % values`: a tuple has the values, a dict the names, anything else is the only value. */
export function printf(pattern: string, values: Value): string {
  const queue: Value[] = values instanceof Tuple ? [...values] : [values];
  const mayBeUnused = values instanceof Dict || values instanceof Undefined || typeName(values) === "list";
  const next = (): Value => (queue.length > 0 ? queue.shift()! : fail("not enough arguments for the format"));
  const part = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?(.?)/gsu;
  const parts: string[] = [];
  let end = 0;
  for (const match of pattern.matchAll(part)) {
    parts.push(pattern.slice(end, match.index));
    end = match.index + match[0].length;
    const [, name, flags, width, precision, type] = match as unknown as [string, string?, ...string[]];
    if (type === "%") {
      parts.push("%");
      continue;
    }
    const number = (text: string | undefined): number =>
      text === "*" ? Number(numeric(next()) ?? fail("* needs a number")) : Number(text);
    const wide = number(width);
    const precise = precision === undefined ? null : number(precision);
    const value = name === undefined ? next() : named(values, name);
    const left = flags!.includes("-") || wide < 0;
    parts.push(
      padded(printfValue(value, type!), {
        fill: flags!.includes("0") && !left && !"srac".includes(type!) ? "0" : " ",
        align: left ? "<" : flags!.includes("0") && !"srac".includes(type!) ? "=" : ">",
        sign: flags!.includes("+") ? "+" : flags!.includes(" ") ? " " : "",
        alternative: flags!.includes("#"),
        width: Math.abs(wide),
        grouping: "",
        precision: precise,
        type: "iu".includes(type!) ? "d" : "srac".includes(type!) ? "s" : type!,
      }),
    );
  }
  if (queue.length > 0 && !mayBeUnused) fail("not all arguments were used by the format");
  return join([...parts, pattern.slice(end)], "");
}

function named(values: Value, name: string): Value {
  if (!(values instanceof Dict)) return fail("the format needs names");
  const value = values.get(name);
  return value === undefined ? fail(`the format needs ${name}`) : value;
}

function printfValue(value: Value, type: string): Value {
  if (type === "s") return str(value);
  if (type === "r" || type === "a") return repr(value);
  const number = numeric(value);
  if (type === "c") {
    if (typeof value === "string" && points(value).length === 1) return value;
    return typeof number === "bigint" ? String.fromCodePoint(Number(number)) : fail("%c needs a character");
  }
  if (number === undefined || !"diuxXoeEfFgG".includes(type)) return fail(`%${type} cannot take '${typeName(value)}'`);
  if ("diu".includes(type) && typeof number === "number") {
    return Number.isFinite(number) ? BigInt(Math.trunc(number)) : fail("%d needs a finite number");
  }
  if ("xXo".includes(type) && typeof number === "number") fail(`%${type} needs an integer`);
  return number;
}

function padded(value: Value, style: Style): string {
  let [sign, body] = ["", ""];
  if (typeof value === "string") {
    if (style.type !== "s" || style.sign !== "" || style.align === "=") fail(`text takes no ${style.type}`);
    body = style.precision === null ? value : [...value].slice(0, style.precision).join("");
  } else {
    const number = numeric(value)!;
    const negative = number < 0 || Object.is(number, -0);
    sign = negative ? "-" : style.sign === "-" ? "" : style.sign;
    body = numberText(typeof number === "bigint" ? (negative ? -number : number) : Math.abs(number), style);
  }
  const room = style.width - points(body).length - sign.length;
  if (room <= 0) return sign + body;
  chargeLength(room);
  if (style.align === "=") return sign + style.fill.repeat(room) + body;
  const before = style.align === "<" ? 0 : style.align === ">" ? room : room >> 1;
  return style.fill.repeat(before) + sign + body + style.fill.repeat(room - before);
}

function numberText(number: bigint | number, style: Style): string {
  const { type, precision, alternative, grouping } = style;
  if (typeof number === "bigint" && "dnxXobc".includes(type)) {
    if (type === "c") return String.fromCodePoint(Number(number));
    const base = { x: 16, X: 16, o: 8, b: 2 }[type] ?? 10;
    const digits = number.toString(base).padStart(precision ?? 0, "0");
    const text = (alternative && base !== 10 ? `0${type}` : "") + grouped(digits, grouping, base === 10 ? 3 : 4);
    return type === "X" ? text.toUpperCase() : text;
  }
  const value = Number(number);
  const digits = precision ?? 6;
  if (digits > MAX_PRECISION) fail(`a precision must be at most ${MAX_PRECISION}`);
  const kind = type.toLowerCase();
  let text = floatText(value);
  if (Number.isFinite(value)) {
    if (kind === "f") text = fixed(value, digits);
    else if (kind === "%") text = `${fixed(value * 100, digits)}%`;
    else if (kind === "e") text = scientific(value, digits);
    else if (kind === "g" || kind === "n" || precision !== null)
      text = general(value, digits || 1, alternative, type === "");
    else if (kind !== "") fail(`a float takes no format ${type}`);
  }
  const [, whole, rest] = /^(\d*)(.*)$/s.exec(text)!;
  text = grouped(whole!, grouping, 3) + rest!;
  return type === kind ? text : text.toUpperCase();
}

function grouped(digits: string, separator: string, size: number): string {
  if (separator === "") return digits;
  return digits.replace(size === 3 ? /\B(?=(\d{3})+$)/g : /\B(?=(\w{4})+$)/g, separator);
}

/** Exactly `digits` decimals, a tie to the even neighbour, as round() and %f decide. */
export function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  // toFixed is exact but takes the larger neighbour of a tie; a tie ends right after the digit that is cut off.
  const exact = digits < MAX_PRECISION && Math.abs(value) < 1e21 ? value.toFixed(MAX_PRECISION) : "";
  const cut = exact.indexOf(".") + 1 + digits;
  if (!/^50*$/.test(exact.slice(cut))) return text;
  const below = exact.slice(0, digits === 0 ? cut - 1 : cut);
  return /[02468]$/.test(below) ? below : text;
}

function scientific(value: number, digits: number): string {
  const [mantissa, exponent] = value.toExponential(digits).split("e");
  return `${mantissa}e${exponentText(Number(exponent))}`;
}

function general(value: number, digits: number, alternative: boolean, atLeastOne: boolean): string {
  const power = Number(value.toExponential(digits - 1).split("e")[1]);
  const isFixed = power >= -4 && power < digits - (atLeastOne ? 1 : 0);
  const text = isFixed ? fixed(value, digits - 1 - power) : scientific(value, digits - 1);
  const trimmed = alternative ? text : text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "");
  return atLeastOne && isFixed && !trimmed.includes(".") ? `${trimmed}.0` : trimmed;
}

export type Reach = (value: Value, name: Value, isAttribute: boolean) => Value;

/** str.format. `reach` is how templates get at attributes and items. */
export function formatBraces(pattern: string, args: readonly Value[], kwargs: Kwargs, reach: Reach): string {
  let automatic = 0;
  const expand = (text: string, depth: number): string => {
    if (depth < 0) fail("formats are nested too deep");
    const parts: string[] = [];
    for (let at = 0; at < text.length; ) {
      const brace = text[at]!;
      if (brace !== "{" && brace !== "}") {
        const end = /[{}]|$/.exec(text.slice(at))!.index + at;
        parts.push(text.slice(at, end));
        at = end;
      } else if (text[at + 1] === brace) {
        parts.push(brace);
        at += 2;
      } else {
        let open = 0;
        let end = at;
        while (end < text.length && !(text[end] === "}" && --open === 0)) if (text[end++] === "{") open++;
        if (brace === "}" || end >= text.length) fail("a brace of the format stands alone");
        parts.push(field(text.slice(at + 1, end), depth));
        at = end + 1;
      }
    }
    return join(parts, "");
  };
  const field = (text: string, depth: number): string => {
    const match = /^([^!:[.]*)((?:\.[^!:[.]+|\[[^\]]+\])*)(?:!([rsa]))?(?::(.*))?$/su.exec(text);
    if (match === null) return fail(`the format {${text}} is not known`);
    const [, name, path, conversion, spec] = match as unknown as [string, string, string, string?, string?];
    const key = name === "" ? String(automatic++) : name;
    let value = /^\d+$/.test(key) ? args[Number(key)] : kwargs.get(key);
    for (const [, attribute, item] of path.matchAll(/\.([^.[]+)|\[([^\]]+)\]/gu)) {
      if (value === undefined) break;
      const isNumber = item !== undefined && /^\d+$/.test(item);
      value = reach(value, isNumber ? BigInt(item) : (attribute ?? item)!, item === undefined);
    }
    if (value === undefined) return fail(`the format has no value for {${text}}`);
    if (conversion !== undefined) value = conversion === "s" ? str(value) : repr(value);
    const style = spec === undefined ? "" : expand(spec, depth - 1);
    return value instanceof Undefined && style !== "" ? fail(value.hint) : formatValue(value, style);
  };
  return expand(pattern, 2);
}
