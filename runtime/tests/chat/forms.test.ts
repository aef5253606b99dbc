// Proves that tools and response_format of a chat request hold the answer to them, whatever the model would say: calls
// as OpenAI writes them, streamed and whole, JSON of a schema, and the model's own log probabilities under a mask. On a
// fake device, with a model that speaks noise.
import { describe, expect, it } from "vitest";
import type { ChatCompletionChunk, ChatRequest, Tool } from "../../src/api/types";
import { idsOfTokens, speakingToy } from "../fixtures/speaking_toy";
import { loadToy } from "../fixtures/toy_engine";
import { reference } from "../fixtures/toy_model";

const tool = (name: string, size: { readonly enum: readonly (string | number)[] }): Tool => ({
  type: "function",
  function: {
    name,
    parameters: { type: "object", properties: { s: size }, required: ["s"], additionalProperties: false },
  },
});
const tools = [tool("mail", { enum: ["a", "b"] }), tool("sum", { enum: [0, 1, 23] })];
const base = {
  messages: [{ role: "user", content: "sum" }],
  tools,
  temperature: 1,
  seed: 1,
  max_completion_tokens: 70,
} as const;
const VALID: Readonly<Record<string, readonly string[]>> = {
  mail: ['{"s":"a"}', '{"s":"b"}'],
  sum: ['{"s":0}', '{"s":1}', '{"s":23}'],
};

/** Noise that thinks would do so for ever. */
const PLAIN = { tools: [], reasoning: { enabled: false } } as const;

const request = (more: Partial<ChatRequest>): ChatRequest => ({ ...base, ...more });

async function complete(more: Partial<ChatRequest>) {
  const { model } = await loadToy(speakingToy);
  return model.chat.completions.create({ ...request(more), stream: false });
}

describe("tool calls", () => {
  it.each([
    ["required", undefined],
    [{ type: "function", function: { name: "sum" } }, "sum"],
  ] as const)("are forced by %j, with valid arguments and OpenAI's shape", async (tool_choice, name) => {
    for (const seed of [1, 2, 3]) {
      const { choices } = await complete({ tool_choice, parallel_tool_calls: false, seed });
      const { message, finish_reason } = choices[0]!;
      expect(finish_reason).toBe("tool_calls");
      expect(message.content).toBeNull();
      expect(message.tool_calls).toHaveLength(1);
      const call = message.tool_calls![0]!;
      expect(call).toMatchObject({ type: "function", id: expect.stringMatching(/^call_/) });
      if (name) expect(call.function.name).toBe(name);
      expect(VALID[call.function.name]).toContain(JSON.stringify(JSON.parse(call.function.arguments)));
    }
  });

  it("stream as deltas that join to the call", async () => {
    const { model } = await loadToy(speakingToy);
    const chunks: ChatCompletionChunk[] = [];
    const asked = request({ tool_choice: "required", parallel_tool_calls: false });
    for await (const chunk of model.chat.completions.create({ ...asked, stream: true })) chunks.push(chunk);
    const deltas = chunks.flatMap(({ choices }) => choices[0]!.delta.tool_calls ?? []);
    expect(deltas[0]).toMatchObject({ index: 0, id: expect.any(String), type: "function" });
    expect(deltas.slice(1).every((delta) => delta.id === undefined && delta.type === undefined)).toBe(true);
    const name = deltas.map((delta) => delta.function?.name ?? "").join("");
    const joined = deltas.map((delta) => delta.function?.arguments ?? "").join("");
    expect(VALID[name]).toContain(JSON.stringify(JSON.parse(joined)));
    expect(chunks.at(-1)!.choices[0]!.finish_reason).toBe("tool_calls");
  });

  it("are not made where tool_choice is none, and the model is not told of the tools", async () => {
    const none = await complete({ tool_choice: "none", max_completion_tokens: 5 });
    const { tools: _, ...without } = request({ max_completion_tokens: 5 });
    const { model } = await loadToy(speakingToy);
    const plain = await model.chat.completions.create({ ...without, stream: false });
    expect(none.choices).toEqual(plain.choices);
    expect(none.usage).toEqual(plain.usage);
  });

  it("and their results go back into the conversation", async () => {
    const { choices } = await complete({ tool_choice: "required", parallel_tool_calls: false });
    const { message } = choices[0]!;
    const answered = [
      ...base.messages,
      message,
      { role: "tool" as const, tool_call_id: message.tool_calls![0]!.id, content: "23" },
    ];
    const next = await complete({ messages: answered, tool_choice: "none", max_completion_tokens: 3 });
    expect(next.usage.prompt_tokens).toBeGreaterThan(0);
    await expect(complete({ messages: answered.slice(0, 2) })).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("cannot be asked of a model whose template knows none", async () => {
    const { model } = await loadToy();
    await expect(model.chat.completions.create(request({}) as never)).rejects.toMatchObject({
      code: "not_supported",
      detail: { path: "tools" },
    });
  });
});

describe("response_format", () => {
  const schema = {
    type: "object",
    properties: { s: { enum: ["a", "b"] }, n: { type: "boolean" } },
    required: ["s", "n"],
    additionalProperties: false,
  };
  const json_schema = { type: "json_schema", json_schema: { name: "x", schema, strict: true } } as const;

  it("is a schema, for each choice", async () => {
    const { choices } = await complete({ ...PLAIN, response_format: json_schema, n: 3 });
    for (const { message, finish_reason } of choices) {
      expect(finish_reason).toBe("stop");
      const value = JSON.parse(message.content!);
      expect(Object.keys(value).sort()).toEqual(["n", "s"]);
      expect(["a", "b"]).toContain(value.s);
      expect(typeof value.n).toBe("boolean");
    }
  });

  it("is a pattern, also as a RegExp of generate", async () => {
    const { choices } = await complete({ ...PLAIN, response_format: { type: "regex", pattern: "[ab]{2}x" } });
    expect(choices[0]!.message.content).toMatch(/^[ab]{2}x$/);
    const { model } = await loadToy(speakingToy);
    const options = { maxTokens: 9, seed: 1, responseFormat: /^0[12]3$/ };
    expect(await model.generate("hi", options)).toMatch(/^0[12]3$/);
  });

  it("names what it cannot do", async () => {
    const unsupported = { type: "regex", pattern: "(a|b)\\1" } as const;
    await expect(complete({ ...PLAIN, response_format: unsupported })).rejects.toMatchObject({ code: "not_supported" });
  });

  it("leaves the log probabilities the model's own", async () => {
    const { model } = await loadToy(speakingToy);
    const plain = request({ ...PLAIN, response_format: { type: "regex", pattern: "[ab]{3}" } });
    const prompt = idsOfTokens(..."u:suma:", "<think>", "</think>");
    for (const logit_bias of [null, { 0: 1 }]) {
      const completion = await model.chat.completions.create({ ...plain, logit_bias, logprobs: true, stream: false });
      const text = completion.choices[0]!.message.content!;
      completion.choices[0]!.logprobs!.content!.forEach(({ token, logprob }, index) => {
        const logits = Array.from(reference([...prompt, ...idsOfTokens(...text.slice(0, index))]));
        const largest = Math.max(...logits);
        const normalizer = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
        expect(logprob).toBeCloseTo(logits[idsOfTokens(token)[0]!]! - normalizer, 4);
      });
    }
  });
});
