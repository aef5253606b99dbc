/** Checks a Format that came from somewhere, and copies it: what is compiled later is what was checked. */
import type { Format } from "./format";
import { LIMITS, malformed, notSupported, tooLarge } from "./limits";

type Json = Record<string, unknown>;

/** Errors: invalid_request, not_supported (circular, or too large). */
export function readFormat(given: unknown): Format {
  return new FormatReader().format(copyJson(given, "format"), "format", 0);
}

const KEYS: Readonly<Record<Format["type"], readonly string[]>> = {
  schema: ["schema"],
  json: [],
  regex: ["pattern", "flags"],
  grammar: ["ebnf"],
  literal: ["text"],
  token: ["text"],
  text: ["without"],
  sequence: ["items"],
  choice: ["items"],
  repeat: ["item", "min", "max"],
};

class FormatReader {
  format(value: unknown, path: string, depth: number): Format {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed(path, "an object");
    if (depth > LIMITS.depth) throw tooLarge(path, "it is nested too deeply");
    const given = value as Json;
    const type = given.type as Format["type"];
    const keys = typeof type === "string" && Object.hasOwn(KEYS, type) ? KEYS[type] : null;
    if (!keys) throw malformed(`${path}.type`, `one of ${Object.keys(KEYS).join(", ")}`);
    for (const key of Object.keys(given))
      if (key !== "type" && !keys.includes(key))
        throw malformed(`${path}.${key}`, `left out of a format of type ${type}`);
    const items = () => this.list(given.items, `${path}.items`, (each, at) => this.format(each, at, depth + 1));
    switch (type) {
      case "schema": {
        const { schema } = given;
        if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema)))
          throw malformed(`${path}.schema`, "a JSON Schema, an object or a boolean");
        return { type, schema };
      }
      case "json":
        return { type };
      case "regex": {
        const pattern = text(given.pattern, `${path}.pattern`);
        return given.flags === undefined
          ? { type, pattern }
          : { type, pattern, flags: text(given.flags, `${path}.flags`) };
      }
      case "grammar":
        return { type, ebnf: text(given.ebnf, `${path}.ebnf`) };
      case "literal":
      case "token":
        return { type, text: text(given.text, `${path}.text`) };
      case "text":
        return { type, without: this.list(given.without, `${path}.without`, (each, at) => text(each, at, 1)) };
      case "sequence":
      case "choice":
        return { type, items: items() };
      case "repeat": {
        const min = count(given.min, `${path}.min`);
        const max = given.max === null ? null : count(given.max, `${path}.max`);
        if (max !== null && max < min) throw malformed(`${path}.max`, "at least min");
        return { type, item: this.format(given.item, `${path}.item`, depth + 1), min, max };
      }
    }
  }

  private list<T>(value: unknown, path: string, read: (each: unknown, path: string) => T): readonly T[] {
    if (!Array.isArray(value)) throw malformed(path, "an array");
    return value.map((each, i) => read(each, `${path}[${i}]`));
  }
}

function text(value: unknown, path: string, least = 0): string {
  if (typeof value !== "string" || value.length < least)
    throw malformed(path, least ? "a string that is not empty" : "a string");
  return value;
}

function count(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > LIMITS.count)
    throw malformed(path, `an integer from 0 to ${LIMITS.count}`);
  return value;
}

/** A deep copy of JSON. Each value is read once; what is undefined is left out, as JSON does. */
function copyJson(given: unknown, path: string): unknown {
  const open = new Set<object>();
  let left: number = LIMITS.values;
  const copy = (value: unknown, at: string, depth: number): unknown => {
    if (--left < 0) throw tooLarge(path, `it has more than ${LIMITS.values} values`);
    if (depth > LIMITS.depth) throw tooLarge(path, "it is nested too deeply");
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number") {
      if (!Number.isFinite(value)) throw malformed(at, "JSON, which has finite numbers only");
      return value;
    }
    if (typeof value !== "object") throw malformed(at, "JSON");
    if (open.has(value)) throw notSupported(at, "circular", "a circular value is no JSON.");
    open.add(value);
    const result = Array.isArray(value)
      ? Array.from(value, (each, i) => copy(each, `${at}[${i}]`, depth + 1))
      : copyEntries(value, (each, key) => copy(each, `${at}.${key}`, depth + 1));
    open.delete(value);
    return result;
  };
  return copy(given, path, 0);
}

/** Own properties in their order. A property __proto__ stays one. */
function copyEntries(value: object, copy: (each: unknown, key: string) => unknown): Json {
  const result: Json = {};
  for (const [key, each] of Object.entries(value)) {
    if (each === undefined) continue;
    Object.defineProperty(result, key, {
      value: copy(each, key),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return result;
}
