// Proves that the kernel library is what its record says, that it computes the same bits as a package's own kernels,
// and that matrices bound in slices of rows give the same bits as whole ones. Needs a GPU adapter and the compiler
// (Python).
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Program } from "../../../src/device/program";
import { parseProgram } from "../../../src/device/program_reader";
import { type Capabilities, type Device, openDevice } from "../../../src/device/webgpu/device";
import { WebGpuExecutor } from "../../../src/device/webgpu/executor";
import { LIBRARY_OPERATORS, loadKernelTexts, readKernelTexts } from "../../../src/device/webgpu/library";
import { type Plan, type PlanOptions, planFor } from "../../../src/device/webgpu/plan";
import { compileTiny } from "../../fixtures/compiled_tiny";
import { gpu, noGpu } from "../../fixtures/gpu";

const FILE = new URL("../../../src/device/webgpu/library/kernels.json", import.meta.url);

describe("the library", () => {
  it("has a text for every variant of its record, and no other", async () => {
    const texts = await loadKernelTexts();
    const kernels = [...LIBRARY_OPERATORS.values()].flatMap(({ stages }) =>
      stages.flatMap(({ variants }) => variants.map(({ kernel }) => kernel)),
    );
    expect([...texts.keys()].sort()).toEqual([...new Set(kernels)].sort());
    for (const [hash, text] of texts) expect([hash, text]).toEqual([hash, expect.stringContaining("@compute")]);
  });

  it("is refused when a byte of it is another", async () => {
    const bytes = new Uint8Array(await readFile(FILE));
    expect(() => readKernelTexts(bytes)).not.toThrow();
    bytes[bytes.length >> 1]! ^= 1;
    expect(() => readKernelTexts(bytes)).toThrow(expect.objectContaining({ code: "integrity" }));
    expect(() => readKernelTexts(new Uint8Array(0))).toThrow(expect.objectContaining({ code: "integrity" }));
  });
});

const TOKENS = 20;
const tiny = noGpu ? null : compileTiny({ quantization: "q4", ownKernels: true });

describe.skipIf(!tiny)("a compiled model", () => {
  let device: Device;
  let program: Program;
  let expected: Int32Array;

  /** Bits of the logits of decode after a prefill of all but the last token. */
  async function logitBits(plan: Plan): Promise<Int32Array> {
    const source = await tiny!.source();
    const kernel = (hash: string) => source.text(`program/${hash}.wgsl`);
    const executor = await WebGpuExecutor.create(device, plan, { kernel, weights: source.weights }, { firstPages: 8 });
    const ids = tiny!.ids.slice(0, TOKENS + 1);
    executor.write("block_table", Int32Array.of(3, 1, 0));
    executor.write("prompt_ids", Int32Array.from(ids.slice(0, -1)));
    executor.write("state", Int32Array.of(ids.at(-1)!, 0, 0, 0));
    executor.run(["prefill"], ids.length - 1);
    executor.write("state", Int32Array.of(ids.at(-1)!, ids.length - 1, 0, 0));
    executor.run(["decode"]);
    return new Int32Array(await executor.read("logits"));
  }
  const limited = (bytes: number): Capabilities => ({
    ...device.capabilities,
    limits: { ...device.capabilities.limits, maxStorageBufferBindingSize: bytes },
  });
  const plan = (capabilities = device.capabilities, options: PlanOptions = {}) =>
    planFor(program, capabilities, options);

  beforeAll(async () => {
    device = await openDevice(gpu);
    program = parseProgram(await (await tiny!.source()).program());
    expected = await logitBits(plan());
    expect(new Set(expected).size).toBeGreaterThan(100);
  }, 120_000);
  afterAll(() => device?.destroy());

  it("has the same bits with the package's kernels as with the library's", async () => {
    const own = plan(device.capabilities, { kernels: "package" });
    expect([...own.pipelines.values()].every((pipeline) => pipeline.own)).toBe(true);
    expect([...plan().pipelines.values()].some((pipeline) => pipeline.own)).toBe(false);
    expect(await logitBits(own)).toEqual(expected);
  });

  it("has the same bits with its matrices in slices", async () => {
    // The activations of 20 tokens just fit. A slice of the embedding (8 bits, tied to the head) has 192 of 512 rows,
    // one of gate and up (4 bits) 192 of 256 gate rows and as many up rows.
    const limit = 20_480;
    const small = planFor({ ...program, prefill_chunk: TOKENS }, limited(limit));
    expect([...small.fixedBytes.keys()]).toEqual(
      expect.arrayContaining(["model.embed_tokens.q_scale[2]", "model.layers.3.mlp.gate_up_proj.q_weight[1]"]),
    );
    expect(Math.max(...small.fixedBytes.values())).toBeLessThanOrEqual(limit);
    expect(await logitBits(small)).toEqual(expected);
  });
});
