// Proves that the back end of docs/examples does what the interface of Google's prompt-api-polyfill asks of one: sessions,
// whole answers and streams over a history, constraints, counts, and what it refuses. Called as the polyfill 1.0 calls it,
// which its registry does not have as a package. Needs nothing: the model is the toy.
import { describe, expect, it, vi } from "vitest";
// @ts-expect-error An example in JavaScript.
import Backend from "../../../docs/examples/prompt-api-polyfill-backend.js";
import type { Model } from "../../src/api/types";
import { speakingToy } from "../fixtures/speaking_toy";
import { loadToy } from "../fixtures/toy_engine";
import { greedy } from "../fixtures/toy_model";
import { idsOf, textOf } from "../fixtures/toy_package";

const said = (role: string, ...texts: string[]) => ({ role, parts: texts.map((text) => ({ text })) });
const GREEDY = { generationConfig: { temperature: 0, topK: 3 } };

/** What the interface cannot ask for: short answers, and none of the noise that the toy would think for ever. */
function short(model: Model, most: number): Model {
  const create = (request: object) =>
    model.chat.completions.create({
      max_completion_tokens: most,
      ...(most > 60 && { reasoning: { enabled: false }, seed: 1 }),
      ...request,
    } as never);
  return {
    ...model,
    chat: { completions: { create } },
    createSession: () => model.createSession(),
  } as unknown as Model;
}

async function open(most = 8, source?: Parameters<typeof loadToy>[0]) {
  const { model, executor } = await loadToy(source);
  const load = vi.fn(async ({ onProgress }: { onProgress: (fraction: number) => void }) => {
    onProgress(0.5);
    return short(model, most);
  });
  return { model, executor, load, backend: new Backend({ apiKey: "none", modelName: "toy", load }) };
}

describe("the back end", () => {
  it("answers over the history, whole and streamed, with one model", async () => {
    const { backend, load, model } = await open();
    vi.stubGlobal("ProgressEvent", class extends Event {});
    const monitor = new EventTarget();
    const onProgress = vi.fn();
    monitor.addEventListener("downloadprogress", onProgress);
    await backend.createSession({}, { ...GREEDY, model: "toy" }, monitor);
    expect(onProgress).toHaveBeenCalledOnce();
    const history = [said("user", "hi"), said("model", "a"), said("user", "fox ", "ab")];
    const messages = [
      { role: "user", content: "hi" },
      { role: "assistant", content: "a" },
      { role: "user", content: "fox ab" },
    ] as const;
    const wanted = await model.generate(messages, { temperature: 0, maxTokens: 8 });
    expect(await backend.generateContent([said("user", "hi there")])).toMatchObject({
      text: textOf(greedy(idsOf("u,hi there."), 8)),
    });
    const { text, usage } = await backend.generateContent(history);
    expect(text).toBe(wanted);
    let streamed = "";
    let count = 0;
    for await (const chunk of await backend.generateContentStream(history)) {
      streamed += chunk.text();
      count = chunk.usageMetadata.totalTokenCount || count;
    }
    expect(streamed).toBe(wanted);
    expect(count).toBe(usage);
    backend.createSession({}, GREEDY);
    expect(load).toHaveBeenCalledOnce();
  });

  it("counts as the model does, the system message too", async () => {
    const { backend, model } = await open();
    backend.createSession({}, { ...GREEDY, systemInstruction: "be" });
    const session = await model.createSession();
    const messages = [
      { role: "system", content: "be" },
      { role: "user", content: "hi" },
    ] as const;
    expect(await backend.countTokens([said("system", "be"), said("user", "hi")])).toBe(await session.measure(messages));
    const withSystem = await backend.generateContent([said("user", "hi")]);
    expect(withSystem.text).toBe(await model.generate(messages, { temperature: 0, maxTokens: 8 }));
  });

  it("holds answers to a constraint, as the polyfill writes it", async () => {
    const { backend } = await open(70, speakingToy);
    const responseSchema = {
      type: "object",
      nullable: false,
      properties: { s: { type: "STRING", format: "enum", enum: ["a"] } },
      required: ["s"],
      additionalProperties: false,
    };
    const generationConfig = { temperature: 1, responseMimeType: "application/json", responseSchema };
    backend.createSession({}, { generationConfig });
    const { text } = await backend.generateContent([said("user", "sum")]);
    expect(JSON.parse(text)).toEqual({ s: "a" });
  });

  it("stops the model when the stream is left, and takes text alone", async () => {
    const { backend, executor } = await open(60);
    backend.createSession({}, GREEDY);
    for await (const _ of await backend.generateContentStream([said("user", "hi there")])) break;
    expect(executor.decoded).toBeLessThan(60);
    expect(Backend.availability({ expectedInputs: [{ type: "image" }] })).toBe("unavailable");
    expect(Backend.availability()).toBe("available");
    const image = { role: "user", parts: [{ inlineData: { data: "", mimeType: "image/png" } }] };
    await expect(backend.generateContent([image])).rejects.toMatchObject({ name: "NotSupportedError" });
  });
});
