// Proves that chat.completions.create gives, in OpenAI's shapes, what the toy reference computes: text, chunks, several
// choices, log probabilities, bias, a continued answer; and that it refuses what it cannot honour. The whole way from the
// client over the protocol to the engine, on a fake device.
import { describe, expect, it } from "vitest";
import type { ChatCompletionChunk, ChatRequest, Model } from "../../src/api/types";
import { loadToy } from "../fixtures/toy_engine";
import { greedy, reference, STOP_ID, VOCAB } from "../fixtures/toy_model";
import { ALPHABET, idsOf, textOf } from "../fixtures/toy_package";

const messages = [{ role: "user", content: "hi there" }] as const;
const PROMPT = "u,hi there.";
const GREEDY = { messages, temperature: 0, max_completion_tokens: 8 } as const;
const HOT = { messages, temperature: 30, top_p: 1, max_completion_tokens: 10 } as const;

async function collect(chunks: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const all: ChatCompletionChunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

async function textsOf(model: Model, request: ChatRequest): Promise<(string | null)[]> {
  const { choices } = await model.chat.completions.create({ ...request, stream: false });
  return choices.map(({ message }) => message.content);
}

/** What greedy generation gives, without a stop token. */
const expected = (prompt: string, count: number) => textOf(greedy(idsOf(prompt), count));

describe("a completion", () => {
  it("is the reference's text, with usage", async () => {
    const { model } = await loadToy();
    const before = Math.floor(Date.now() / 1000);
    const completion = await model.chat.completions.create(GREEDY);
    expect(completion).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{24}$/),
      object: "chat.completion",
      created: expect.any(Number),
      model: "toy",
      choices: [
        {
          index: 0,
          message: { role: "assistant", content: expected(PROMPT, 8), refusal: null },
          logprobs: null,
          finish_reason: "length",
        },
      ],
      usage: {
        prompt_tokens: PROMPT.length,
        completion_tokens: 8,
        total_tokens: PROMPT.length + 8,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    });
    expect(completion.created).toBeGreaterThanOrEqual(before);
    const again = await model.chat.completions.create({
      ...GREEDY,
      n: 1,
      model: "Toy",
      user: "me",
      metadata: { a: "b" },
    });
    expect(again.choices).toEqual(completion.choices);
    expect(again.usage.prompt_tokens_details.cached_tokens).toBe(PROMPT.length - 1);
    expect(again.id).not.toBe(completion.id);
  });

  it("joins parts, takes every role, and null as left out", async () => {
    const { model } = await loadToy();
    const request: ChatRequest = {
      messages: [
        { role: "developer", content: "be brief" },
        {
          role: "user",
          content: [
            { type: "text", text: "hi" },
            { type: "text", text: " there" },
          ],
        },
      ],
      temperature: 0,
      max_tokens: 5,
      n: null,
      stop: null,
      tools: [],
      seed: null,
      logit_bias: null,
      response_format: { type: "text" },
      store: false,
      modalities: ["text"],
    };
    expect(await textsOf(model, request)).toEqual([expected("s,be brief.u,hi there.", 5)]);
  });

  it("ends before a stop string, with the reason stop", async () => {
    const { model } = await loadToy();
    const whole = expected(PROMPT, 8);
    const completion = await model.chat.completions.create({ ...GREEDY, stop: [whole.slice(3, 5)] });
    expect(completion.choices[0]).toMatchObject({
      message: { content: whole.slice(0, whole.indexOf(whole.slice(3, 5))) },
      finish_reason: "stop",
    });
  });

  it("goes on with the assistant's last message, as it is", async () => {
    const { model } = await loadToy();
    const begun = (content: string) => ({
      ...GREEDY,
      messages: [...messages, { role: "assistant" as const, content }],
    });
    expect(await textsOf(model, begun("well, "))).toEqual([expected(`${PROMPT}a,well, `, 8)]);
    // Nothing to go on with: the answer begins as any does.
    expect(await textsOf(model, begun(""))).toEqual([expected(PROMPT, 8)]);
  });

  it("keeps to its seed, whatever runs beside it", async () => {
    const { model } = await loadToy();
    const [first] = await textsOf(model, { ...HOT, seed: 3 });
    expect(await textsOf(model, { ...HOT, seed: 3 })).toEqual([first]);
    expect(await textsOf(model, { ...HOT, seed: 4 })).not.toEqual([first]);
  });
});

