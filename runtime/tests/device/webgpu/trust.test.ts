// Proves that kernels whose known answer is wrong, or that do not compile, are replaced by the next ones, that a device
// without any is refused, that verdicts are remembered, and that logits are right all the same. Wrong kernels are the
// library's with one line changed. Needs a GPU adapter with subgroups and the compiler (Python).
import { describe, expect, it, onTestFinished } from "vitest";
import type { DeviceSources } from "../../../src/device/executor";
import { parseProgram } from "../../../src/device/program_reader";
import { type DeviceOptions, openDevice } from "../../../src/device/webgpu/device";
import { WebGpuExecutor } from "../../../src/device/webgpu/executor";
import { type KernelLibrary, loadLibrary } from "../../../src/device/webgpu/library";
import type { DerivedFiles } from "../../../src/internal/files";
import { type CompiledTiny, compileTiny } from "../../fixtures/compiled_tiny";
import { gpu, noGpu } from "../../fixtures/gpu";

const tiny = noGpu ? null : compileTiny();
const quantized = noGpu ? null : compileTiny({ quantization: "q4" });

type Damage = (text: string) => string;
/** Every store of an output is off by one. */
const wrongNumbers: Damage = (text) => text.replace(/^( *out_ptr\[.*\] = )(.*);$/gm, "$1($2) + 1.0;");
const noWgsl: Damage = (text) => text.replace("@compute", "@compute @compute");
const noNumbers: Damage = (text) => text.replace(/^( *out_ptr\[.*\] = )(.*);$/gm, "$1sqrt(-1.0 - abs($2));");

/** The library with the kernels whose name matches damaged. */
function damaged(name: RegExp, damage: Damage): () => Promise<KernelLibrary> {
  return async () => {
    const { operators, texts, answers } = await loadLibrary();
    const changed = new Map(texts);
    for (const { stages } of operators.values())
      for (const { variants } of stages)
        for (const variant of variants) {
          if (!name.test(variant.name)) continue;
          const text = damage(texts.get(variant.kernel)!);
          expect(text).not.toBe(texts.get(variant.kernel));
          changed.set(variant.kernel, text);
        }
    return { operators, texts: changed, answers };
  };
}

class MemoryFiles implements DerivedFiles {
  private readonly files = new Map<string, { key: string; bytes: Uint8Array }>();
  private readonly written = new Map<string, Uint8Array>();
  async openRead(name: string, key: string) {
    const file = this.files.get(name);
    if (file?.key !== key) return null;
    return {
      nbytes: file.bytes.length,
      read: async (into: Uint8Array, at: number) => into.set(file.bytes.subarray(at, at + into.length)),
      close: () => undefined,
    };
  }
  async openWrite(name: string, nbytes: number) {
    const bytes = new Uint8Array(nbytes);
    this.written.set(name, bytes);
    return {
      write: async (piece: Uint8Array<ArrayBufferLike>, at: number) => bytes.set(piece, at),
      close: async () => undefined,
    };
  }
  async commit(name: string, key: string) {
    this.files.set(name, { key, bytes: this.written.get(name)! });
  }
  async remove(name: string) {
    this.files.delete(name);
  }
  /** Changes what is remembered. */
  edit(change: (verdicts: { subgroups: { size: number; ordered: boolean }; exactHalves: boolean }) => void) {
    for (const file of this.files.values()) {
      const verdicts = JSON.parse(new TextDecoder().decode(file.bytes));
      change(verdicts);
      file.bytes = new TextEncoder().encode(JSON.stringify(verdicts));
    }
  }
}

async function load(
  library: () => Promise<KernelLibrary>,
  derived: DerivedFiles | null = null,
  options: DeviceOptions = {},
  model: CompiledTiny = tiny!,
  changed: (name: string, bytes: Uint8Array) => Uint8Array = (_, bytes) => bytes,
): Promise<WebGpuExecutor> {
  const device = await openDevice(gpu, options);
  onTestFinished(() => device.destroy());
  const source = await model.source();
  const sources: DeviceSources = {
    kernel: (hash) => source.text(`program/${hash}.wgsl`),
    weights: (sink, given) => source.weights((name, at, bytes) => sink(name, at, changed(name, bytes)), given),
    derived,
  };
  return WebGpuExecutor.load(device, parseProgram(await source.program()), sources, { library, tryKernels: true });
}

