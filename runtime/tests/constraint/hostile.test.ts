// Proves that schemas made to be expensive end in a typed error or in an answer, soon, and never in a hang, a full stack
// or an error of ours; and that random schemas neither get stuck nor allow what they refuse. Needs nothing.
import { describe, expect, it } from "vitest";
import { type Constraint, Constraints, judge } from "../../src/constraint/index";
import { LlmError } from "../../src/internal/errors";
import { vocabularyOf } from "./vocabulary";

const { source, end } = vocabularyOf(['{"', '": ', '", "', "true", "]}", "12"]);
const constraints = new Constraints(source);

type Random = (below: number) => number;

function generator(seed: number): Random {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A random walk under the masks; null: it did not end in time. */
function walk(first: Constraint, random: Random, most: number): string | null {
  const constraint = first.fork();
  const bytes: number[] = [];
  for (let count = 0; count < most; count++) {
    const mask = constraint.mask();
    const allowed = Array.from({ length: source.size }, (_, id) => id).filter(
      (id) => mask[id >> 5]! & (1 << (id & 31)),
    );
    expect(allowed.length).toBeGreaterThan(0);
    const closing = allowed.filter((id) => id === end || '"}]'.includes(String.fromCharCode(id)));
    const from = count > 40 && closing.length > 0 ? closing : allowed;
    const id = from[random(from.length)]!;
    if (id === end) return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
    constraint.accept(id);
    bytes.push(...source.bytesOf(id)!);
  }
  return null;
}

/** What happens with a schema: an answer, or the code of its refusal. */
function outcome(schema: unknown): string {
  try {
    const constraint = constraints.compile({ type: "schema", schema });
    walk(constraint, generator(1), 60);
    judge({ type: "schema", schema }, "assert")('{"a": [1, "x", {"b": null}]}');
    return "answered";
  } catch (thrown) {
    if (thrown instanceof LlmError) return thrown.code;
    throw thrown;
  }
}

const nested = (depth: number, make: (inner: unknown) => unknown): unknown =>
  Array.from({ length: depth }).reduce<unknown>((inner) => make(inner), true);
const properties = (count: number, prefix = "p") =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, { type: "integer" }]));

/** Each definition refers twice to the next one. */
function doubling(depth: number): unknown {
  const definitions: Record<string, unknown> = { [`d${depth}`]: { type: "null" } };
  for (let i = 0; i < depth; i++) {
    const next = { $ref: `#/$defs/d${i + 1}` };
    definitions[`d${i}`] = { anyOf: [next, { properties: { [`x${i}`]: next } }] };
  }
  return { $defs: definitions, $ref: "#/$defs/d0" };
}