describe("several choices", () => {
  it.each([0, 8])(
    "are the answers of seeds that follow each other, to a prompt computed once (%i states)",
    async (slots) => {
      const { model, executor } = await loadToy(undefined, { stateSlots: slots });
      let prefills = 0;
      executor.onCall = (name) => {
        if (name === "prefill") prefills += 1;
      };
      const one = await model.chat.completions.create({ ...HOT, seed: 7 });
      const alone = prefills;
      const { model: other, executor: fresh } = await loadToy(undefined, { stateSlots: slots });
      prefills = 0;
      fresh.onCall = executor.onCall;
      const several = await other.chat.completions.create({ ...HOT, seed: 7, n: 3 });
      expect(prefills).toBe(alone);
      const single = await Promise.all([8, 9].map((seed) => textsOf(model, { ...HOT, seed })));
      expect(several.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
      expect(several.choices.map(({ message }) => message.content)).toEqual([
        one.choices[0]!.message.content,
        ...single.flat(),
      ]);
      expect(several.usage.completion_tokens).toBe(30);
    },
  );

  it("stream side by side and join to the same", async () => {
    const { model } = await loadToy();
    const whole = await textsOf(model, { ...HOT, seed: 7, n: 3 });
    const chunks = await collect(model.chat.completions.create({ ...HOT, seed: 7, n: 3, stream: true }));
    const joined = ["", "", ""];
    for (const { choices } of chunks) for (const { index, delta } of choices) joined[index]! += delta.content ?? "";
    expect(joined).toEqual(whole);
  });
});

describe("a stream", () => {
  it("begins with the role, ends with the reason, and then the usage where it was asked for", async () => {
    const { model } = await loadToy();
    const request = { ...GREEDY, stream: true, stream_options: { include_usage: true } } as const;
    const chunks = await collect(await model.chat.completions.create(request));
    const deltas = chunks.flatMap(({ choices }) => choices);
    expect(deltas[0]).toEqual({
      index: 0,
      delta: { role: "assistant", content: "" },
      logprobs: null,
      finish_reason: null,
    });
    expect(deltas.map(({ delta }) => delta.content ?? "").join("")).toBe(expected(PROMPT, 8));
    expect(deltas.at(-1)).toEqual({ index: 0, delta: {}, logprobs: null, finish_reason: "length" });
    expect(deltas.filter(({ finish_reason }) => finish_reason !== null)).toHaveLength(1);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { completion_tokens: 8, total_tokens: PROMPT.length + 8 },
    });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    const plain = await collect(model.chat.completions.create({ ...GREEDY, stream: true }));
    expect(plain.some((chunk) => "usage" in chunk || chunk.choices.length === 0)).toBe(false);
  });

  it("rejects before the first chunk where the request is refused", async () => {
    const { model } = await loadToy();
    const long = [{ role: "user", content: "x".repeat(500) }] as const;
    await expect(model.chat.completions.create({ messages: long, stream: true })).rejects.toMatchObject({
      code: "context_overflow",
    });
    await expect(collect(model.chat.completions.create({ messages: long, stream: true }))).rejects.toMatchObject({
      code: "context_overflow",
    });
  });

  it("stops computing when its loop is left or its signal aborted", async () => {
    const { model, executor } = await loadToy();
    const request = {
      ...HOT,
      max_completion_tokens: 60,
      stream: true,
      seed: 1,
      logit_bias: { [STOP_ID]: -100 },
    } as const;
    for await (const _ of model.chat.completions.create(request)) break;
    await expect.poll(() => executor.decoded).toBeGreaterThan(0);
    const controller = new AbortController();
    const stream = await model.chat.completions.create(request, { signal: controller.signal });
    controller.abort();
    await expect(collect(stream)).rejects.toMatchObject({ code: "aborted" });
    await expect(model.chat.completions.create(HOT, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: "aborted",
    });
    const decoded = executor.decoded;
    expect(decoded).toBeLessThan(120);
    expect(await textsOf(model, GREEDY)).toEqual([expected(PROMPT, 8)]);
  });
});

