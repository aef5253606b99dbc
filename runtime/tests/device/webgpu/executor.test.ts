// Proves on a real adapter (Dawn) that the executor uploads, compiles, binds, runs, grows and reads back rightly, by
// the toy model, whose numbers are exact; and that what goes wrong becomes a typed error. Needs a GPU adapter.
import { describe, expect, it, onTestFinished } from "vitest";
import type { DeviceSources } from "../../../src/device/executor";
import { parseProgram } from "../../../src/device/program_reader";
import { findAdapter } from "../../../src/device/webgpu/adapter";
import { type Capabilities, type Device, openDevice } from "../../../src/device/webgpu/device";
import { WebGpuExecutor as Executor } from "../../../src/device/webgpu/executor";
import { StagingPool } from "../../../src/device/webgpu/readback";
import { gpu, noGpu } from "../../fixtures/gpu";
import {
  greedy,
  hashOf,
  head,
  kernelTexts,
  PAGE,
  reference,
  streamWeights,
  toyProgram,
  VOCAB,
} from "../../fixtures/toy_model";

const sources = (changes: Partial<DeviceSources> = {}): DeviceSources => ({
  kernel: async (hash) => kernelTexts.get(hash)!,
  weights: (sink) => streamWeights(sink),
  derived: null,
  ...changes,
});

async function open(): Promise<Device> {
  const device = await openDevice(gpu);
  onTestFinished(() => device.destroy());
  return device;
}

async function load(json = toyProgram(), given = sources(), firstPages = 2): Promise<Executor> {
  const device = await open();
  return Executor.load(device, parseProgram(json), given, { firstPages });
}

// biome-ignore lint/suspicious/noExplicitAny: plain JSON.
const ownOperator = (json: any, name: string): any =>
  // biome-ignore lint/suspicious/noExplicitAny: plain JSON.
  json.own_operators.find((entry: any) => entry.definition.name === name);

/** Runs prefill over tokens[0:-1] in chunks of `n`, then decode of the last one, with the given pages. */
function runPrompt(executor: Executor, tokens: readonly number[], pages: readonly number[], n: number): void {
  executor.write("block_table", Int32Array.from(pages));
  for (let at = 0; at < tokens.length - 1; at += n) {
    const chunk = tokens.slice(at, Math.min(at + n, tokens.length - 1));
    executor.write("prompt_ids", Int32Array.from(chunk));
    executor.write("state", Int32Array.of(0, at, 0, 0));
    executor.run(["prefill"], chunk.length);
  }
  executor.write("state", Int32Array.of(tokens.at(-1)!, tokens.length - 1, 0, 0));
  executor.run(["decode"]);
}

const prompt = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5];

