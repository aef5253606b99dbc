// Proves that a sequence whose program has other frequencies past a length is computed with those of its own length: all
// of its keys anew where it grows past it, cut there within a submit, and shared with sequences of its kind only.
// Needs nothing.
import { describe, expect, it, onTestFinished } from "vitest";
import { LoadedModel } from "../../src/engine/loaded_model";
import { fakeDevices } from "../fixtures/fake_executor";
import { greedy, reference } from "../fixtures/toy_model";
import { idsOf, textOf, toyPackage } from "../fixtures/toy_package";

const LONG_FROM = 20;
const GREEDY = { raw: true, temperature: 0 };

describe.each(["webgpu", "wasm"] as const)("on %s", (device) => {
  async function load(stateSlots = 0) {
    const devices = fakeDevices({ adapter: { software: false }, stateSlots, longFrom: LONG_FROM });
    const model = await LoadedModel.load(devices, toyPackage(), { device, threads: null });
    onTestFinished(() => model.unload());
    return { model, devices };
  }
  const answer = (prompt: string, count: number) => textOf(greedy(idsOf(prompt), count, LONG_FROM));

  async function run(model: LoadedModel, prompt: string, maxTokens: number) {
    let text = "";
    const onText = (piece: string) => {
      text += piece;
    };
    const usage = await model.generate(prompt, { ...GREEDY, maxTokens }, { onText });
    return { text, usage };
  }

  it("differs past the length, which the others do not", () => {
    const ids = idsOf("abcdefghijklmnopqrstuvwxyz");
    expect(reference(ids.slice(0, 20), LONG_FROM)).toEqual(reference(ids.slice(0, 20)));
    expect(reference(ids.slice(0, 21), LONG_FROM)).not.toEqual(reference(ids.slice(0, 21)));
  });

  it.each([0, 4])("an answer crosses the length, wherever its prompt ends, with %d slots", async (stateSlots) => {
    const { model } = await load(stateSlots);
    for (const length of [3, 12, 18, 19, 20, 21, 30]) {
      const prompt = "thequickbrownfoxjumpsoverthelazydog".slice(0, length);
      const { text, usage } = await run(model, prompt, 24);
      expect([length, text]).toEqual([length, answer(prompt, 24)]);
      expect(usage.completionTokens).toBe(24);
    }
  });

  it("shares prefixes with sequences of its kind", async () => {
    const { model } = await load();
    const prompt = "thequickbrown";
    const first = await run(model, prompt, 4);
    expect((await run(model, prompt + first.text, 2)).usage.cachedTokens).toBeGreaterThan(0);
    // Past the length what is kept of the short one is of no use, and then there is a long one.
    const long = `${prompt}foxjumpsover`;
    const second = await run(model, long, 2);
    expect([second.text, second.usage.cachedTokens]).toEqual([answer(long, 2), 0]);
    const third = await run(model, `${long}a`, 2);
    expect(third.text).toBe(answer(`${long}a`, 2));
    expect(third.usage.cachedTokens).toBeGreaterThanOrEqual(long.length - 1);
    expect((await run(model, prompt, 4)).text).toBe(first.text);
  });

  it("requests that run at once on both sides of the length do not disturb each other", async () => {
    const { model } = await load();
    const prompts = ["thequick", "thequickbrownfoxjumpsov", "thequickbrownfox", "abc", "thequickbrownfoxjumpsoverthe"];
    const answers = await Promise.all(prompts.map((prompt) => run(model, prompt, 20)));
    expect(answers.map(({ text }) => text)).toEqual(prompts.map((prompt) => answer(prompt, 20)));
  });
});
