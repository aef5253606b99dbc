/** Proves that the one schema of generate() takes what it should and refuses hostile arguments. Needs nothing. */
import { describe, expect, it } from "vitest";
import { PAGE_LIMITS, parseChat, parseGenerate } from "../protocol/page-contract";

const { messages: MAX_MESSAGES, maxTokens: MAX_OUTPUT_TOKENS, textBytes: MAX_PROMPT_BYTES } = PAGE_LIMITS;

const problem = (prompt: unknown, options?: unknown): string => {
  const parsed = parseGenerate(prompt, options);
  return "problem" in parsed ? parsed.problem : "accepted";
};

describe("what is accepted", () => {
  it("copies every option", () => {
    const options = {
      system: "Be brief.",
      maxTokens: MAX_OUTPUT_TOKENS,
      temperature: 0,
      topP: 1,
      topK: 0,
      minP: 0.1,
      repetitionPenalty: 1.1,
      presencePenalty: -2,
      frequencyPenalty: 2,
      stop: ["\n", "END"],
      seed: 0xffff_ffff,
    };
    const parsed = parseGenerate("hello", options);
    expect(parsed).toEqual({ value: { prompt: "hello", options } });
    expect("value" in parsed && parsed.value.options).not.toBe(options);
  });

  it("takes messages, and an option that is undefined as omitted", () => {
    const messages = [
      { role: "system", content: "a" },
      { role: "user", content: "b" },
    ];
    expect(parseGenerate(messages, { seed: undefined })).toEqual({ value: { prompt: messages, options: {} } });
  });
});

describe("chat", () => {
  const messages = [{ role: "user", content: "x" }];

  it("takes OpenAI's request with the limits of pages", () => {
    const request = { messages, stream: true, max_completion_tokens: MAX_OUTPUT_TOKENS, n: PAGE_LIMITS.choices };
    expect(parseChat(request)).toEqual({ value: request });
  });

  it.each([
    [{}, /messages must be there/, "invalid_request"],
    [{ messages, n: PAGE_LIMITS.choices + 1 }, /n must be an integer from 1 to 8/, "invalid_request"],
    [{ messages, partition: "another site" }, /Unknown option/, "invalid_request"],
    [{ messages: [{ role: "user", content: "x".repeat(MAX_PROMPT_BYTES + 1) }] }, /at most/, "invalid_request"],
    [
      {
        messages,
        tools: [{ type: "function", function: { name: "f", parameters: { a: "x".repeat(MAX_PROMPT_BYTES) } } }],
      },
      /at most/,
      "invalid_request",
    ],
    [{ messages, audio: {} }, /audio is not supported/, "not_supported"],
  ])("refuses %#", (request, problem, code) => {
    expect(parseChat(request)).toMatchObject({ problem: expect.stringMatching(problem), code });
  });
});

describe("what is refused", () => {
  it.each([
    [undefined],
    [null],
    [1],
    [{}],
    [() => "x"],
    [[]],
    [["text"]],
    [[null]],
    [[{ role: "root", content: "x" }]],
    [[{ role: "user" }]],
    [[{ role: "user", content: 1 }]],
    [[{ role: "user", content: "x", nick: "y" }]],
    [Object.assign([], { length: MAX_MESSAGES + 1 })],
  ])("prompt %j", (prompt) => {
    expect(problem(prompt)).toMatch(/must|Unknown option/);
  });

  it.each([
    [{ unknown: 1 }, /Unknown option "unknown"/],
    [{ raw: true }, /Unknown option/],
    [{ partition: "another site" }, /Unknown option/],
    [{ signal: "x" }, /Unknown option/],
    [{ toString: 1 }, /Unknown option/],
    [{ constructor: 1 }, /Unknown option/],
    [JSON.parse('{"__proto__": 1}'), /Unknown option/],
    [{ [Symbol("x")]: 1 }, /symbol/],
    [{ ["x".repeat(1000)]: 1 }, /^.{0,100}$/],
    [null, /options must be/],
    ["text", /options must be/],
    [{ maxTokens: 0 }, /maxTokens must be an integer from 1/],
    [{ maxTokens: MAX_OUTPUT_TOKENS + 1 }, /maxTokens/],
    [{ maxTokens: 1.5 }, /maxTokens/],
    [{ maxTokens: "5" }, /not "5"/],
    [{ maxTokens: null }, /not null/],
    [{ maxTokens: 10n }, /not bigint/],
    [{ temperature: Number.NaN }, /temperature/],
    [{ temperature: Number.POSITIVE_INFINITY }, /temperature/],
    [{ temperature: -0.1 }, /temperature/],
    [{ topP: 0 }, /topP must be a number above 0/],
    [{ seed: -1 }, /seed/],
    [{ seed: 2 ** 32 }, /seed/],
    [{ stop: "" }, /stop/],
    [{ stop: ["x".repeat(257)] }, /stop/],
    [{ stop: new Array(17).fill("x") }, /0 to 16 items/],
    [{ stop: [1] }, /stop/],
    [{ system: 1 }, /system/],
  ])("options %#", (options, expected) => {
    expect(problem("x", options)).toMatch(expected);
  });

  it("counts bytes of prompt, messages and system together", () => {
    expect(problem("x".repeat(MAX_PROMPT_BYTES))).toBe("accepted");
    expect(problem("x".repeat(MAX_PROMPT_BYTES + 1))).toMatch(/at most/);
    expect(problem("é".repeat(MAX_PROMPT_BYTES / 2 + 1))).toMatch(/at most/);
    expect(problem("😀".repeat(MAX_PROMPT_BYTES / 4))).toBe("accepted");
    const half = { role: "user", content: "x".repeat(MAX_PROMPT_BYTES / 2) };
    expect(problem([half, half], {})).toBe("accepted");
    expect(problem([half, half], { system: "y" })).toMatch(/at most/);
  });

  it("survives getters and proxies that throw", () => {
    const hostile = {
      get temperature() {
        throw new Error("secret");
      },
    };
    expect(problem("x", hostile)).toMatch(/could not be read/);
    const trap = new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("trap");
        },
      },
    );
    expect(problem("x", trap)).toMatch(/could not be read/);
    expect(problem(new Proxy([], { get: () => Number.POSITIVE_INFINITY }))).not.toBe("accepted");
  });

  it("reads each option once, so that a getter cannot change its answer", () => {
    let reads = 0;
    const changing = {
      get maxTokens() {
        return ++reads === 1 ? 5 : 1e9;
      },
    };
    expect(parseGenerate("x", changing)).toEqual({ value: { prompt: "x", options: { maxTokens: 5 } } });
    expect(reads).toBe(1);
  });

  it("ignores options that a patched Object.prototype brings", () => {
    Object.defineProperty(Object.prototype, "raw", {
      value: true,
      configurable: true,
      enumerable: true,
      writable: true,
    });
    const parsed = parseGenerate("x", {});
    const known = parseGenerate("x", JSON.parse('{"raw": 1}'));
    Reflect.deleteProperty(Object.prototype, "raw");
    expect("value" in parsed && Reflect.ownKeys(parsed.value.options)).toEqual([]);
    expect(known).toHaveProperty("problem");
  });
});
