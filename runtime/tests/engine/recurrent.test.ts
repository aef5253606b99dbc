// Proves that requests on a program with recurrent states give what they would give alone, however they share slots,
// stop, abort, give way and move: the fake's states and pages give other tokens wherever they are not those of the tokens
// before. Needs nothing.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { GenerateTask } from "../../src/engine/generate";
import { LoadedModel } from "../../src/engine/loaded_model";
import type { DeviceSettings } from "../../src/engine/placement";
import { fakeDevices } from "../fixtures/fake_executor";
import { CONTEXT, greedy, reference } from "../fixtures/toy_model";
import { ALPHABET, idsOf, textOf, toyPackage } from "../fixtures/toy_package";

const HARDWARE = { software: false };

async function load(devices = fakeDevices({ adapter: HARDWARE }), device: DeviceSettings["device"] = "auto") {
  const model = await LoadedModel.load(devices, toyPackage(), { device, threads: null });
  onTestFinished(() => model.unload());
  return model;
}

async function run(model: LoadedModel, prompt: string, options: object, hooks: { abortAfter?: number } = {}) {
  const controller = new AbortController();
  let text = "";
  let pieces = 0;
  const usage = await model.generate(
    prompt,
    { raw: true, ...options },
    {
      signal: controller.signal,
      onText: (piece) => {
        text += piece;
        pieces += 1;
        if (pieces === hooks.abortAfter) controller.abort();
      },
    },
  );
  return { text, usage };
}

function generator(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 10) % below;
  };
}

const GREEDY = { temperature: 0 };

describe.each([1, 2, 3, 6, 12])("with %d slots", (stateSlots) => {
  it.each(["webgpu", "wasm"] as const)("chats that run at once on %s give what each gives alone", async (device) => {
    const model = await load(fakeDevices({ adapter: HARDWARE, stateSlots }), device);
    const calm = await load(); // without states, which computes the same model
    const chats = Array.from({ length: 7 }, (_, i) => ({ partition: `p${i % 3}`, history: i < 4 ? "hello " : "abc" }));
    const talk = async (chat: (typeof chats)[number], index: number) => {
      const random = generator(100 * stateSlots + index);
      for (let turn = 0; turn < 4; turn++) {
        const added = Array.from({ length: 1 + random(6) }, () => ALPHABET[random(26)]).join("");
        const prompt = chat.history + added;
        if (prompt.length + 20 > CONTEXT) return;
        const sampling = random(2) === 0 ? GREEDY : { temperature: 60, topP: 1, seed: random(1000) };
        const options = { ...sampling, maxTokens: 3 + random(17), partition: chat.partition };
        const hooks = random(4) === 0 ? { abortAfter: 1 + random(3) } : {};
        const wanted = await run(calm, prompt, options);
        const { text, usage } = await run(model, prompt, options, hooks);
        if (usage.finishReason === "aborted") expect(wanted.text.startsWith(text)).toBe(true);
        else expect(text).toBe(wanted.text);
        // Most chats go on where they are; some try again.
        if (random(4) > 0) chat.history = prompt + text;
      }
    };
    await Promise.all(chats.map(talk));
  });
});

