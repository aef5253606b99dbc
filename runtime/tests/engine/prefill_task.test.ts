// Proves that a prompt that was computed ahead is computed once for all requests that begin with it, one after another and
// several at once, with recurrent states and without. Needs nothing.
import { expect, it, onTestFinished } from "vitest";
import { LoadedModel } from "../../src/engine/loaded_model";
import { hostOf } from "../../src/sessions/hosted_model";
import { fakeDevices } from "../fixtures/fake_executor";
import { greedy } from "../fixtures/toy_model";
import { idsOf, toyPackage } from "../fixtures/toy_package";

it.each([0, 6])("is shared by several answers (%d slots)", async (stateSlots) => {
  const devices = fakeDevices({ adapter: { software: false }, stateSlots });
  const model = await LoadedModel.load(devices, toyPackage(), { device: "auto", threads: null });
  onTestFinished(() => model.unload());
  const prompt = "the quick brown fox jumps over the lazy dog";
  const ids = idsOf(prompt);
  await hostOf(model).prepare(ids.slice(0, -1), { partition: "p" });
  await hostOf(model).prepare(ids.slice(0, -1), { partition: "p" });
  let prefilled = 0;
  devices.opened[0]!.onCall = (name) => {
    if (name === "prefill") prefilled += 1;
  };
  const options = { raw: true, temperature: 0, maxTokens: 6, partition: "p" };
  const answers = await Promise.all(
    Array.from({ length: 3 }, () => model.generate(prompt, options, { onText: () => undefined })),
  );
  expect(prefilled).toBe(0);
  for (const { generatedIds, cachedTokens } of answers) {
    expect(generatedIds).toEqual(greedy(ids, 6).slice(0, generatedIds.length));
    expect(cachedTokens).toBe(prompt.length - 1);
  }
  const controller = new AbortController();
  controller.abort();
  await expect(hostOf(model).prepare(ids, {}, controller.signal)).rejects.toMatchObject({ name: "AbortError" });
});
