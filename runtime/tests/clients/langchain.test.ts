// Proves that LangChain.js works over openaiFetch: answers, streams, tools, structured output, embeddings and errors. Needs
// nothing: the models are toys on a fake device.
import { type AIMessageChunk, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { describe, expect, it } from "vitest";
import { type OpenAISource, openaiFetch } from "../../src/api/openai_fetch";
import { speakingToy } from "../fixtures/speaking_toy";
import { loadToy } from "../fixtures/toy_engine";
import { greedy } from "../fixtures/toy_model";
import { idsOf, textOf } from "../fixtures/toy_package";

const expected = textOf(greedy(idsOf("u,hi there."), 8));
const schema = {
  title: "sum",
  description: "",
  type: "object",
  properties: { s: { enum: [0, 1, 23] } },
  required: ["s"],
  additionalProperties: false,
};
const summed = { s: expect.toSatisfy((value) => [0, 1, 23].includes(value)) };
/** The toy speaks noise: thinking, it would do so for ever. */
const speaking = { maxTokens: 70, temperature: 1, modelKwargs: { seed: 1, reasoning: { enabled: false } } };

function chatOf(source: OpenAISource, model = "toy", options: object = { maxTokens: 8 }): ChatOpenAI {
  const configuration = { baseURL: "http://localhost/v1", fetch: openaiFetch(source) };
  return new ChatOpenAI({ model, apiKey: "none", temperature: 0, maxRetries: 0, configuration, ...options });
}

describe("LangChain.js", () => {
  it("answers and streams", async () => {
    const chat = chatOf((await loadToy()).model);
    const answer = await chat.invoke([new HumanMessage("hi there")]);
    expect(answer.text).toBe(expected);
    expect(answer.usage_metadata).toMatchObject({ output_tokens: 8 });
    let text = "";
    for await (const chunk of await chat.stream("hi there")) text += chunk.text;
    expect(text).toBe(expected);
    expect((await chat.invoke([new SystemMessage("be"), new HumanMessage("hi")])).text).not.toBe("");
  });

  it("calls tools, also while it streams", async () => {
    const { model } = await loadToy(speakingToy);
    const tool = { type: "function" as const, function: { name: "sum", description: "", parameters: schema } };
    const chat = chatOf(model, "toy", speaking).bindTools([tool], { tool_choice: "sum", parallel_tool_calls: false });
    const answer = await chat.invoke("sum");
    expect(answer.tool_calls).toEqual([{ name: "sum", args: summed, id: expect.any(String), type: "tool_call" }]);
    let whole: AIMessageChunk | null = null;
    for await (const chunk of await chat.stream("sum")) whole = whole ? whole.concat(chunk) : chunk;
    expect(whole!.tool_calls).toMatchObject([{ name: "sum", args: answer.tool_calls![0]!.args }]);
  });

  it("gives structured output, by schema and by a call", async () => {
    const chat = chatOf((await loadToy(speakingToy)).model, "toy", speaking);
    for (const method of ["jsonSchema", "functionCalling"] as const)
      expect(await chat.withStructuredOutput(schema, { method }).invoke("sum")).toEqual(summed);
  });

  it("embeds", async () => {
    const source: OpenAISource = {
      info: { id: "encoder", name: "Encoder" },
      embed: async (input) => ({
        embeddings: [input].flat().map((text) => Float32Array.of(text.length, 0.5)),
        usage: { promptTokens: 3 },
      }),
    };
    const configuration = { baseURL: "http://localhost/v1", fetch: openaiFetch(source) };
    const embeddings = new OpenAIEmbeddings({ model: "encoder", apiKey: "none", configuration });
    expect(await embeddings.embedDocuments(["a", "bcd"])).toEqual([
      [1, 0.5],
      [3, 0.5],
    ]);
    expect(await embeddings.embedQuery("ab")).toEqual([2, 0.5]);
  });

  it("throws for what is refused, and stops with a signal", async () => {
    const { model } = await loadToy();
    await expect(chatOf(model, "gpt-6").invoke("hi there")).rejects.toMatchObject({ status: 404 });
    await expect(chatOf(model).invoke("hi there", { signal: AbortSignal.abort() })).rejects.toThrow();
  });
});