describe("a recurrent state", () => {
  const slots = (count: number) => load(fakeDevices({ adapter: HARDWARE, stateSlots: count }));
  const expected = (prompt: string, count: number) => greedy(idsOf(prompt), count);

  it("is kept at the end of a prompt, for the next turn and for another answer", async () => {
    const model = await slots(8);
    const prompt = "the quick brown fox";
    const first = await run(model, prompt, { ...GREEDY, maxTokens: 4 });
    expect(first.usage.cachedTokens).toBe(0);
    const again = await run(model, prompt, { ...GREEDY, maxTokens: 4 });
    expect(again.usage.cachedTokens).toBe(prompt.length - 1);
    expect(again.text).toBe(first.text);
    const next = await run(model, `${prompt} and the dog`, { ...GREEDY, maxTokens: 4 });
    expect(next.usage.cachedTokens).toBe(prompt.length - 1);
    expect(next.usage.generatedIds).toEqual(expected(`${prompt} and the dog`, 4));
    const other = await run(model, "the quick brown cat", { ...GREEDY, maxTokens: 4 });
    expect(other.usage.cachedTokens).toBe(0); // half of a state is none
    expect(other.usage.generatedIds).toEqual(expected("the quick brown cat", 4));
  });

  it("is kept at the end of an answer that was cut at its length", async () => {
    const model = await slots(8);
    const first = await run(model, "hello", { ...GREEDY, maxTokens: 9 });
    expect(first.usage.finishReason).toBe("length");
    const next = await run(model, `hello${first.text} more`, { ...GREEDY, maxTokens: 4 });
    expect(next.usage.cachedTokens).toBe(5 + 9 - 1);
    expect(next.usage.generatedIds).toEqual(expected(`hello${first.text} more`, 4));
  });

  it("is not kept where steps ran past a stop", async () => {
    const model = await slots(8);
    const whole = textOf(expected("hello", 40));
    // Late enough that several steps are run at once.
    const stop = whole.slice(21, 24);
    const first = await run(model, "hello", { ...GREEDY, maxTokens: 40, stop: [stop] });
    expect(first.usage.finishReason).toBe("stop");
    const next = await run(model, `hello${first.text} more`, { ...GREEDY, maxTokens: 4 });
    expect(next.usage.generatedIds).toEqual(expected(`hello${first.text} more`, 4));
    expect([4, 5 + first.usage.completionTokens - 1]).toContain(next.usage.cachedTokens);
  });

  it("is not kept where the stop token was drawn early in a run of steps", async () => {
    const model = await slots(8);
    const options = { temperature: 60, topP: 1, maxTokens: 40 };
    let stops = 0;
    for (let seed = 0; seed < 60; seed++) {
      const { usage } = await run(model, "hello", { ...options, seed });
      if (usage.finishReason !== "stop") continue;
      stops += 1;
      const prompt = `hello${textOf(usage.generatedIds)} more`;
      const next = await run(model, prompt, { ...GREEDY, maxTokens: 3 });
      expect(next.usage.generatedIds).toEqual(expected(prompt, 3));
    }
    expect(stops).toBeGreaterThan(5);
  });

  it("moves to the CPU with its request", async () => {
    const devices = fakeDevices({
      adapter: HARDWARE,
      stateSlots: 4,
      onOpened: (executor) => {
        executor.onCall = (name) => {
          if (executor.kind === "webgpu" && name === "decode" && executor.decoded === 7) executor.fail();
        };
      },
    });
    const model = await load(devices);
    const results = await Promise.all(
      ["hello", "a", "the lazy dog"].map((prompt) => run(model, prompt, { ...GREEDY, maxTokens: 12 })),
    );
    expect(results.map(({ usage }) => usage.generatedIds)).toEqual(
      ["hello", "a", "the lazy dog"].map((prompt) => expected(prompt, 12)),
    );
    expect(devices.asked).toEqual(["webgpu", "wasm"]);
  });

  it("is taken from a request that must give way, which starts again from its tokens", async () => {
    const preempt = vi.spyOn(GenerateTask.prototype, "preempt");
    onTestFinished(() => preempt.mockRestore());
    const model = await slots(2);
    const prompts = Array.from({ length: 6 }, (_, i) => `${"abcdef"[i]} the quick brown fox`);
    const results = await Promise.all(prompts.map((prompt) => run(model, prompt, { ...GREEDY, maxTokens: 30 })));
    results.forEach(({ usage }, i) => {
      expect(usage.generatedIds).toEqual(expected(prompts[i]!, 30).slice(0, usage.completionTokens));
    });
    expect(preempt).toHaveBeenCalled();
  });

  it("gives the logits of its tokens", async () => {
    const model = await slots(2);
    const ids = idsOf("the quick brown fox");
    await run(model, "the quick", { ...GREEDY, maxTokens: 3 });
    const rows = ids.slice(3).flatMap((_, i) => reference(ids.slice(0, i + 4)));
    expect([...(await model.logits(ids, 3))]).toEqual(rows);
  });
});