describe("schemas that are made to be expensive", () => {
  it.each<[string, unknown]>([
    ["not of many properties", { not: { properties: properties(300) } }],
    [
      "twelve negated choices",
      { allOf: Array.from({ length: 12 }, (_, i) => ({ not: { properties: properties(6, `q${i}`) } })) },
    ],
    ["oneOf of fifty that overlap", { oneOf: Array.from({ length: 50 }, (_, i) => ({ required: [`r${i}`] })) }],
    [
      "anyOf of hundreds",
      { anyOf: Array.from({ length: 400 }, (_, i) => ({ properties: { [`a${i}`]: { minimum: i } } })) },
    ],
    ["2^20 by references", doubling(20)],
    ["a reference to itself", { $ref: "#" }],
    ["a loop of references", { $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" }],
    ["a value that never ends", { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] }],
    ["not itself", { not: { $ref: "#" } }],
    ["deep nesting", nested(90, (inner) => ({ properties: { a: inner } }))],
    ["deeper nesting", nested(5000, (inner) => ({ items: inner }))],
    ["(a|a)* nested", { pattern: `^${"(".repeat(12)}a${"|a)*".repeat(12)}$` }],
    ["exponential automaton", { pattern: "^(a|b)*a(a|b){20}$" }],
    ["repetition of repetition", { pattern: "^(((a{100}){100}){100})$" }],
    ["an empty group very often", { pattern: "^(){2000000000}$" }],
    ["many patterns together", { allOf: Array.from({ length: 12 }, (_, i) => ({ pattern: `(x|y){${i + 3}}z` })) }],
    [
      "patterns of names that overlap",
      { patternProperties: Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`[a-f]{${i}}x`, { minimum: i }])) },
    ],
    ["a length with a pattern", { pattern: "^a*$", minLength: 1_000_000 }],
    ["a long string", { type: "string", minLength: 1e9 }],
    ["a long array", { type: "array", minItems: 1e9, maxItems: 1e9 }],
    ["a long array that contains", { type: "array", minItems: 1e9, contains: { const: 1 } }],
    ["a million of them", { type: "array", contains: { const: 1 }, minContains: 1e6 }],
    ["many properties at least", { type: "object", minProperties: 1e9 }],
    ["a huge number", { type: "number", minimum: 1e308, multipleOf: 1e-300 }],
    ["a tiny one", { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 5e-324 }],
    ["multiples that hardly meet", { allOf: [2, 3, 5, 7, 11, 13, 17, 19, 23].map((n) => ({ multipleOf: n / 1e7 })) }],
    ["long names", { properties: Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${i}`.repeat(2000), {}])) }],
    ["an enum of long texts", { enum: Array.from({ length: 500 }, (_, i) => `${"x".repeat(500)}${i}`) }],
  ])("%s", (_, schema) => {
    expect(["answered", "not_supported", "invalid_request"]).toContain(outcome(schema));
  });

  it("what nothing fulfils is said to be so", () => {
    for (const schema of [
      false,
      { not: {} },
      { type: "object", properties: { a: { $ref: "#" } }, required: ["a"] },
      { type: "string", minLength: 2, maxLength: 1 },
      { enum: [] },
      { type: "integer", exclusiveMinimum: 0, exclusiveMaximum: 1 },
    ])
      expect(() => constraints.compile({ type: "schema", schema })).toThrow(
        expect.objectContaining({ code: "invalid_request" }),
      );
  });
});

describe("random schemas", () => {
  const schemaOf = (random: Random, depth: number): unknown => {
    const inner = () => schemaOf(random, depth - 1);
    const leaves = [
      () => random(6) > 0,
      () => ({ type: ["null", "boolean", "integer", "number", "string", "array", "object"][random(7)] }),
      () => ({ enum: [1, "a", null, [1], { b: 2 }].slice(random(4)) }),
      () => ({ const: ["ab", 3, true, [], {}][random(5)] }),
      () => ({ type: "string", minLength: random(3), maxLength: 2 + random(5) }),
      () => ({ pattern: ["^a+$", "b", "^[a-c]{2,3}$", "x?"][random(4)] }),
      () => ({ minimum: random(20) - 10, exclusiveMaximum: random(20) }),
      () => ({ multipleOf: [1, 2, 0.5, 3][random(4)] }),
    ];
    if (depth === 0) return leaves[random(leaves.length)]!();
    const shapes = [
      ...leaves,
      () => ({
        type: "object",
        properties: { a: inner(), b: inner() },
        required: ["a", "b"].slice(random(3)),
        additionalProperties: inner(),
      }),
      () => ({ patternProperties: { "^a": inner() }, minProperties: random(3), maxProperties: 3 }),
      () => ({ propertyNames: { maxLength: 2 }, additionalProperties: inner() }),
      () => ({ type: "array", prefixItems: [inner()], items: inner(), minItems: random(3), maxItems: 2 + random(3) }),
      () => ({ type: "array", items: inner(), contains: inner(), minContains: random(3) }),
      () => ({ anyOf: [inner(), inner()] }),
      () => ({ oneOf: [inner(), inner()] }),
      () => ({ allOf: [inner(), inner()] }),
      () => ({ not: inner() }),
      () => Object.fromEntries(["if", "then", "else"].map((key) => [key, inner()])),
      () => ({ dependentSchemas: { a: inner() }, dependentRequired: { b: ["a"] } }),
      () => ({ properties: { a: inner() }, anyOf: [inner(), inner()], unevaluatedProperties: inner() }),
    ];
    return shapes[random(shapes.length)]!();
  };

  it("neither get stuck nor let through what they refuse", () => {
    const random = generator(11);
    let compiled = 0;
    for (let i = 0; i < 250; i++) {
      const schema = schemaOf(random, 3);
      try {
        const constraint = constraints.compile({ type: "schema", schema });
        const is = judge({ type: "schema", schema }, "assert");
        compiled += 1;
        for (let k = 0; k < 3; k++) {
          const text = walk(constraint, random, 300);
          if (text !== null) expect([schema, text, is(text)]).toEqual([schema, text, true]);
        }
      } catch (thrown) {
        if (!(thrown instanceof LlmError) || thrown.code === "internal") throw thrown;
      }
    }
    expect(compiled).toBeGreaterThan(180);
  });
});