/** Largest difference of the logits after the first token. */
async function error(executor: WebGpuExecutor): Promise<number> {
  executor.write("block_table", Int32Array.of(0));
  executor.write("state", Int32Array.of(tiny!.ids[0]!, 0, 0, 0));
  executor.run(["decode"]);
  const logits = new Float32Array(await executor.read("logits"));
  return Math.max(...tiny!.logits[0]!.map((expected, i) => Math.abs(expected - logits[i]!)));
}

const kernelsOf = (executor: WebGpuExecutor) => new Set([...executor.plan.pipelines.values()].map(({ name }) => name));
const usesSubgroups = (executor: WebGpuExecutor) => [...kernelsOf(executor)].some((name) => /_subgroup/.test(name));

describe.skipIf(!tiny)("trust in kernels", () => {
  it("has no doubts where every answer is right", async () => {
    const executor = await load(loadLibrary);
    expect(executor.doubts).toBeNull();
    expect(usesSubgroups(executor)).toBe(true);
    expect(await error(executor)).toBeLessThan(2e-3);
  });

  it.each<[string, Damage]>([
    ["compute wrong numbers", wrongNumbers],
    ["compute NaN", noNumbers],
    ["do not compile", noWgsl],
  ])("takes workgroup memory where kernels with subgroups %s", async (_, damage) => {
    const executor = await load(damaged(/_subgroup/, damage));
    expect(executor.doubts).toMatch(/_subgroup/);
    expect(usesSubgroups(executor)).toBe(false);
    expect(await error(executor)).toBeLessThan(2e-3);
  });

  it("keeps the kernels that are right", async () => {
    const right = await load(loadLibrary, null, {}, quantized!);
    // Matrices in several formats, so several kernels with subgroups.
    const [wrong, ...others] = [...kernelsOf(right)].filter((name) => /_subgroup/.test(name));
    expect(others).not.toEqual([]);
    const executor = await load(damaged(new RegExp(`^${wrong}$`), wrongNumbers), null, {}, quantized!);
    expect(executor.doubts).toContain(wrong);
    expect([...kernelsOf(executor)]).toEqual(expect.arrayContaining(others));
    expect(kernelsOf(executor)).not.toContain(wrong);
    expect(Math.abs((await error(executor)) - (await error(right)))).toBeLessThan(2e-3);
  });

  it("refuses a device on which nothing is right", async () => {
    await expect(load(damaged(/attention/, wrongNumbers))).rejects.toMatchObject({
      code: "unsupported_device",
      message: expect.stringMatching(/attention.*wrong numbers/),
    });
  });

  it("remembers what was right and what was wrong", async () => {
    const memory = new MemoryFiles();
    const first = await load(damaged(/_subgroup/, wrongNumbers), memory);
    // Nothing is tried again: the library's answers are not even looked at.
    const again = await load(async () => ({ ...(await loadLibrary()), answers: [] }), memory);
    expect(again.doubts).toBe(first.doubts);
    expect(kernelsOf(again)).toEqual(kernelsOf(first));
  });

  it("uses no subgroups whose lanes are in no known order", async () => {
    const memory = new MemoryFiles();
    await load(loadLibrary, memory);
    memory.edit(({ subgroups }) => Object.assign(subgroups, { ordered: false }));
    const executor = await load(loadLibrary, memory);
    expect(executor.doubts).toMatch(/no known order/);
    expect(usesSubgroups(executor)).toBe(false);
    expect(await error(executor)).toBeLessThan(2e-3);
  });

  it("refuses scales below the smallest normal half where the device takes them for zero, and no others", async () => {
    const memory = new MemoryFiles();
    const tinyScales = (name: string, bytes: Uint8Array) =>
      name === "model.layers.1.mlp.down_proj.q_scale" ? bytes.map((byte, at) => (at < 2 ? 1 : byte)) : bytes;
    await load(loadLibrary, memory, {}, quantized!);
    await expect(load(loadLibrary, memory, {}, quantized!, tinyScales)).resolves.toBeInstanceOf(WebGpuExecutor);
    memory.edit((verdicts) => Object.assign(verdicts, { exactHalves: false }));
    expect((await load(loadLibrary, memory, {}, quantized!)).doubts).toBeNull();
    await expect(load(loadLibrary, memory, {}, quantized!, tinyScales)).rejects.toMatchObject({
      code: "unsupported_device",
      message: expect.stringContaining("model.layers.1.mlp.down_proj.q_scale"),
    });
  });

  it("tries again where what was remembered cannot be read", async () => {
    const memory = new MemoryFiles();
    await load(loadLibrary, memory);
    memory.edit((verdicts) => Object.assign(verdicts, { subgroups: "4" }));
    expect((await load(loadLibrary, memory)).doubts).toBeNull();
  });
});
