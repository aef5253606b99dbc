// Proves on a real adapter that a loaded model generates what the toy reference computes, through chunked prefill,
// several steps per submit, KV reuse, interleaving, preemption, stops, aborts and a lost device. Needs a GPU adapter.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { systemDevices } from "../../src/device/open";
import { GenerateTask } from "../../src/engine/generate";
import { LoadedModel } from "../../src/engine/loaded_model";
import { gpu, noGpu } from "../fixtures/gpu";
import { CONTEXT, greedy, reference, STOP_ID, VOCAB } from "../fixtures/toy_model";
import { idsOf, type ToyPackage, textOf, toyPackage } from "../fixtures/toy_package";

const settings = { device: "webgpu", threads: null } as const;

async function load(source: ToyPackage = toyPackage()): Promise<LoadedModel> {
  const model = await LoadedModel.load(systemDevices(gpu), source, settings);
  onTestFinished(() => model.unload());
  return model;
}

async function run(model: LoadedModel, prompt: unknown, options: object, signal?: AbortSignal) {
  const pieces: string[] = [];
  const usage = await model.generate(prompt, options, {
    onText: (piece) => pieces.push(piece),
    ...(signal ? { signal } : {}),
  });
  return { text: pieces.join(""), pieces, usage };
}

/** What greedy generation of at most `count` tokens gives: up to and with the stop token. */
function expected(prompt: string, count: number): number[] {
  const ids = greedy(idsOf(prompt), Math.min(count, CONTEXT + 1 - prompt.length));
  return ids.includes(STOP_ID) ? ids.slice(0, ids.indexOf(STOP_ID) + 1) : ids;
}

const raw = { raw: true, temperature: 0 };
const prompts = ["hello world", "a", "the quick brown fox jumps over the lazy dog", "0123456789, 0123456789."];

