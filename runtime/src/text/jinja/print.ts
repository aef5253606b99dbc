/** Values as text: str(), repr() and json.dumps, as CPython writes them. */
import { fail } from "./failure";
import { Dict, Iter, isList, Markup, Namespace, plain, Range, Tuple, Undefined, type Value, View } from "./values";
import { charge, chargeLength, STEP } from "./work";

export function str(value: Value): string {
  if (typeof value === "string") return value;
  if (value instanceof Markup) return value.text;
  return value instanceof Undefined ? "" : repr(value);
}

export function repr(value: Value): string {
  charge(STEP);
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return quoted(value);
  if (value instanceof Markup) return `Markup(${quoted(value.text)})`;
  if (typeof value === "number") return floatText(value);
  if (typeof value === "bigint") return String(value);
  if (value instanceof Range) {
    return `range(${value.start}, ${value.stop}${value.step === 1n ? "" : `, ${value.step}`})`;
  }
  if (isList(value)) {
    const items = join(value.map(repr));
    return value instanceof Tuple ? `(${items}${value.length === 1 ? "," : ""})` : `[${items}]`;
  }
  if (value instanceof Dict) {
    return `{${join(Array.from(value.entries(), ([key, item]) => `${repr(key)}: ${repr(item)}`))}}`;
  }
  if (value instanceof View) return `dict_${value.name}([${join(value.list().map(repr))}])`;
  if (value instanceof Namespace) return `<Namespace ${repr(Dict.of(value.attributes))}>`;
  if (value instanceof Undefined) return "Undefined";
  if (value instanceof Iter) return "<generator object>";
  const name = typeof value === "function" && value.attributes?.get("name");
  if (typeof name === "boolean" || name === undefined) return "<object>";
  return `<Macro ${name === null ? "anonymous" : repr(name)}>`;
}

/** For HTML, as MarkupSafe: only what is not marked changes. */
export function escaped(value: Value): Markup {
  if (value instanceof Markup) return value;
  const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", "'": "&#39;", '"': "&#34;" };
  const text = str(value);
  chargeLength(text.length * 5);
  return new Markup(text.replace(/[&<>'"]/g, (character) => entities[character]!));
}

/** The parts with `separator` between, charged before they are put together. */
export function join(parts: readonly string[], separator = ", "): string {
  chargeLength(parts.reduce((sum, part) => sum + part.length + separator.length, 0));
  return parts.join(separator);
}

function quoted(value: string): string {
  chargeLength(value.length);
  const quote = value.includes("'") && !value.includes('"') ? '"' : "'";
  const short: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\", [quote]: `\\${quote}` };
  const body = value.replace(/[\\'"]|(?! )[\p{C}\p{Z}]/gu, (character) => {
    if (short[character] !== undefined) return short[character];
    return character === "'" || character === '"' ? character : hexEscape(character);
  });
  return quote + body + quote;
}

/** \xe9, \u4f60 or \U0001f642. */
export function hexEscape(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

export function floatText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const [digits, exponent] = value.toExponential().split("e") as [string, string];
  const power = Number(exponent);
  if (power < -4 || power >= 16) return `${digits}e${exponentText(power)}`;
  const text = Object.is(value, -0) ? "-0" : value.toFixed(Math.max(0, (digits.split(".")[1]?.length ?? 0) - power));
  return text.includes(".") ? text : `${text}.0`;
}

/** -05, +16: a sign and at least two digits. */
export function exponentText(power: number): string {
  return (power < 0 ? "-" : "+") + String(Math.abs(power)).padStart(2, "0");
}

export interface JsonStyle {
  readonly ascii: boolean;
  /** One level of indentation, or null for one line. */
  readonly indent: string | null;
  readonly item: string;
  readonly key: string;
  readonly sort: ((keys: Value[]) => Value[]) | null;
}

export function toJson(marked: Value, style: JsonStyle, margin = "\n"): string {
  charge(STEP);
  const value = plain(marked);
  if (value === null) return "null";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") return jsonFloat(value);
  if (typeof value === "string") return jsonString(value, style.ascii);
  const inner = style.indent === null ? "" : margin + style.indent;
  const around = (open: string, parts: string[], close: string): string => {
    if (parts.length === 0) return open + close;
    return open + inner + join(parts, style.item + inner) + (inner && margin) + close;
  };
  if (isList(value) && !(value instanceof Range)) {
    return around("[", value.map((item) => toJson(item, style, inner)), "]"); // biome-ignore format: one line
  }
  if (!(value instanceof Dict)) return fail("tojson takes data only");
  let keys = Array.from(value.entries(), ([key]) => key);
  if (style.sort !== null) keys = style.sort(keys);
  const parts = keys.map((key) => {
    const name = typeof key === "string" ? key : isList(key) ? fail("keys must be text") : toJson(key, style);
    return `${jsonString(name, style.ascii)}${style.key}${toJson(value.get(key)!, style, inner)}`;
  });
  return around("{", parts, "}");
}

function jsonFloat(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
}

function jsonString(value: string, ascii: boolean): string {
  chargeLength(value.length);
  const text = JSON.stringify(value);
  if (!ascii) return text;
  return text.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
