// Proves that the Vercel AI SDK works over openaiFetch: text, streams, tool calls with their results, objects by schema,
// embeddings, errors and aborts. Needs nothing: the models are toys on a fake device.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateObject, generateText, jsonSchema, streamText, tool } from "ai";
import { describe, expect, it } from "vitest";
import { type OpenAISource, openaiFetch } from "../../src/api/openai_fetch";
import { speakingToy } from "../fixtures/speaking_toy";
import { loadToy } from "../fixtures/toy_engine";
import { greedy } from "../fixtures/toy_model";
import { idsOf, textOf } from "../fixtures/toy_package";

const expected = textOf(greedy(idsOf("u,hi there."), 8));
const schema = jsonSchema<{ s: number }>({
  type: "object",
  properties: { s: { enum: [0, 1, 23] } },
  required: ["s"],
  additionalProperties: false,
});
const summed = { s: expect.toSatisfy((value) => [0, 1, 23].includes(value)) };
/** The toy speaks noise: thinking, it would do so for ever. */
const speaking = {
  prompt: "sum",
  temperature: 1,
  seed: 1,
  maxOutputTokens: 70,
  maxRetries: 0,
  providerOptions: { local: { parallel_tool_calls: false, reasoning: { enabled: false } } },
};

function providerOf(source: OpenAISource) {
  return createOpenAICompatible({
    name: "local",
    baseURL: "http://localhost/v1",
    supportsStructuredOutputs: true,
    includeUsage: true,
    fetch: openaiFetch(source),
  });
}
const ask = { prompt: "hi there", temperature: 0, maxOutputTokens: 8, maxRetries: 0 };

describe("the Vercel AI SDK", () => {
  it("generates text", async () => {
    const model = providerOf((await loadToy()).model)("toy");
    const { text, usage, finishReason } = await generateText({ model, ...ask });
    expect(text).toBe(expected);
    expect(usage.outputTokens).toBe(8);
    expect(finishReason).toBe("length");
  });

  it("streams text, and stops the model when it is aborted", async () => {
    const { model: toy, executor } = await loadToy();
    const model = providerOf(toy)("toy");
    const streamed = streamText({ model, ...ask });
    let text = "";
    for await (const piece of streamed.textStream) text += piece;
    expect(text).toBe(expected);
    expect((await streamed.usage).outputTokens).toBe(8);
    const before = executor.decoded;
    const controller = new AbortController();
    const noise = { temperature: 2, seed: 1, maxOutputTokens: 60, abortSignal: controller.signal };
    const stopped = streamText({ model, ...ask, ...noise, onError: () => undefined });
    for await (const _ of stopped.textStream) controller.abort();
    expect(await generateText({ model, ...ask })).toMatchObject({ text: expected });
    expect(executor.decoded - before).toBeLessThan(68);
  });

  it("calls a tool with arguments that its schema allows, and answers with the result", async () => {
    const model = providerOf((await loadToy(speakingToy)).model)("toy");
    const asked: unknown[] = [];
    const sum = tool({
      inputSchema: schema,
      execute: async (input) => {
        asked.push(input);
        return "done";
      },
    });
    const answer = await generateText({ model, ...speaking, toolChoice: "required", tools: { sum } });
    const [call] = answer.toolCalls;
    expect(call).toMatchObject({ toolName: "sum", input: summed });
    expect(asked).toEqual([call!.input]);
    expect(answer.toolResults).toMatchObject([{ output: "done", toolCallId: call!.toolCallId }]);
    const tools = { sum, mail: sum };
    const streamed = streamText({ model, ...speaking, toolChoice: { type: "tool", toolName: "mail" }, tools });
    expect(await streamed.toolCalls).toMatchObject([{ toolName: "mail", input: summed }]);
  });

  it("generates objects that their schema allows", async () => {
    const model = providerOf((await loadToy(speakingToy)).model)("toy");
    expect((await generateObject({ model, ...speaking, schema })).object).toEqual(summed);
  });

  it("embeds", async () => {
    const provider = providerOf({
      info: { id: "encoder", name: "Encoder" },
      embed: async (input) => ({
        embeddings: [input].flat().map((text) => Float32Array.of(text.length, 0.5)),
        usage: { promptTokens: 3 },
      }),
    });
    const model = provider.embeddingModel("encoder");
    const { embeddings, usage } = await embedMany({ model, values: ["a", "bcd"] });
    expect(embeddings).toEqual([
      [1, 0.5],
      [3, 0.5],
    ]);
    expect(usage.tokens).toBe(3);
  });

  it("throws its own errors for ours", async () => {
    const model = providerOf((await loadToy()).model)("gpt-6");
    await expect(generateText({ model, ...ask })).rejects.toMatchObject({ statusCode: 404, isRetryable: false });
  });
});
