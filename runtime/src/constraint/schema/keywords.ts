/** Reading the values of keywords: what is there must be what the specification says. */
import { malformed, notSupported } from "../limits";
import { type Decimal, decimalOf } from "./decimal";
import type { Location } from "./document";

export type Keywords = Readonly<Record<string, unknown>>;

/** Say nothing about which values are valid. */
const ANNOTATIONS = [
  "$schema",
  "$id",
  "$anchor",
  "$dynamicAnchor",
  "$comment",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "deprecated",
  "readOnly",
  "writeOnly",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
]; // prettier-ignore

const ASSERTIONS = [
  "type",
  "enum",
  "const",
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength",
  "pattern",
  "format",
  "items",
  "contains",
  "minItems",
  "maxItems",
  "uniqueItems",
  "properties",
  "patternProperties",
  "additionalProperties",
  "propertyNames",
  "required",
  "minProperties",
  "maxProperties",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "then",
  "else",
  "$ref",
]; // prettier-ignore

const OF_DRAFT = {
  "2020-12": [
    "prefixItems",
    "minContains",
    "maxContains",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
  ],
  "7": ["additionalItems", "dependencies"],
} as const; // prettier-ignore

/** The keywords that a constraint understands, for both drafts; docs/constraints.md lists them. */
export function supportedKeywords(draft: "2020-12" | "7"): readonly string[] {
  return [...ASSERTIONS, ...OF_DRAFT[draft]];
}

const KNOWN = {
  "2020-12": new Set([...ANNOTATIONS, ...supportedKeywords("2020-12")]),
  "7": new Set([...ANNOTATIONS, ...supportedKeywords("7")]),
};

/** Errors: not_supported for a keyword that is not understood. */
export function checkKeywords(keywords: Keywords, draft: "2020-12" | "7", path: string): void {
  for (const key of Object.keys(keywords)) {
    if (!KNOWN[draft].has(key))
      throw notSupported(`${path}/${key}`, key, `the keyword ${key} is not supported in draft ${draft}.`);
  }
}

export class KeywordReader {
  constructor(
    private readonly keywords: Keywords,
    private readonly path: string,
  ) {}

  has(key: string): boolean {
    return this.keywords[key] !== undefined;
  }

  /** A count: an integer from 0 on. */
  count(key: string): number | null {
    const value = this.keywords[key];
    if (value === undefined) return null;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0)
      throw malformed(`${this.path}/${key}`, "an integer that is not negative");
    return value;
  }

  number(key: string): Decimal | null {
    const value = this.keywords[key];
    if (value === undefined) return null;
    if (typeof value !== "number" || !Number.isFinite(value)) throw malformed(`${this.path}/${key}`, "a number");
    return decimalOf(value);
  }

  string(key: string): string | null {
    const value = this.keywords[key];
    if (value === undefined) return null;
    if (typeof value !== "string") throw malformed(`${this.path}/${key}`, "a string");
    return value;
  }

  strings(key: string): readonly string[] | null {
    return this.keywords[key] === undefined ? null : stringList(this.keywords[key], `${this.path}/${key}`);
  }

  list(key: string): readonly unknown[] | null {
    const value = this.keywords[key];
    if (value === undefined) return null;
    if (!Array.isArray(value)) throw malformed(`${this.path}/${key}`, "an array");
    return value;
  }

  /** Entries of an object, in its order. */
  entries(key: string): readonly (readonly [string, unknown])[] | null {
    const value = this.keywords[key];
    if (value === undefined) return null;
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw malformed(`${this.path}/${key}`, "an object");
    return Object.entries(value);
  }
}

export function stringList(value: unknown, path: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
    throw malformed(path, "an array of strings");
  return value;
}

export function keywordsOf(location: Location): Keywords {
  return location.schema as Keywords;
}
