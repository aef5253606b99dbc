/** Conversions of JavaScript values as WebIDL defines them, for the few types that the API has. */

type Dictionary = Readonly<Record<string, unknown>>;

export function fail(message: string): never {
  throw new TypeError(message);
}

/** undefined and null are a dictionary without members. */
export function dictionary(value: unknown, what: string): Dictionary {
  if (value === undefined || value === null) return {};
  return isObject(value) ? (value as Dictionary) : fail(`${what} must be an object.`);
}

export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** DOMString. A symbol is a TypeError. */
export function text(value: unknown): string {
  return `${value as string}`;
}

export function required(value: unknown, name: string): unknown {
  return value === undefined ? fail(`${name} is required.`) : value;
}

export function oneOf<T extends string>(value: unknown, name: string, values: readonly T[]): T {
  const given = text(value) as T;
  return values.includes(given) ? given : fail(`${name}: ${given} is none of ${values.join(", ")}.`);
}

/** Whether a value for which a sequence or a string is allowed is a sequence. */
export function isSequence(value: unknown): value is Iterable<unknown> {
  return isObject(value) && (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] != null;
}

export function sequence(value: unknown, name: string): unknown[] {
  return isSequence(value) ? [...value] : fail(`${name} must be a sequence.`);
}

export function signalOf(options: Dictionary): AbortSignal | null {
  const { signal } = options;
  if (signal === undefined) return null;
  return signal instanceof AbortSignal ? signal : fail("signal must be an AbortSignal.");
}

/**
 * A copy of a value that JSON can hold. What its getters and toJSON throw passes through; `refuse` is called, and
 * throws, for functions, symbols, BigInts and cycles.
 */
export function jsonCopy(value: unknown, refuse: () => never): unknown {
  const open = new Set<unknown>();
  const copy = (given: unknown): unknown => {
    let source = given;
    if (isObject(source)) {
      const { toJSON } = source as { toJSON?: unknown };
      if (typeof toJSON === "function") source = toJSON.call(source);
    }
    if (typeof source === "number") return Number.isFinite(source) ? source : null;
    if (source === undefined || source === null || typeof source === "string" || typeof source === "boolean")
      return source;
    if (typeof source !== "object" || open.has(source)) return refuse();
    open.add(source);
    const made = Array.isArray(source)
      ? source.map((item) => copy(item) ?? null)
      : Object.fromEntries(Object.keys(source).map((key) => [key, copy((source as Dictionary)[key])]));
    open.delete(source);
    return made;
  };
  return copy(value);
}
