// Proves that logits that are not finite numbers end their request, and only it, with a typed error, that nothing is
// built on what was computed for it, and that real devices say so. The first part needs nothing; the second one the
// compiler (Python), and for WebGPU an adapter.
import { describe, expect, it, onTestFinished } from "vitest";
import { type Devices, systemDevices } from "../../src/device/open";
import { LoadedModel } from "../../src/engine/loaded_model";
import type { DeviceSettings } from "../../src/engine/placement";
import type { PackageSource } from "../../src/storage/index";
import { compileTiny } from "../fixtures/compiled_tiny";
import { fakeDevices } from "../fixtures/fake_executor";
import { gpu, noGpu } from "../fixtures/gpu";
import { greedy } from "../fixtures/toy_model";
import { idsOf, toyPackage } from "../fixtures/toy_package";

async function load(devices: Devices, source: PackageSource, device: DeviceSettings["device"]): Promise<LoadedModel> {
  const model = await LoadedModel.load(devices, source, { device, threads: device === "wasm" ? 1 : null });
  onTestFinished(() => model.unload());
  return model;
}

const run = (model: LoadedModel, prompt: string, options: object) =>
  model.generate(prompt, { raw: true, ...options }, { onText: () => undefined });

const GREEDY = { temperature: 0, maxTokens: 30 };
const HOT = { temperature: 60, topP: 1, seed: 3, maxTokens: 30 };
const PROMPT = "hello world";

describe.each(["webgpu", "wasm"] as const)("on %s", (device) => {
  it.each([
    ["the first token", PROMPT.length - 1, GREEDY],
    ["a later token", PROMPT.length + 6, GREEDY],
    ["the first token, drawn", PROMPT.length - 1, HOT],
    ["a later token, drawn", PROMPT.length + 5, HOT],
  ])("%s cannot be chosen: an error says where and what to do", async (_, position, options) => {
    const devices = fakeDevices({ adapter: { software: false } });
    const model = await load(devices, toyPackage(), device);
    const executor = devices.opened[0]!;
    executor.notFiniteAt = (at) => at === position;
    await expect(run(model, PROMPT, options)).rejects.toMatchObject({
      code: "numeric_error",
      name: "OperationError",
      message: expect.stringMatching(device === "webgpu" ? /fake webgpu.*choose the device "wasm"/s : /fake wasm/),
      detail: { device, adapter: `fake ${device}`, position: position + 1 },
    });
    executor.notFiniteAt = () => false;
    const { cachedTokens, generatedIds } = await run(model, PROMPT, GREEDY);
    expect(cachedTokens).toBe(0);
    expect(generatedIds).toEqual(greedy(idsOf(PROMPT), generatedIds.length));
    expect(generatedIds.length).toBeGreaterThan(5);
    expect(devices.opened).toHaveLength(1);
  });

  it("the others go on", async () => {
    const devices = fakeDevices({ adapter: { software: false } });
    const model = await load(devices, toyPackage(), device);
    // Only the longest one comes so far.
    devices.opened[0]!.notFiniteAt = (at) => at === 25;
    const results = await Promise.allSettled([
      run(model, PROMPT, { ...GREEDY, maxTokens: 5 }),
      run(model, PROMPT, HOT),
      run(model, "ab", { ...GREEDY, maxTokens: 20 }),
    ]);
    expect(results[1]).toMatchObject({ status: "rejected", reason: { code: "numeric_error" } });
    expect(results[0]).toMatchObject({ value: { generatedIds: greedy(idsOf(PROMPT), 5) } });
    expect(results[2].status).toBe("fulfilled");
  });
});

const tiny = compileTiny();

describe.skipIf(!tiny)("a compiled model whose weights are broken", () => {
  /** The package with one value of a norm's gain replaced. */
  async function broken(value: number): Promise<PackageSource> {
    const source = await tiny!.source();
    return {
      ...source,
      weights: (sink, options) =>
        source.weights((name, offset, bytes) => {
          if (name !== "model.norm.weight") return sink(name, offset, bytes);
          const copy = bytes.slice();
          new DataView(copy.buffer).setFloat32(8, value, true);
          return sink(name, offset, copy);
        }, options),
    };
  }

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("to %d gives no token on the CPU", async (value) => {
    const model = await load(systemDevices(undefined), await broken(value), "wasm");
    await expect(run(model, tiny!.prompt, GREEDY)).rejects.toMatchObject({ code: "numeric_error" });
    await expect(run(model, tiny!.prompt, { seed: 1 })).rejects.toMatchObject({ code: "numeric_error" });
    const logits = await model.logits(tiny!.prompt_ids, 0);
    expect(logits.some((logit) => !Number.isFinite(logit))).toBe(true);
  });

  it.skipIf(noGpu).each([Number.NaN, Number.POSITIVE_INFINITY])("to %d gives no token on WebGPU", async (value) => {
    const model = await load(systemDevices(gpu), await broken(value), "webgpu");
    await expect(run(model, tiny!.prompt, GREEDY)).rejects.toMatchObject({ code: "numeric_error" });
    await expect(run(model, tiny!.prompt, { seed: 1 })).rejects.toMatchObject({ code: "numeric_error" });
  });
});
