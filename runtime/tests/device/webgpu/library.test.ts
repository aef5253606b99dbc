// Proves that the kernel library is what its record says, that it computes the same bits as a package's own kernels,
// and that matrices bound in slices of rows give the same bits as whole ones. Needs a GPU adapter and the compiler
// (Python).
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenOptions } from "../../../src/device/executor";
import type { Program } from "../../../src/device/program";
import { parseProgram } from "../../../src/device/program_reader";
import { type Device, openDevice } from "../../../src/device/webgpu/device";
import { WebGpuExecutor } from "../../../src/device/webgpu/executor";
import { loadLibrary, readLibrary } from "../../../src/device/webgpu/library";
import { type CompiledTiny, compileTiny } from "../../fixtures/compiled_tiny";
import { gpu, noGpu } from "../../fixtures/gpu";

const FILE = new URL("../../../src/device/webgpu/library/kernels.bin", import.meta.url);

describe("the library", () => {
  it("has a text for every variant of its record, and no other", async () => {
    const { operators, texts } = await loadLibrary();
    const kernels = [...operators.values()].flatMap(({ stages }) =>
      stages.flatMap(({ variants }) => variants.map(({ kernel }) => kernel)),
    );
    expect([...texts.keys()].sort()).toEqual([...new Set(kernels)].sort());
    for (const [hash, text] of texts) expect([hash, text]).toEqual([hash, expect.stringContaining("@compute")]);
  });

  it("is read packed, and as a server unpacks it", async () => {
    const bytes = new Uint8Array(await readFile(FILE));
    const packed = await readLibrary(bytes);
    expect(await readLibrary(new Uint8Array(gunzipSync(bytes)))).toEqual(packed);
    expect(packed.answers.length).toBeGreaterThan(100);
  });

  it.each<[string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>]>([
    ["a byte of it is another", (bytes) => bytes.map((byte, at) => (at === bytes.length >> 1 ? byte ^ 1 : byte))],
    [
      "a byte of what it holds is another",
      (bytes) => unpacked(bytes).map((byte, at) => (at === 100_000 ? byte ^ 1 : byte)),
    ],
    ["it is cut", (bytes) => bytes.subarray(0, bytes.length - 100)],
    ["it is empty", () => new Uint8Array(0)],
    ["it is a page", () => new TextEncoder().encode("<!doctype html>")],
  ])("is refused where %s", async (_, change) => {
    const bytes = new Uint8Array(await readFile(FILE));
    await expect(readLibrary(change(bytes))).rejects.toMatchObject({ code: "integrity" });
  });
});

function unpacked(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gunzipSync(bytes));
}

const TOKENS = 20;
const tiny = noGpu ? null : compileTiny({ quantization: "q4", ownKernels: true });

describe.skipIf(!tiny)("a compiled model", () => {
  let device: Device;
  let program: Program;
  let expected: Int32Array;

  async function load(
    program: Program,
    on = device,
    options: OpenOptions = {},
    model: CompiledTiny = tiny!,
  ): Promise<WebGpuExecutor> {
    const source = await model.source();
    const kernel = (hash: string) => source.text(`program/${hash}.wgsl`);
    const sources = { kernel, weights: source.weights, derived: null };
    return WebGpuExecutor.load(on, program, sources, { firstPages: 8, ...options });
  }
  /** Bits of the logits of decode after a prefill of all but the last token. */
  async function logitBits(executor: WebGpuExecutor): Promise<Int32Array> {
    const ids = tiny!.ids.slice(0, TOKENS + 1);
    executor.write("block_table", Int32Array.of(3, 1, 0));
    executor.write("prompt_ids", Int32Array.from(ids.slice(0, -1)));
    executor.write("state", Int32Array.of(ids.at(-1)!, 0, 0, 0));
    executor.run(["prefill"], ids.length - 1);
    executor.write("state", Int32Array.of(ids.at(-1)!, ids.length - 1, 0, 0));
    executor.run(["decode"]);
    return new Int32Array(await executor.read("logits"));
  }
  function limited(bytes: number): Device {
    const { capabilities } = device;
    const limits = { ...capabilities.limits, maxStorageBufferBindingSize: bytes };
    return Object.create(device, { capabilities: { value: { ...capabilities, limits } } });
  }

  beforeAll(async () => {
    device = await openDevice(gpu);
    program = parseProgram(await (await tiny!.source()).program());
    const executor = await load(program);
    expect([...executor.plan.pipelines.values()].some((pipeline) => pipeline.own)).toBe(false);
    expected = await logitBits(executor);
    expect(new Set(expected).size).toBeGreaterThan(100);
  });
  afterAll(() => device?.destroy());

  // Compiling a model's own kernels takes its time, so two kinds of matrices stand for the others.
  it.each(process.env.NOMOAT_EVERY_KERNEL ? ["q4", "q8", "f16", "q4f32_1"] : ["q4", "f16"])(
    "has the same bits with the package's kernels as with the library's: %s",
    async (quantization) => {
      const model = compileTiny({ quantization, ownKernels: true })!;
      const program = parseProgram(await (await model.source()).program());
      const own = await load(program, device, { kernels: "package" }, model);
      expect([...own.plan.pipelines.values()].every((pipeline) => pipeline.own)).toBe(true);
      const shipped = await load(program, device, {}, model);
      expect(await logitBits(own)).toEqual(await logitBits(shipped));
    },
  );

  it("has the same bits with its matrices in slices", async () => {
    // The activations of 20 tokens just fit. A slice of the embedding (8 bits, tied to the head) has 192 of 512 rows,
    // one of gate and up (4 bits) 192 of 256 gate rows and as many up rows.
    const limit = 20_480;
    const small = await load({ ...program, prefill_chunk: TOKENS }, limited(limit));
    expect([...small.plan.fixedBytes.keys()]).toEqual(
      expect.arrayContaining(["model.embed_tokens.q_scale[2]", "model.layers.3.mlp.gate_up_proj.q_weight[1]"]),
    );
    expect(Math.max(...small.plan.fixedBytes.values())).toBeLessThanOrEqual(limit);
    expect(await logitBits(small)).toEqual(expected);
  });
});
