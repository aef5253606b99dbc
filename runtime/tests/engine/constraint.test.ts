// Proves that a constrained answer has its form on either kind of device, that greedy ones are the most likely such
// answer step by step, that what must follow is not sampled, and that requests beside it are untouched. Needs nothing.
import { describe, expect, it, onTestFinished } from "vitest";
import { LoadedModel } from "../../src/engine/loaded_model";
import { fakeDevices } from "../fixtures/fake_executor";
import { greedy, reference, STOP_ID } from "../fixtures/toy_model";
import { idsOf, textOf, toyPackage } from "../fixtures/toy_package";

async function load(device: "webgpu" | "wasm") {
  const devices = fakeDevices({ adapter: { software: false } });
  const model = await LoadedModel.load(devices, toyPackage(), { device, threads: device === "wasm" ? 1 : null });
  onTestFinished(() => model.unload());
  return { model, executor: devices.opened[0]! };
}

async function run(model: LoadedModel, prompt: string, options: object) {
  let text = "";
  const usage = await model.generate(prompt, { raw: true, ...options }, { onText: (piece) => (text += piece) });
  return { text, usage };
}

const GREEDY = { temperature: 0 };
const PROMPT = "hello world";
const CODE = { type: "regex", pattern: "[a-f]{3}[0-9]{4}, [xyz]{1,5}\\." };
/** What may come at each place of CODE. */
const PLACES = ["abcdef", "abcdef", "abcdef", ...Array(4).fill("0123456789"), ",", " ", "xyz"] as const;

describe.each(["webgpu", "wasm"] as const)("on %s", (device) => {
  it("takes the most likely token that fits, each time", async () => {
    const { model } = await load(device);
    const { usage } = await run(model, PROMPT, { ...GREEDY, maxTokens: 10, responseFormat: CODE });
    const tokens = idsOf(PROMPT);
    for (const place of PLACES) {
      const logits = reference(tokens);
      const fitting = idsOf(place);
      tokens.push(fitting.reduce((best, id) => (logits[id]! > logits[best]! ? id : best), Math.min(...fitting)));
    }
    expect(textOf(usage.generatedIds)).toBe(textOf(tokens.slice(PROMPT.length)));
    expect(usage.finishReason).toBe("length");
  });

  it("draws answers that match, and ends them", async () => {
    const { model } = await load(device);
    for (let seed = 0; seed < 20; seed++) {
      const { text, usage } = await run(model, PROMPT, { temperature: 3, topP: 1, seed, responseFormat: CODE });
      expect(text).toMatch(new RegExp(`^${CODE.pattern}$`));
      expect(usage.finishReason).toBe("stop");
      expect(usage.generatedIds.at(-1)).toBe(STOP_ID);
    }
  });

  it("does not sample what must follow", async () => {
    const { model, executor } = await load(device);
    const responseFormat = { type: "regex", pattern: "the answer is [0-9], and that is all" };
    const { text, usage } = await run(model, PROMPT, { ...GREEDY, responseFormat });
    expect(text).toMatch(/^the answer is [0-9], and that is all$/);
    // The digit; and the last forced token before it, since that might be a longer one with what follows.
    expect(executor.decoded).toBe(2);
    expect(usage.generatedIds.at(-1)).toBe(STOP_ID);
    executor.decoded = 0;
    const literal = await run(model, PROMPT, { ...GREEDY, responseFormat: { type: "literal", text: "yes" } });
    expect([literal.text, executor.decoded, literal.usage.finishReason]).toEqual(["yes", 0, "stop"]);
  });

  it("leaves other requests alone, before, beside and after", async () => {
    const { model } = await load(device);
    const constrained = { temperature: 3, topP: 1, seed: 5, responseFormat: CODE };
    const alone = await run(model, PROMPT, constrained);
    const plain = { ...GREEDY, maxTokens: 8 };
    const results = await Promise.all([
      run(model, "ab", plain),
      run(model, PROMPT, constrained),
      run(model, "xyz", plain),
    ]);
    expect(results[0]!.usage.generatedIds).toEqual(greedy(idsOf("ab"), results[0]!.usage.generatedIds.length));
    expect(results[1]!.text).toBe(alone.text);
    expect(results[2]!.usage.generatedIds).toEqual(greedy(idsOf("xyz"), results[2]!.usage.generatedIds.length));
  });

  it.each([
    [
      "a keyword that is not supported",
      { type: "schema", schema: { uniqueItems: true } },
      "not_supported",
      "uniqueItems",
    ],
    ["no format at all", 7, "invalid_request", "responseFormat"],
    ["a schema that nothing fulfils", { type: "schema", schema: false }, "invalid_request", "nothing"],
    ["what the vocabulary cannot spell", { type: "literal", text: "É" }, "not_supported", "spell"],
  ])("refuses %s", async (_, responseFormat, code, message) => {
    const { model } = await load(device);
    const failed = run(model, PROMPT, { ...GREEDY, responseFormat });
    await expect(failed).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });
});
