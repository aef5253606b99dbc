/**
 * Bounded reading of untrusted JSON: every value is checked for type, range and unknown keys before it is used.
 *
 * A failure is one LlmError with the reader's code; its message names the path, what was expected and what came.
 */
import { type ErrorCode, LlmError } from "./errors";

export class Reader {
  constructor(
    private readonly code: ErrorCode,
    private readonly what: string,
  ) {}

  fail(path: string, expected: string, got?: unknown): never {
    const came = got === undefined ? "" : `, not ${describe(got)}`;
    throw new LlmError(this.code, `${this.what}: ${path} must be ${expected}${came}.`, { path });
  }

  /** An object with all `required` keys and no others than these and `optional`. */
  object(
    value: unknown,
    path: string,
    required: readonly string[],
    optional: readonly string[] = [],
  ): Record<string, unknown> {
    const object = this.plainObject(value, path);
    for (const key of required) if (!Object.hasOwn(object, key)) this.fail(path, `an object with the key ${key}`);
    for (const key of Object.keys(object)) {
      if (!required.includes(key) && !optional.includes(key)) this.fail(path, "an object without unknown keys", key);
    }
    return object;
  }

  /** An object with arbitrary keys that match `pattern`, as entries. */
  entries(value: unknown, path: string, pattern: RegExp, maxEntries: number): [string, unknown][] {
    const entries = Object.entries(this.plainObject(value, path));
    if (entries.length > maxEntries) this.fail(path, `an object with at most ${maxEntries} keys`, entries.length);
    for (const [key] of entries)
      if (!pattern.test(key)) this.fail(path, `an object with keys like ${pattern.source}`, key);
    return entries;
  }

  array(value: unknown, path: string, minItems: number, maxItems: number): readonly unknown[] {
    if (!Array.isArray(value)) this.fail(path, "an array", value);
    if (value.length < minItems || value.length > maxItems) {
      this.fail(path, `an array of ${minItems} to ${maxItems} items`, value.length);
    }
    return value;
  }

  integer(value: unknown, path: string, minimum: number, maximum: number): number {
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
      this.fail(path, `an integer from ${minimum} to ${maximum}`, value);
    }
    return value;
  }

  /** A finite number in [minimum, maximum]. */
  number(value: unknown, path: string, minimum: number, maximum: number): number {
    if (typeof value !== "number" || !Number.isFinite(value) || value < minimum || value > maximum) {
      const from = minimum === Number.MIN_VALUE ? "above 0 and at most" : `from ${minimum} to`;
      this.fail(path, `a number ${from} ${maximum}`, value);
    }
    return value;
  }

  string(value: unknown, path: string, maxLength: number): string {
    if (typeof value !== "string") this.fail(path, "a string", value);
    if (value.length > maxLength) this.fail(path, `a string of at most ${maxLength} characters`, value.length);
    return value;
  }

  matching(value: unknown, path: string, pattern: RegExp): string {
    if (typeof value !== "string" || !pattern.test(value)) this.fail(path, `a string like ${pattern.source}`, value);
    return value;
  }

  boolean(value: unknown, path: string): boolean {
    if (typeof value !== "boolean") this.fail(path, "true or false", value);
    return value;
  }

  oneOf<T extends string | number | null>(value: unknown, path: string, values: readonly T[]): T {
    if (!(values as readonly unknown[]).includes(value)) this.fail(path, `one of ${values.join(", ")}`, value);
    return value as T;
  }

  private plainObject(value: unknown, path: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null || Array.isArray(value)) this.fail(path, "an object", value);
    return value as Record<string, unknown>;
  }
}

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (typeof value === "number" || typeof value === "boolean" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : typeof value;
}