describe.skipIf(noGpu)("LoadedModel", () => {
  it.each(prompts)("generates greedily what the reference does after %j", async (prompt) => {
    const { text, usage } = await run(await load(), prompt, { ...raw, maxTokens: 30 });
    expect(usage.generatedIds).toEqual(expected(prompt, 30));
    expect(usage.promptIds).toEqual(idsOf(prompt));
    expect(text).toBe(textOf(usage.generatedIds));
    expect(usage).toMatchObject({
      promptTokens: prompt.length,
      completionTokens: usage.generatedIds.length,
      cachedTokens: 0,
      finishReason: usage.generatedIds.includes(STOP_ID) ? "stop" : "length",
    });
    expect(usage.ttftMs).toBeGreaterThan(0);
    expect(Number.isFinite(usage.decodeTokPerS + usage.prefillTokPerS)).toBe(true);
  });

  it("puts messages and the system message through the template", async () => {
    const { usage } = await run(await load(), [{ role: "user", content: "hi" }], {
      system: "be brief",
      maxTokens: 3,
      temperature: 0,
    });
    expect(textOf(usage.promptIds)).toBe("s,be brief.u,hi.");
    expect(usage.generatedIds).toEqual(expected("s,be brief.u,hi.", 3));
  });

  it("ends at the end of the context", async () => {
    const model = await load();
    const prompt = "the quick brown fox jumps over the lazy dog and the dog sleeps on";
    const { usage } = await run(model, prompt, raw);
    expect(usage.generatedIds).toEqual(expected(prompt, CONTEXT));
    const full = "x".repeat(CONTEXT);
    expect((await run(model, full, raw)).usage.generatedIds).toEqual(expected(full, 1));
    await expect(run(model, `${full}x`, raw)).rejects.toMatchObject({
      code: "context_overflow",
      detail: { requested: CONTEXT + 1, limit: CONTEXT },
    });
  });

  it("ends with the stop token, which is no part of the text", async () => {
    const model = await load();
    for (let seed = 0; ; seed++) {
      expect(seed, "some seed draws the stop token").toBeLessThan(40);
      const { text, usage } = await run(model, "hello", { raw: true, temperature: 100, topP: 1, seed });
      if (usage.finishReason !== "stop") continue;
      expect(usage.generatedIds.indexOf(STOP_ID)).toBe(usage.completionTokens - 1);
      expect(text).toBe(textOf(usage.generatedIds));
      expect(text.length).toBe(usage.completionTokens - 1);
      break;
    }
  });

  it("ends before a stop string, wherever it begins", async () => {
    const model = await load();
    const prompt = prompts.find((candidate) => textOf(expected(candidate, 20)).length > 10)!;
    const whole = textOf(expected(prompt, 20));
    const stop = whole.slice(4, 7);
    const { text, usage } = await run(model, prompt, { ...raw, maxTokens: 20, stop: ["never, ever", stop] });
    expect(text).toBe(whole.slice(0, whole.indexOf(stop)));
    expect(usage.finishReason).toBe("stop");
    // What ran past the stop is forgotten: the same prompt again is the same answer.
    expect((await run(model, prompt, { ...raw, maxTokens: 20 })).text).toBe(whole);
  });

  it("reuses the longest common prefix of its partition, with the same answer", async () => {
    const model = await load();
    const first = await run(model, "the quick brown fox", { ...raw, maxTokens: 8 });
    const again = await run(model, "the quick brown fox", { ...raw, maxTokens: 8 });
    expect(again.usage.cachedTokens).toBe("the quick brown fox".length - 1);
    expect(again.text).toBe(first.text);
    const next = await run(model, "the quick brown cat", { ...raw, maxTokens: 8 });
    expect(next.usage.cachedTokens).toBe("the quick brown ".length);
    expect(next.usage.generatedIds).toEqual(expected("the quick brown cat", 8));
    const other = await run(model, "the quick brown cat", { ...raw, maxTokens: 8, partition: "b" });
    expect(other.usage.cachedTokens).toBe(0);
    expect(other.text).toBe(next.text);
  });

  it("samples the same for the same seed, alone or among others", async () => {
    const model = await load();
    const options = { raw: true, temperature: 30, topP: 1, maxTokens: 40, seed: 7 };
    const alone = await run(model, "hello", options);
    const [among] = await Promise.all([
      run(model, "hello", options),
      run(model, "hello", { ...options, seed: 8 }),
      run(model, "something else", raw),
    ]);
    expect(among!.usage.generatedIds).toEqual(alone.usage.generatedIds);
    const other = await run(model, "hello", { ...options, seed: 8 });
    expect(other.usage.generatedIds).not.toEqual(alone.usage.generatedIds);
  });

  it("penalises prompt and answer tokens, alone or among others", async () => {
    const model = await load();
    const options = { ...raw, maxTokens: 20, frequencyPenalty: 2, presencePenalty: 2, repetitionPenalty: 3 };
    // The reference of the sampler's penalties: repetition first, then frequency and presence.
    const penalised = (prompt: string, count: number) => {
      const tokens = idsOf(prompt);
      for (let i = 0; i < count && tokens.at(-1) !== STOP_ID; i++) {
        const logits = reference(tokens).map((logit, id) => {
          const times = tokens.filter((token) => token === id).length;
          return times === 0 ? logit : (logit > 0 ? Math.fround(logit / 3) : logit * 3) - 2 - 2 * times;
        });
        tokens.push(logits.indexOf(Math.max(...logits)));
      }
      return tokens.slice(prompt.length);
    };
    const [one, two] = await Promise.all([run(model, "hello", options), run(model, "banana", options)]);
    expect(one!.usage.generatedIds).toEqual(penalised("hello", 20));
    expect(two!.usage.generatedIds).toEqual(penalised("banana", 20));
  });

  it("runs many requests at once, with memory for few of them", async () => {
    // 12 requests of up to 96 tokens share 2 × 24 pages of 4: some must give way and start again.
    const model = await load();
    const preempt = vi.spyOn(GenerateTask.prototype, "preempt");
    const texts = Array.from({ length: 12 }, (_, i) => `${"abcdefghijkl"[i]}${prompts[i % 4]}`);
    const results = await Promise.all(texts.map((prompt, i) => run(model, prompt, { ...raw, partition: `p${i % 3}` })));
    results.forEach(({ usage }, i) => {
      expect(usage.generatedIds).toEqual(expected(texts[i]!, CONTEXT));
    });
    expect(preempt).toHaveBeenCalled();
  });

  it("aborts before, during and after, and answers afterwards", async () => {
    const model = await load();
    const before = await run(model, "hello", raw, AbortSignal.abort());
    expect(before.usage).toMatchObject({ finishReason: "aborted", completionTokens: 0 });
    const controller = new AbortController();
    // A seed whose answer goes on to the end of the context, so that there is something to abort.
    let seed = 0;
    const hot = () => ({ raw: true, temperature: 30, topP: 1, seed });
    while ((await run(model, "hello", hot())).usage.finishReason !== "length") seed++;
    const during = await model.generate("hello", hot(), {
      signal: controller.signal,
      onText: () => controller.abort(),
    });
    expect(during.finishReason).toBe("aborted");
    expect(during.completionTokens).toBeLessThan(CONTEXT - 5);
    const after = await run(
      model,
      "hello",
      { ...raw, maxTokens: 5 },
      controller.signal.aborted ? new AbortController().signal : undefined,
    );
    expect(after.usage.generatedIds).toEqual(expected("hello", 5));
  });

  it("gives teacher-forced logits", async () => {
    const model = await load();
    const ids = idsOf("the quick brown fox jumps over the lazy dog");
    for (const first of [0, 17, ids.length - 1]) {
      const logits = await model.logits(ids, first);
      expect(logits.length).toBe((ids.length - first) * VOCAB);
      for (let t = first; t < ids.length; t++) {
        expect([...logits.subarray((t - first) * VOCAB, (t - first + 1) * VOCAB)]).toEqual(
          reference(ids.slice(0, t + 1)),
        );
      }
    }
    for (const first of [-1, ids.length, 0.5, "0"])
      await expect(model.logits(ids, first)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("fails running requests when the device is lost, and reloads for the next one", async () => {
    const source = toyPackage();
    const model = await load(source);
    const { placement } = model as unknown as { placement: { running: { executor: { device: { gpu: GPUDevice } } } } };
    const { device } = placement.running.executor;
    const running = [run(model, "hello", raw), run(model, "other", { raw: true, temperature: 30 })];
    device.gpu.destroy();
    for (const request of running) await expect(request).rejects.toMatchObject({ code: "device_lost" });
    expect(source.loads).toBe(1);
    const [again, both] = await Promise.all([
      run(model, "hello", { ...raw, maxTokens: 9 }),
      run(model, "world", { ...raw, maxTokens: 9 }),
    ]);
    expect(again!.usage.generatedIds).toEqual(expected("hello", 9));
    expect(both!.usage.generatedIds).toEqual(expected("world", 9));
    expect(source.loads).toBe(2);
  });

  it("ends running requests when it is unloaded", async () => {
    const source = toyPackage();
    const model = await LoadedModel.load(systemDevices(gpu), source, settings);
    const running = run(model, "hello", { raw: true, temperature: 30, topP: 1 });
    await Promise.resolve();
    await model.unload();
    await expect(running).rejects.toMatchObject({ code: expect.stringMatching(/aborted|invalid_request/) });
    await expect(run(model, "hello", raw)).rejects.toMatchObject({ code: "invalid_request" });
    expect(source.closed).toBe(true);
  });

  it("closes the package when loading fails", async () => {
    const source = toyPackage({ program: async () => ({}) });
    await expect(LoadedModel.load(systemDevices(gpu), source, settings)).rejects.toMatchObject({
      code: "invalid_package",
    });
    expect(source.closed).toBe(true);
    const without = toyPackage();
    await expect(LoadedModel.load(systemDevices(undefined), without, settings)).rejects.toMatchObject({
      code: "unsupported_device",
    });
    expect(without.closed).toBe(true);
  });
});
