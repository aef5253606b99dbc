// Proves of thousands of broken requests, made from good ones, that the validator never throws, that what it accepts it
// accepts again unchanged, and that a problem names a code and a path. Needs nothing.
import { expect, it } from "vitest";
import { chatRequest } from "../../src/contract/chat";
import { budgetOf, check } from "../../src/contract/check";
import { embeddingsRequest } from "../../src/contract/embeddings";
import { engineGenerateOptions, prompt } from "../../src/contract/generate";
import { ENGINE_LIMITS } from "../../src/contract/limits";
import { memoryCall } from "../../src/contract/memory";
import type { Rule } from "../../src/contract/rules";

const messages = [
  { role: "system", content: "a" },
  { role: "user", content: [{ type: "text", text: "b" }] },
  {
    role: "assistant",
    content: null,
    tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }],
  },
  { role: "tool", content: "c", tool_call_id: "1" },
];
const GOOD: readonly [string, Rule, unknown][] = [
  [
    "chat",
    chatRequest(ENGINE_LIMITS),
    {
      messages,
      stream: true,
      stream_options: { include_usage: true },
      n: 2,
      stop: ["x"],
      logit_bias: { 1: 2 },
      tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
      tool_choice: { type: "function", function: { name: "f" } },
      response_format: { type: "json_schema", json_schema: { name: "x", schema: {} } },
      reasoning: { max_tokens: 5 },
      store: false,
      metadata: { a: "b" },
    },
  ],
  ["prompt", prompt(ENGINE_LIMITS), messages],
  [
    "options",
    engineGenerateOptions(ENGINE_LIMITS),
    { maxTokens: 5, topP: 0.5, stop: "x", adapter: [{ name: "a", weight: 2 }], logitBias: { 3: 1 }, seed: 7 },
  ],
  [
    "memory add",
    memoryCall(100),
    { method: "add", input: ["a", { text: "b", tags: ["t"], data: { a: [1] }, createdMs: 5, id: 3 }], options: {} },
  ],
  [
    "memory search",
    memoryCall(100),
    { method: "search", input: "a", options: { limit: 3, minScore: 0.5, tags: ["t"], since: 1, before: 2 } },
  ],
  ["memory forget", memoryCall(100), { method: "forget", input: { ids: [1, 2], tags: ["t"] }, options: {} }],
  ["embeddings", embeddingsRequest, { input: ["a", "b"], encoding_format: "base64" }],
];
const STRANGE = [
  null,
  undefined,
  true,
  -1,
  0.5,
  1e308,
  Number.NaN,
  "",
  "x".repeat(300),
  [],
  {},
  [[]],
  { role: "user" },
  5n,
];
const KEYS = ["__proto__", "constructor", "role", "type", "content", "", "0", "toString"];

/** mulberry32: [0, 1) */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A copy with a few places replaced, left out or added. */
function broken(value: unknown, next: () => number): unknown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
  if (next() < 0.06) return pick(STRANGE);
  if (Array.isArray(value)) {
    const copy: unknown[] = value.flatMap((item) => (next() < 0.03 ? [] : [broken(item, next)]));
    return next() < 0.05 ? [...copy, pick(STRANGE)] : copy;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(() => next() > 0.03);
  const copy = Object.fromEntries(entries.map(([key, item]) => [key, broken(item, next)]));
  if (next() < 0.04) Object.defineProperty(copy, pick(KEYS), { value: pick(STRANGE), enumerable: true });
  return copy;
}

it.each(GOOD)("%s", (_, rule, good) => {
  const seen = { accepted: 0, refused: 0 };
  const next = random(1);
  for (let i = 0; i < 2000; i++) {
    const value = i === 0 ? good : broken(good, next);
    const result = check(rule, value, "it", budgetOf(10_000));
    if ("value" in result) {
      seen.accepted += 1;
      expect(check(rule, result.value, "it", budgetOf(10_000))).toEqual({ value: result.value });
    } else {
      seen.refused += 1;
      expect(result.problem).toMatch(/^.{5,400}$/s);
      expect(["invalid_request", "not_supported"]).toContain(result.code);
      expect(result.path).toMatch(/^it/);
    }
  }
  expect(check(rule, good, "it", budgetOf(10_000))).toHaveProperty("value");
  expect(seen.accepted).toBeGreaterThan(10);
  expect(seen.refused).toBeGreaterThan(10);
});