describe("log probabilities", () => {
  /** log softmax of the reference's logits. */
  const logSoftmax = (ids: number[]) => {
    const logits = Array.from(reference(ids));
    const largest = Math.max(...logits);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    return logits.map((logit) => logit - largest - Math.log(sum));
  };

  it("are the model's own, whatever the sampler does with its logits", async () => {
    const { model } = await loadToy();
    const request = {
      ...HOT,
      seed: 5,
      logprobs: true,
      top_logprobs: 3,
      presence_penalty: 1,
      logit_bias: { 3: 5 },
    } as const;
    const { choices } = await model.chat.completions.create(request);
    const { content } = choices[0]!.logprobs!;
    const text = choices[0]!.message.content!;
    expect(content!.map(({ token }) => token).join("")).toBe(text);
    content!.forEach(({ token, logprob, bytes, top_logprobs: top }, index) => {
      const all = logSoftmax(idsOf(PROMPT + text.slice(0, index)));
      expect(bytes).toEqual([token.charCodeAt(0)]);
      expect(logprob).toBeCloseTo(all[ALPHABET.indexOf(token)]!, 4);
      const best = [...all.keys()].sort((a, b) => all[b]! - all[a]! || a - b).slice(0, 3);
      expect(top.map((entry) => (entry.token === "</s>" ? STOP_ID : ALPHABET.indexOf(entry.token)))).toEqual(best);
      top.forEach((entry, i) => {
        expect(entry.logprob).toBeCloseTo(all[best[i]!]!, 4);
      });
    });
  });

  it("come with the chunks of their text, and not for a stop string", async () => {
    const { model } = await loadToy();
    const whole = expected(PROMPT, 8);
    const request = { ...GREEDY, logprobs: true, stop: whole.slice(3, 6), stream: true } as const;
    const chunks = await collect(model.chat.completions.create(request));
    const entries = chunks.flatMap(({ choices }) => choices[0]!.logprobs?.content ?? []);
    const text = chunks.map(({ choices }) => choices[0]!.delta.content ?? "").join("");
    expect(entries.map(({ token }) => token).join("")).toBe(text);
    expect(text).toBe(whole.slice(0, whole.indexOf(request.stop)));
    expect(entries.every(({ top_logprobs: top }) => top.length === 0)).toBe(true);
  });

  it("are part of generate's usage where they are asked for", async () => {
    const { model } = await loadToy();
    const generation = model.generate(messages, { temperature: 0, maxTokens: 4, logprobs: true, topLogprobs: 1 });
    const text = await generation;
    const { logprobs } = await generation.usage;
    expect(logprobs!.map(({ token }) => token).join("")).toBe(text);
    expect(logprobs!.every(({ token, top_logprobs: top }) => top[0]!.token === token)).toBe(true);
    expect(await model.generate(messages, { maxTokens: 1 }).usage).not.toHaveProperty("logprobs");
  });
});

describe("logit_bias", () => {
  it("wins over the model, and leaves other requests alone", async () => {
    const { model } = await loadToy();
    const wanted = ALPHABET.indexOf("z");
    const [biased, plain] = await Promise.all([
      textsOf(model, { ...GREEDY, logit_bias: { [wanted]: 100 } }),
      textsOf(model, GREEDY),
    ]);
    const tokens = idsOf(PROMPT);
    for (let i = 0; i < 8; i++) {
      const logits = Array.from(reference(tokens), (logit, id) => Math.fround(logit + (id === wanted ? 100 : 0)));
      tokens.push(logits.indexOf(Math.max(...logits)));
    }
    expect(biased).toEqual([textOf(tokens.slice(PROMPT.length))]);
    expect(plain).toEqual([expected(PROMPT, 8)]);
  });

  it("must name tokens of the model", async () => {
    const { model } = await loadToy();
    await expect(model.chat.completions.create({ ...GREEDY, logit_bias: { [VOCAB]: 1 } })).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});

describe("what is refused", () => {
  it.each<[object, string, string]>([
    [{ messages: [] }, "invalid_request", "messages"],
    [{ temperature: -1 }, "invalid_request", "temperature"],
    [{ max_tokens: 3, max_completion_tokens: 4 }, "invalid_request", "max_tokens"],
    [{ stream_options: {} }, "invalid_request", "stream_options"],
    [{ top_logprobs: 2 }, "invalid_request", "top_logprobs"],
    [{ maxTokens: 3 }, "invalid_request", ""],
    [{ tool_choice: "required" }, "invalid_request", "tool_choice"],
    [{ messages: [{ role: "robot", content: "" }] }, "invalid_request", "messages[0].role"],
    [{ messages: [{ role: "tool", content: "" }] }, "invalid_request", "messages[0].tool_call_id"],
    [{ model: "gpt-6" }, "model_not_found", "model"],
    [{ adapter: "none" }, "model_not_found", ""],
    [{ audio: { voice: "x" } }, "not_supported", "audio"],
    [{ modalities: ["text", "audio"] }, "not_supported", "modalities"],
    [{ store: true }, "not_supported", "store"],
    [{ functions: [] }, "not_supported", "functions"],
    [{ function_call: "auto" }, "not_supported", "function_call"],
    [{ verbosity: "high" }, "not_supported", "verbosity"],
    [{ web_search_options: {} }, "not_supported", "web_search_options"],
    [{ tools: [{ type: "custom", custom: { name: "x" } }] }, "not_supported", "tools[0]"],
    [
      { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: "x" } }] }] },
      "not_supported",
      "messages[0].content[0]",
    ],
    [{ messages: [{ role: "function", name: "x", content: "" }] }, "not_supported", "messages[0]"],
    [
      { stream: true, stream_options: { include_obfuscation: true } },
      "not_supported",
      "stream_options.include_obfuscation",
    ],
  ])("%j: %s", async (given, code, path) => {
    const { model } = await loadToy();
    const error = await model.chat.completions.create({ ...GREEDY, ...given } as never).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code });
    if (path) expect(error).toMatchObject({ detail: { path } });
  });
});
