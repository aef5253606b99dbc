// Proves that the official client of OpenAI works over openaiFetch: completions, streams, models, embeddings, typed
// errors and aborts. Needs nothing: the model is the toy one, on a fake device.
import OpenAI, { APIUserAbortError, BadRequestError, NotFoundError } from "openai";
import { describe, expect, it } from "vitest";
import { type OpenAISource, openaiFetch } from "../../src/api/openai_fetch";
import { LlmError } from "../../src/internal/errors";
import { loadToy } from "../fixtures/toy_engine";
import { greedy } from "../fixtures/toy_model";
import { idsOf, textOf } from "../fixtures/toy_package";

const request = {
  model: "toy",
  messages: [{ role: "user" as const, content: "hi there" }],
  temperature: 0,
  max_tokens: 8,
};
const expected = textOf(greedy(idsOf("u,hi there."), 8));

function clientOf(source: OpenAISource): OpenAI {
  return new OpenAI({ baseURL: "http://localhost/v1", apiKey: "none", maxRetries: 2, fetch: openaiFetch(source) });
}

describe("the openai package", () => {
  it("completes", async () => {
    const client = clientOf((await loadToy()).model);
    const completion = await client.chat.completions.create({ ...request, logprobs: true, top_logprobs: 2 });
    expect(completion.choices[0]).toMatchObject({ finish_reason: "length", message: { content: expected } });
    expect(completion.choices[0]!.logprobs!.content).toHaveLength(8);
    expect(completion.usage).toMatchObject({ completion_tokens: 8 });
  });

  it("streams, with its own helper and by itself", async () => {
    const client = clientOf((await loadToy()).model);
    const stream = await client.chat.completions.create({
      ...request,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(expected);
    expect(usage).toMatchObject({ completion_tokens: 8 });
    const helper = client.chat.completions.stream(request);
    expect((await helper.finalChatCompletion()).choices[0]!.message.content).toBe(expected);
  });

  it("stops the model when a stream is left or aborted", async () => {
    const { model, executor } = await loadToy();
    const client = clientOf(model);
    const long = {
      ...request,
      max_tokens: 60,
      temperature: 2,
      seed: 1,
      logit_bias: { 39: -100 },
      stream: true as const,
    };
    for await (const _ of await client.chat.completions.create(long)) break;
    const controller = new AbortController();
    const stream = await client.chat.completions.create(long, { signal: controller.signal });
    for await (const _ of stream) controller.abort();
    await expect(
      client.chat.completions.create({ ...long, stream: false }, { signal: AbortSignal.abort() }),
    ).rejects.toBeInstanceOf(APIUserAbortError);
    expect((await client.chat.completions.create(request)).choices[0]!.message.content).toBe(expected);
    expect(executor.decoded).toBeLessThan(120);
  });

  it("lists models", async () => {
    const client = clientOf((await loadToy()).model);
    expect((await client.models.list()).data).toEqual([{ id: "toy", object: "model", created: 0, owned_by: "nomoat" }]);
    expect((await client.models.retrieve("toy")).id).toBe("toy");
    await expect(client.models.retrieve("other")).rejects.toBeInstanceOf(NotFoundError);
  });

  it("embeds, in both encodings", async () => {
    const source: OpenAISource = {
      info: { id: "encoder", name: "Encoder" },
      embed: async (input) => ({
        embeddings: [input].flat().map((text) => Float32Array.of(text.length, 0.5)),
        usage: { promptTokens: 3 },
      }),
    };
    const client = clientOf(source);
    const { data, usage } = await client.embeddings.create({ model: "encoder", input: ["a", "bcd"] });
    expect(data.map(({ embedding }) => [...embedding])).toEqual([
      [1, 0.5],
      [3, 0.5],
    ]);
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    const plain = await client.embeddings.create({ model: "encoder", input: "ab", encoding_format: "float" });
    expect(plain.data[0]!.embedding).toEqual([2, 0.5]);
    await expect(client.embeddings.create({ model: "encoder", input: "a", dimensions: 5 })).rejects.toMatchObject({
      code: "not_supported",
      param: "dimensions",
    });
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({ status: 400 });
  });

  it("embeds with window.llm, which is told the model and counts no tokens", async () => {
    const client = clientOf({
      models: async () => [{ id: "encoder", name: "Encoder" }],
      embed: async (input, options) =>
        [input].flat().map((text) => Float32Array.of(text.length, options!.model!.length)),
    });
    const { data, usage } = await client.embeddings.create({ model: "Encoder", input: ["a", "bcd"] });
    expect(data.map(({ embedding }) => [...embedding])).toEqual([
      [1, 7],
      [3, 7],
    ]);
    expect(usage).toEqual({ prompt_tokens: 0, total_tokens: 0 });
  });

  it("throws its own errors for ours", async () => {
    const client = clientOf((await loadToy()).model);
    const refused = client.chat.completions.create({ ...request, temperature: -1 });
    await expect(refused).rejects.toBeInstanceOf(BadRequestError);
    await expect(refused).rejects.toMatchObject({ status: 400, param: "temperature", code: "invalid_request" });
    const long = [{ role: "user" as const, content: "x".repeat(500) }];
    await expect(client.chat.completions.create({ ...request, messages: long, stream: true })).rejects.toMatchObject({
      code: "context_length_exceeded",
    });
    await expect(client.chat.completions.create({ ...request, model: "gpt-6" })).rejects.toBeInstanceOf(NotFoundError);
    await expect(client.files.list()).rejects.toBeInstanceOf(NotFoundError);
  });

  it("ends a stream with the error that breaks it", async () => {
    const { model, executor } = await loadToy();
    executor.notFiniteAt = (position) => position === 14;
    const stream = await clientOf(model).chat.completions.create({ ...request, stream: true });
    const read = async () => {
      for await (const _ of stream);
    };
    await expect(read()).rejects.toMatchObject({ message: expect.stringMatching(/not finite/) });
  });

  it("reads the errors of window.llm, which are of no class of ours", async () => {
    let tries = 0;
    const create = () => {
      tries += 1;
      return Promise.reject(Object.assign(new Error("no"), { name: "NotAllowedError", code: "not_allowed" }));
    };
    const client = clientOf({ chat: { completions: { create: create as never } }, models: async () => [] });
    await expect(client.chat.completions.create(request)).rejects.toMatchObject({ status: 403, code: "not_allowed" });
    const broken = clientOf({
      chat: { completions: { create: () => Promise.reject(new LlmError("internal", "x")) as never } },
    });
    await expect(broken.chat.completions.create(request)).rejects.toMatchObject({ status: 500 });
    expect(tries).toBe(1);
  });
});

describe("openaiFetch", () => {
  it("answers what it does not know as a server does", async () => {
    const local = openaiFetch((await loadToy()).model);
    const post = (body: string) => local("http://localhost/v1/chat/completions", { method: "POST", body });
    expect((await post("{")).status).toBe(400);
    expect((await post("[]")).status).toBe(400);
    expect((await local("http://localhost/v1/chat/completions")).status).toBe(404);
    const events = await (await post(JSON.stringify({ ...request, stream: true }))).text();
    expect(events).toMatch(/^data: \{.*\}\n\n/);
    expect(events.endsWith("data: [DONE]\n\n")).toBe(true);
  });
});
