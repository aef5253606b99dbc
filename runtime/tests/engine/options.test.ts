// Proves that options, prompts and token ids are checked as types.ts says, and how they become the buffer `sampling`.
// Needs nothing.
import { describe, expect, it } from "vitest";
import { MAX_ADAPTERS } from "../../src/contract/generate";
import { MOST_STACKED } from "../../src/device/operators.gen";
import { readAdapters, readOptions, readPrompt, readTokenIds, toMessages } from "../../src/engine/options";
import { Pace } from "../../src/engine/pace";
import { countTokens, resolveSampling } from "../../src/engine/sampling";

const invalid = expect.objectContaining({ code: "invalid_request" });

describe("readAdapters", () => {
  it("refuses an adapter that is named twice, and takes as many as devices stack", () => {
    expect(() => readAdapters([{ name: "a" }, { name: "a", weight: 2 }])).toThrow(invalid);
    expect(MAX_ADAPTERS).toBe(MOST_STACKED);
  });
});

describe("readOptions", () => {
  it.each([
    [{ temperature: -0.1 }],
    [{ temperature: 101 }],
    [{ temperature: Number.NaN }],
    [{ temperature: "1" }],
    [{ temperature: null }],
    [{ topP: 0 }],
    [{ topP: 1.01 }],
    [{ minP: -1 }],
    [{ minP: 2 }],
    [{ topK: -1 }],
    [{ topK: 1.5 }],
    [{ maxTokens: 0 }],
    [{ maxTokens: 1.5 }],
    [{ maxTokens: Number.POSITIVE_INFINITY }],
    [{ repetitionPenalty: 0 }],
    [{ repetitionPenalty: 10.5 }],
    [{ presencePenalty: -2.1 }],
    [{ frequencyPenalty: 3 }],
    [{ seed: -1 }],
    [{ seed: 2 ** 32 }],
    [{ seed: 0.5 }],
    [{ stop: [""] }],
    [{ stop: "x".repeat(257) }],
    [{ stop: Array(17).fill("x") }],
    [{ stop: [1] }],
    [{ stop: 1 }],
    [{ system: 5 }],
    [{ raw: 1 }],
    [{ partition: {} }],
    [{ adapter: 7 }],
    [{ adapter: { name: "a" } }],
    [{ adapter: ["a"] }],
    [{ adapter: [{ weight: 1 }] }],
    [{ adapter: [{ name: "a", weight: "1" }] }],
    [{ adapter: [{ name: "a", weight: Number.NaN }] }],
    [{ adapter: [{ name: "a", weight: 1001 }] }],
    [{ adapter: [{ name: "a", scale: 1 }] }],
    [{ adapter: Array.from({ length: 17 }, (_, i) => ({ name: `a${i}` })) }],
    [{ max_tokens: 5 }],
    [{ constructor: 1 }],
    [null],
    ["x"],
    [[]],
  ])("refuses %j", (options) => {
    expect(() => readOptions(options)).toThrow(invalid);
  });

  it("names the option", () => {
    expect(() => readOptions({ topP: 7 })).toThrow(/topP must be a number above 0 and at most 1, not 7/);
    expect(() => readOptions({ tempreature: 1 })).toThrow(/tempreature/);
  });

  it("takes what is allowed, and leaves out what is undefined", () => {
    const options = {
      system: "s",
      maxTokens: 1,
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0,
      repetitionPenalty: 0.5,
      presencePenalty: -2,
      frequencyPenalty: 2,
      stop: ["a"],
      seed: 4294967295,
      raw: false,
      partition: "p",
    };
    expect(readOptions(options)).toEqual(options);
    expect(readOptions({ temperature: undefined, stop: "x" })).toEqual({ stop: "x" });
  });
});

describe("prompts", () => {
  it.each([
    [[]],
    [null],
    [5],
    [[{ role: "user" }]],
    [[{ role: "robot", content: "" }]],
    [[{ role: "user", content: "x", nick: "y" }]],
    [["x"]],
  ])("refuses %j", (prompt) => {
    expect(() => readPrompt(prompt)).toThrow(invalid);
  });

  it("puts the system message first", () => {
    expect(toMessages("hi", "be brief")).toEqual([
      { role: "system", content: "be brief" },
      { role: "user", content: "hi" },
    ]);
    expect(toMessages("hi", undefined)).toEqual([{ role: "user", content: "hi" }]);
    expect(() => toMessages([{ role: "system", content: "a" }], "b")).toThrow(invalid);
  });

  it("checks token ids", () => {
    expect(readTokenIds([0, 9], 10, 5)).toEqual([0, 9]);
    for (const ids of [[], [10], [-1], [0.5], "x", [Number.NaN]])
      expect(() => readTokenIds(ids, 10, 5)).toThrow(invalid);
    expect(() => readTokenIds([1, 1, 1], 10, 2)).toThrow(
      expect.objectContaining({ code: "context_overflow", detail: { requested: 3, limit: 2 } }),
    );
  });
});

describe("resolveSampling", () => {
  it("is greedy exactly where nothing is drawn and nothing penalised", () => {
    expect(resolveSampling({ temperature: 0 }, {}).function).toBe("sample_greedy");
    expect(resolveSampling({ topK: 1 }, {}).function).toBe("sample_greedy");
    expect(resolveSampling({}, { temperature: 0 }).function).toBe("sample_greedy");
    expect(resolveSampling({}, {}).function).toBe("sample");
    const penalised = resolveSampling({ temperature: 0, presencePenalty: 1 }, {});
    expect(penalised).toMatchObject({ function: "sample", usesCounts: true });
    expect([...penalised.buffer.slice(0, 2)]).toEqual([1, 1]);
  });

  it("prefers the caller to the package to the defaults", () => {
    const close = (options: object, defaults: object) =>
      [...resolveSampling(options, defaults).buffer].map((value) => Number(value.toFixed(5)));
    expect(close({}, {})).toEqual([0.7, 0, 0.95, 0, 1, 0, 0, 0]);
    expect(close({}, { temperature: 0.6, topP: 0.9, topK: 20, repetitionPenalty: 1.1 })).toEqual([
      0.6, 20, 0.9, 0, 1.1, 0, 0, 0,
    ]);
    const all = {
      temperature: 2,
      topP: 0.5,
      topK: 7,
      minP: 0.1,
      repetitionPenalty: 1.5,
      presencePenalty: 0.25,
      frequencyPenalty: -0.5,
    };
    expect(close(all, { temperature: 0.6, topP: 0.9, topK: 20 })).toEqual([2, 7, 0.5, 0.1, 1.5, 0.25, -0.5, 0]);
  });

  it("draws a seed where none is given", () => {
    const seeds = new Set(Array.from({ length: 8 }, () => resolveSampling({}, {}).seed));
    expect(seeds.size).toBeGreaterThan(1);
    expect(resolveSampling({ seed: 0 }, {}).seed).toBe(0);
  });

  it("counts tokens", () => {
    expect([...countTokens([1, 3, 1], 5)]).toEqual([0, 2, 0, 1, 0]);
  });
});

describe("Pace", () => {
  it("grows to its target at most twofold a time, and shrinks at once", () => {
    const pace = new Pace({ targetMs: 32, first: 1, min: 1, max: 16 });
    const sizes = [pace.size];
    for (let i = 0; i < 5; i++) {
      pace.record(pace.size, pace.size * 1);
      sizes.push(pace.size);
    }
    expect(sizes).toEqual([1, 2, 4, 8, 16, 16]);
    pace.record(16, 16 * 100);
    expect(pace.size).toBe(1);
  });
});