describe.skipIf(noGpu)("executor", () => {
  it.each([1, 3, 4, 10])("computes the logits of the reference, prefilled by %d, on scattered pages", async (n) => {
    const executor = await load(toyProgram(), sources(), 6);
    runPrompt(executor, prompt, [5, 0, 3], n);
    expect([...new Float32Array(await executor.read("logits"))]).toEqual(reference(prompt));
  });

  it("runs several decode steps in one submit and reads the tokens back", async () => {
    const executor = await load(toyProgram(), sources(), 8);
    runPrompt(executor, prompt, [0, 1, 2, 3, 4, 5, 6, 7], 4);
    executor.run(["sample_greedy"]);
    const pool = new StagingPool(executor.device, 256);
    const staging = await pool.take();
    const calls = Array.from({ length: 10 }, (_, i) => (i % 2 ? "sample_greedy" : "decode"));
    executor.run(calls, 1, [{ from: "tokens", to: staging, toOffset: 0, bytes: 256 }]);
    const ring = new Int32Array(await pool.read(staging));
    expect([...ring.slice(0, 6)]).toEqual(greedy(prompt, 6));
    expect([...new Int32Array(await executor.read("state"))].slice(1, 3)).toEqual([prompt.length + 5, 6]);
  });

  it("computes the same in many short submits, cut between any two steps", async () => {
    const device = await open();
    const { queue } = device.gpu;
    const submit = queue.submit.bind(queue);
    let submits = 0;
    queue.submit = (commands) => {
      submits += 1;
      return submit(commands);
    };
    const options = { firstPages: 8, submitTargetMs: 1e-6 };
    const executor = await Executor.load(device, parseProgram(toyProgram()), sources(), options);
    runPrompt(executor, prompt, [0, 1, 2, 3, 4, 5, 6, 7], 4);
    await executor.finished();
    const pool = new StagingPool(device, 256);
    const staging = await pool.take();
    submits = 0;
    const calls = Array.from({ length: 6 }, (_, i) => (i % 2 ? "decode" : "sample_greedy"));
    executor.run(calls, 1, [{ from: "tokens", to: staging, toOffset: 0, bytes: 256 }]);
    // Each decode has three dispatches, each sampler one.
    expect(submits).toBe(12);
    expect([...new Int32Array(await pool.read(staging)).slice(0, 3)]).toEqual(greedy(prompt, 3));
    expect([...new Float32Array(await executor.read("logits"))]).toEqual(reference([...prompt, ...greedy(prompt, 3)]));
  });

  it("keeps the cache when it grows, and rebinds it", async () => {
    const executor = await load(toyProgram(), sources(), 2);
    expect(executor.kvPages).toBe(2);
    runPrompt(executor, prompt.slice(0, 8), [1, 0], 4);
    await executor.growKv(5);
    expect(executor.kvPages).toBe(5);
    executor.write("block_table", Int32Array.of(1, 0, 4));
    executor.write("prompt_ids", Int32Array.from(prompt.slice(8, 10)));
    executor.write("state", Int32Array.of(0, 8, 0, 0));
    executor.run(["prefill"], 2);
    executor.write("state", Int32Array.of(prompt[10]!, 10, 0, 0));
    executor.run(["decode"]);
    expect([...new Float32Array(await executor.read("logits"))]).toEqual(reference(prompt));
  });

  it("copies a page of every cache buffer", async () => {
    const executor = await load(toyProgram(), sources(), 4);
    runPrompt(executor, prompt, [0, 1, 2], 4);
    executor.copyPage(1, 3);
    runPrompt(executor, [prompt.at(-1)!], [0, 1, 2], 4); // overwrites position 0 with another token
    runPrompt(executor, [prompt[0]!], [0, 1, 2], 4);
    executor.write("block_table", Int32Array.of(0, 3, 2));
    executor.write("state", Int32Array.of(prompt.at(-1)!, prompt.length - 1, 0, 0));
    executor.run(["decode"]);
    expect([...new Float32Array(await executor.read("logits"))]).toEqual(reference(prompt));
  });

  it("takes the variant that the adapter can run", async () => {
    const device = await open();
    const without: Capabilities = { ...device.capabilities, features: new Set(), subgroupMinSize: 0 };
    const json = toyProgram();
    // A better variant that doubles the logits, for a feature.
    const [stage] = ownOperator(json, "project").stages;
    const { kernel } = stage.variants[0];
    const text = kernelTexts.get(kernel)!.replace("= sum;", "= 2.0 * sum;");
    json.kernels[hashOf(text)] = json.kernels[kernel];
    stage.variants.unshift({
      requires: { features: ["subgroups"], subgroup_min_size: 4 },
      kernel: hashOf(text),
      grid: [VOCAB / 8, 1, 1],
    });
    const program = parseProgram(json);
    const given = sources({ kernel: async (hash) => kernelTexts.get(hash) ?? text });
    const on = (capabilities: Capabilities): Device => Object.create(device, { capabilities: { value: capabilities } });
    const plain = await Executor.load(on(without), program, given, { firstPages: 3 });
    runPrompt(plain, prompt, [0, 1, 2], 4);
    expect([...new Float32Array(await plain.read("logits"))]).toEqual(reference(prompt));
    const capable: Capabilities = { ...without, features: new Set(["subgroups"]), subgroupMinSize: 4 };
    const better = await Executor.load(on(capable), program, given, { firstPages: 3 });
    runPrompt(better, prompt, [0, 1, 2], 4);
    expect([...new Float32Array(await better.read("logits"))]).toEqual(reference(prompt).map((logit) => 2 * logit));
  });

  const broken: [string, string, () => Promise<unknown>][] = [
    [
      "a kernel that is not what its hash says",
      "integrity",
      () => load(toyProgram(), sources({ kernel: async () => "fn main() {}" })),
    ],
    [
      "a kernel that does not compile",
      "invalid_package",
      () => loadBadKernel("@compute @workgroup_size(1) fn main() { let x: i32 = 1.5; }"),
    ],
    [
      "a kernel without its entry point",
      "invalid_package",
      () => loadBadKernel("@compute @workgroup_size(1) fn other() {}"),
    ],
    [
      "a kernel that binds something else",
      "invalid_package",
      () =>
        loadBadKernel(
          "@group(0) @binding(9) var<storage, read_write> x: array<f32>; @compute @workgroup_size(1) fn main() { x[0] = 1.0; }",
        ),
    ],
    [
      "weights that end early",
      "invalid_package",
      () => load(toyProgram(), sources({ weights: async (sink) => sink("head.weight", 0, new Uint8Array(8)) })),
    ],
    [
      "weights with a gap",
      "invalid_package",
      () => load(toyProgram(), sources({ weights: async (sink) => sink("head.weight", 4, new Uint8Array(8)) })),
    ],
    [
      "weights that are too long",
      "invalid_package",
      () =>
        load(
          toyProgram(),
          sources({ weights: async (sink) => sink("head.weight", 0, new Uint8Array(VOCAB * 16 + 4)) }),
        ),
    ],
    [
      "a source that fails",
      "network",
      () =>
        load(
          toyProgram(),
          sources({ weights: () => Promise.reject(Object.assign(new Error("x"), { code: "network" })) }),
        ),
    ],
    [
      "a buffer larger than the device allows",
      "unsupported_device",
      () => {
        const json = toyProgram();
        json.plan.buffers[0].shape = [4294967295];
        return load(json);
      },
    ],
    [
      "a workgroup larger than the device allows",
      "unsupported_device",
      () => {
        const json = toyProgram();
        const { kernel } = ownOperator(json, "mix").stages[0].variants[0];
        json.kernels[kernel].workgroup_size = [1024, 1024, 1];
        return load(json);
      },
    ],
  ];
  it.each(broken)("refuses %s", async (_, code, run) => {
    await expect(run()).rejects.toMatchObject({ code });
  });

  it("goes on working after a refusal", async () => {
    const device = await open();
    const program = parseProgram(toyProgram());
    await expect(Executor.load(device, program, sources({ kernel: async () => "x" }))).rejects.toMatchObject({
      code: "integrity",
    });
    const executor = await Executor.load(device, program, sources(), { firstPages: 3 });
    runPrompt(executor, prompt, [0, 1, 2], 4);
    expect([...new Float32Array(await executor.read("logits"))]).toEqual(reference(prompt));
    expect(device.failure).toBeNull();
  });

  it("stops loading when the signal aborts", async () => {
    const device = await open();
    const program = parseProgram(toyProgram());
    const controller = new AbortController();
    const weights: DeviceSources["weights"] = async (sink, { signal }) => {
      await streamWeights(async (...piece) => {
        controller.abort();
        signal!.throwIfAborted();
        await sink(...piece);
      });
    };
    await expect(
      Executor.load(device, program, sources({ weights }), { signal: controller.signal }),
    ).rejects.toMatchObject({ name: "AbortError" });
  });

  it("reports a lost device as device_lost", async () => {
    const executor = await load();
    const waiting = executor.read("logits");
    executor.device.destroy();
    await expect(waiting).rejects.toMatchObject({ code: "device_lost" });
    await executor.device.failed;
    expect(() => executor.run(["decode"])).toThrow(expect.objectContaining({ code: "device_lost" }));
    await expect(executor.finished()).rejects.toMatchObject({ code: "device_lost" });
  });

  it("reports an error that no scope caught", async () => {
    const device = await open();
    device.gpu.createBuffer({ size: 16, usage: 0xffff });
    expect(await device.failed).toMatchObject({ code: "internal" });
  });

  it("says that memory ran out, and keeps the device", async () => {
    const device = await open();
    const { maxBufferSize, maxStorageBufferBindingSize } = device.capabilities.limits;
    const words = Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4);
    const json = toyProgram();
    for (let i = 0; i < 1024; i++)
      json.plan.buffers.push({ name: `huge.${i}`, kind: "scratch", dtype: "int32", shape: [words] });
    await expect(Executor.load(device, parseProgram(json), sources())).rejects.toMatchObject({ code: "out_of_memory" });
    expect(device.failure).toBeNull();
    await Executor.load(device, parseProgram(toyProgram()), sources());
  });

  it("names the adapter", async () => {
    const device = await open();
    expect(device.adapter).toMatch(/\S/);
    if (/swiftshader|llvmpipe/i.test(device.adapter))
      expect(device).toMatchObject({ software: true, adapter: expect.stringContaining("(software)") });
  });
});

