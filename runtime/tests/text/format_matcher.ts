/** Whether a text matches a Format, by trying: slow and plain, for tests. Schemas are checked as far as the tests use them. */
import type { Format } from "../../src/constraint/format";

export function matches(format: Format, text: string): boolean {
  return ends(format, text, 0).has(text.length);
}

/** The positions at which a match that begins at `at` may end. */
function ends(format: Format, text: string, at: number): Set<number> {
  switch (format.type) {
    case "literal":
    case "token":
      return new Set(text.startsWith(format.text, at) ? [at + format.text.length] : []);
    case "text": {
      const found = format.without.map((word) => text.indexOf(word, at)).filter((index) => index >= 0);
      const last = Math.min(...found, text.length);
      // A text may end inside of a forbidden word, not after it.
      const limit =
        found.length === 0
          ? text.length
          : Math.max(last, ...format.without.map((word, i) => (found[i] === last ? last + word.length - 1 : last)));
      return range(at, limit);
    }
    case "regex": {
      const pattern = new RegExp(`^(?:${format.pattern})$`, format.flags ?? "u");
      return new Set([...range(at, text.length)].filter((end) => pattern.test(text.slice(at, end))));
    }
    case "json":
    case "schema": {
      const schema = format.type === "json" ? { type: "object" } : format.schema;
      return new Set([...range(at + 1, text.length)].filter((end) => isValid(schema, text.slice(at, end))));
    }
    case "sequence": {
      let from = new Set([at]);
      for (const item of format.items) from = union([...from].map((position) => ends(item, text, position)));
      return from;
    }
    case "choice":
      return union(format.items.map((item) => ends(item, text, at)));
    case "repeat": {
      let from = new Set([at]);
      const all = new Set(format.min === 0 ? [at] : []);
      for (let count = 1; from.size > 0 && count <= (format.max ?? text.length + 1); count++) {
        from = union([...from].map((position) => ends(format.item, text, position)));
        if (count >= format.min) for (const position of from) all.add(position);
      }
      return all;
    }
    case "grammar":
      throw new Error("not used here");
  }
}

function isValid(schema: object | boolean, text: string): boolean {
  if (text !== text.trim()) return false;
  try {
    return fits(schema, JSON.parse(text) as unknown);
  } catch {
    return false;
  }
}

function fits(schema: object | boolean, value: unknown): boolean {
  if (typeof schema === "boolean") return schema;
  const {
    type,
    enum: values,
    properties = {},
    required = [],
  } = schema as {
    type?: string;
    enum?: unknown[];
    properties?: Record<string, object>;
    required?: string[];
  };
  if (values !== undefined && !values.includes(value)) return false;
  if (type === "integer") return Number.isInteger(value);
  if (type !== undefined && type !== typeof value) return false;
  if (type !== "object") return true;
  const object = value as Record<string, unknown>;
  return (
    required.every((key) => key in object) &&
    Object.entries(object).every(([key, item]) => fits(properties[key] ?? true, item))
  );
}

function range(from: number, to: number): Set<number> {
  return new Set(Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index));
}

function union(sets: readonly Set<number>[]): Set<number> {
  return new Set(sets.flatMap((set) => [...set]));
}
