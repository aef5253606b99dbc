// Proves that the validator copies what a rule accepts, names the field of what it does not, reads every value once and
// survives hostile values. Needs nothing.
import { describe, expect, it } from "vitest";
import { chatRequest } from "../../src/contract/chat";
import { budgetOf, check } from "../../src/contract/check";
import { generateOptions, prompt } from "../../src/contract/generate";
import { ENGINE_LIMITS } from "../../src/contract/limits";
import type { Rule } from "../../src/contract/rules";
import {
  array,
  boolean,
  choice,
  countedText,
  either,
  ignored,
  integer,
  json,
  jsonObject,
  nullable,
  number,
  numbersByInteger,
  object,
  optional,
  refused,
  text,
  unsupported,
  variants,
} from "../../src/contract/rules";

const run = (rule: Rule, value: unknown, bytes = 1000) => check(rule, value, "it", budgetOf(bytes));
const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);
const cyclic: unknown[] = [];
cyclic.push(cyclic);

const shape = variants("type", {
  circle: object({ type: choice("circle"), radius: number(0, 9) }),
  square: unsupported(),
});

describe("check", () => {
  it.each<[string, Rule, unknown, unknown]>([
    ["text", text(1, 3), "abc", "abc"],
    ["integer", integer(-1, 5), -1, -1],
    ["number", number(Number.MIN_VALUE, 1), 0.25, 0.25],
    ["boolean", boolean(), false, false],
    ["choice", choice("a", false), false, false],
    ["array", array(boolean(), 0, 2), [true], [true]],
    ["either", either(text(0, 9), array(text(0, 9), 0, 2)), ["a"], ["a"]],
    ["variants", shape, { type: "circle", radius: 2 }, { type: "circle", radius: 2 }],
    ["numbers", numbersByInteger(-1, 1, 2), { 0: 1, 12: -1 }, { 0: 1, 12: -1 }],
    ["json", json(), { a: [1, null, { b: "c" }], d: undefined }, { a: [1, null, { b: "c" }] }],
    ["optional", object({ a: optional(boolean()) }), { a: undefined }, {}],
    ["nullable", object({ a: nullable(boolean()) }), { a: null }, {}],
    ["ignored", object({ a: ignored() }), { a: () => 1 }, {}],
    ["refused, harmless", object({ a: refused(choice(false)) }), { a: false }, {}],
    ["refused, null", object({ a: refused() }), { a: null }, {}],
  ])("takes %s", (_, rule, value, expected) => {
    const result = run(rule, value);
    expect(result).toEqual({ value: expected });
    if (typeof value === "object" && "value" in result) expect(result.value).not.toBe(value);
  });

  it.each<[Rule, unknown, RegExp, string]>([
    [text(1, 3), "", /it must be a string of 1 to 3 characters, not 0/, "it"],
    [text(1, 3), 5, /it must be a string, not 5/, "it"],
    [integer(0, 5), 1.5, /an integer from 0 to 5, not 1.5/, "it"],
    [integer(0, 5), 3n, /not bigint/, "it"],
    [number(Number.MIN_VALUE, 1), 0, /a number above 0 and at most 1, not 0/, "it"],
    [number(0, 1), Number.NaN, /not NaN/, "it"],
    [number(0, 1), "1", /not "1"/, "it"],
    [boolean(), null, /true or false, not null/, "it"],
    [choice("a", "b", "c"), "d", /"a", "b" or "c", not "d"/, "it"],
    [array(boolean(), 1, 2), [], /an array of 1 to 2 items, not 0/, "it"],
    [array(boolean(), 0, 2), [true, 1], /it\[1\] must be true or false/, "it[1]"],
    [either(text(0, 9), array(text(0, 9), 0, 2)), {}, /a string or an array, not object/, "it"],
    [shape, { type: "circle" }, /it.radius must be there/, "it.radius"],
    [shape, { type: "line" }, /it.type must be "circle" or "square", not "line"/, "it.type"],
    [shape, { radius: 1 }, /it.type/, "it.type"],
    [shape, { type: "circle", radius: 1, x: 1 }, /Unknown option "x" in it/, "it"],
    [shape, [], /an object, not an array/, "it"],
    [numbersByInteger(-1, 1, 2), { x: 1 }, /keys are token ids, not "x"/, "it"],
    [numbersByInteger(-1, 1, 2), { "01": 1 }, /keys are token ids/, "it"],
    [numbersByInteger(-1, 1, 2), { 1: 2 }, /it.1 must be a number from -1 to 1, not 2/, "it.1"],
    [numbersByInteger(-1, 1, 2), { 1: 1, 2: 1, 3: 1 }, /at most 2 keys/, "it"],
    [json(), () => 1, /JSON, not function/, "it"],
    [json(), { a: 1n }, /it.a must be JSON/, "it.a"],
    [json(), { [Symbol("x")]: 1 }, /symbol/, "it"],
    [json(), deep(66), /at most 64 levels/, `it${"[0]".repeat(65)}`],
    [json(), cyclic, /levels/, `it${"[0]".repeat(65)}`],
    [jsonObject(), [], /an object/, "it"],
    [object({}), { constructor: 1 }, /Unknown option "constructor"/, "it"],
    [object({}), { toString: 1 }, /Unknown option/, "it"],
    [object({}), JSON.parse('{"__proto__": 1}'), /Unknown option/, "it"],
  ])("%# refuses", (rule, value, message, path) => {
    const result = run(rule, value);
    expect(result).toMatchObject({ problem: expect.stringMatching(message), path, code: "invalid_request" });
  });

  it.each<[Rule, unknown, string]>([
    [object({ a: refused(choice(false)) }), { a: true }, "it.a"],
    [object({ a: refused() }), { a: [] }, "it.a"],
    [shape, { type: "square" }, "it"],
  ])("%# knows and does not support", (rule, value, path) => {
    expect(run(rule, value)).toMatchObject({ path, code: "not_supported" });
  });

  it("counts texts, keys and values against one budget", () => {
    const rule = object({ a: countedText(), b: json() });
    expect(run(rule, { a: "é", b: "" }, 2)).toHaveProperty("value");
    expect(run(rule, { a: "é", b: "x" }, 2)).toMatchObject({ problem: expect.stringMatching(/at most 2 bytes/) });
    expect(run(rule, { a: "", b: { key: null } }, 5)).toHaveProperty("value");
    expect(run(rule, { a: "", b: { key: null } }, 4)).toHaveProperty("problem");
    expect(run(json(), new Proxy([], { get: (_, key) => (key === "length" ? 1e9 : 1) }), 1e4)).toHaveProperty(
      "problem",
    );
  });

  it("reads each value once", () => {
    const reads: string[] = [];
    const answers = (value: object) =>
      new Proxy(value, {
        get: (target, key) => {
          reads.push(String(key));
          return Reflect.get(target, key);
        },
      });
    const value = answers({ messages: [answers({ role: "user", content: "x" })], seed: 5 });
    expect(run(chatRequest(ENGINE_LIMITS), value)).toEqual({
      value: { messages: [{ role: "user", content: "x" }], seed: 5 },
    });
    expect(reads.sort()).toEqual(["content", "messages", "role", "seed"]);
  });

  it("survives what throws, and says nothing of it", () => {
    const hostile = {
      get temperature() {
        throw new Error("secret");
      },
    };
    const result = run(generateOptions(ENGINE_LIMITS), hostile);
    expect(result).toMatchObject({ problem: "it could not be read: a getter or proxy threw." });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(run(generateOptions(ENGINE_LIMITS), proxy)).toHaveProperty("problem");
  });

  it("is not changed by a patched Object.prototype", () => {
    const rule = object({ a: optional(boolean()) });
    const names = ["a", "b", "presence", "rule", "found", "first"];
    for (const name of names) Object.defineProperty(Object.prototype, name, { value: true, configurable: true });
    const results = [run(rule, {}), run(rule, { b: 1 }), run(prompt(ENGINE_LIMITS), [{ role: "b", content: "" }])];
    for (const name of names) Reflect.deleteProperty(Object.prototype, name);
    expect(results[0]).toHaveProperty("value");
    expect("value" in results[0]! && Reflect.ownKeys(results[0].value as object)).toEqual([]);
    expect(results[1]).toHaveProperty("problem");
    expect(results[2]).toHaveProperty("problem");
  });
});