describe.skipIf(noGpu)("the facts of the device", () => {
  it("measure the memory", async () => {
    const executor = await load();
    expect(await executor.measureBandwidth()).toBeGreaterThan(0);
    await expect(executor.measureBandwidth(AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
    const measuring = executor.measureBandwidth();
    executor.device.destroy();
    await expect(measuring).rejects.toMatchObject({ code: "device_lost" });
  });

  it("know before opening whether the adapter is software", async () => {
    const executor = await load();
    expect(await findAdapter(gpu)).toEqual({ software: executor.software });
    expect(await findAdapter(undefined)).toBeNull();
  });

  it("count the weights of one token: all that decode reads", async () => {
    const executor = await load();
    expect(executor.weightBytesPerToken).toBe(2 * VOCAB * 4 * 4);
    expect(executor).toMatchObject({ kind: "webgpu", threads: null });
  });
});

describe("openDevice", () => {
  it("says that there is no WebGPU", async () => {
    await expect(openDevice(undefined)).rejects.toMatchObject({ code: "unsupported_device" });
    const none = { requestAdapter: async () => null } as unknown as GPU;
    await expect(openDevice(none)).rejects.toMatchObject({ code: "unsupported_device" });
  });
});

async function loadBadKernel(wgsl: string): Promise<unknown> {
  const json = toyProgram();
  const [variant] = ownOperator(json, "mix").stages[0].variants;
  json.kernels[hashOf(wgsl)] = json.kernels[variant.kernel];
  delete json.kernels[variant.kernel];
  variant.kernel = hashOf(wgsl);
  expect(head.length % PAGE).toBe(0);
  return load(json, sources({ kernel: async (hash) => kernelTexts.get(hash) ?? wgsl }));
}
