/** What a JSON Schema says about the kind of one argument, for formats that write text without quotes. */

import { pythonToJson } from "./python_literals";

/** Whether the value is text whatever it looks like. */
export function isText(schema: unknown): boolean {
  const kinds = kindsOf(schema);
  return kinds?.every((kind) => kind === "string") ?? false;
}

/** The value that `text` stands for: JSON, or Python's where a schema is given, if of a kind that is allowed; else the text. */
export function parsedValue(text: string, schema?: unknown): unknown {
  let value: unknown = text;
  try {
    value = JSON.parse(text);
  } catch {
    // Models that write tags fall into Python now and then, as do some of their templates.
    const json = schema === undefined ? null : pythonToJson(text);
    if (json !== null) value = JSON.parse(json);
  }
  const kinds = kindsOf(schema);
  return kinds === null || kinds.includes(kindOf(value)) ? value : text;
}

/** Null: any. */
function kindsOf(schema: unknown): string[] | null {
  if (typeof schema !== "object" || schema === null) return null;
  const { type, enum: values, const: constant, anyOf, oneOf } = schema as Record<string, unknown>;
  if (type !== undefined) return [type].flat().map((kind) => (kind === "integer" ? "number" : String(kind)));
  if (Array.isArray(values)) return values.map(kindOf);
  if (constant !== undefined) return [kindOf(constant)];
  const parts = anyOf ?? oneOf;
  if (!Array.isArray(parts)) return null;
  const kinds = parts.map(kindsOf);
  return kinds.includes(null) ? null : (kinds as string[][]).flat();
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
