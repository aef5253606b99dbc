// Proves that a program as the compiler writes it runs on the CPU device in one thread, that its repacked weights are
// kept and used again, and what is refused. Needs the compiler (Python) and no GPU.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemDevices } from "../../../src/device/open";
import type { Program } from "../../../src/device/program";
import { parseProgram } from "../../../src/device/program_reader";
import { openWasmExecutor } from "../../../src/device/wasm/executor";
import { planSteps } from "../../../src/device/wasm/planned_step";
import { MAX_WEIGHT_BYTES, WeightImage } from "../../../src/device/wasm/weights";
import { LoadedModel } from "../../../src/engine/loaded_model";
import type { DerivedFiles } from "../../../src/internal/files";
import { compileTiny } from "../../fixtures/compiled_tiny";

const tiny = compileTiny();

/** Files in memory, with what was asked of them. */
class MemoryFiles implements DerivedFiles {
  readonly files = new Map<string, { key: string | null; bytes: Uint8Array<ArrayBuffer> }>();
  reads = 0;
  full = false;

  async openRead(name: string, key: string) {
    const file = this.files.get(name);
    if (file?.key !== key) return null;
    return {
      nbytes: file.bytes.length,
      read: async (into: Uint8Array, at: number) => {
        this.reads += into.length;
        into.set(file.bytes.subarray(at, at + into.length));
      },
      close: () => undefined,
    };
  }
  async openWrite(name: string, nbytes: number) {
    if (this.full) {
      const { LlmError } = await import("../../../src/internal/errors");
      throw new LlmError("storage_quota", "full");
    }
    const file = { key: null, bytes: new Uint8Array(nbytes) };
    this.files.set(name, file);
    return {
      write: async (bytes: Uint8Array, at: number) => file.bytes.set(bytes, at),
      close: async () => undefined,
    };
  }
  async commit(name: string, key: string) {
    this.files.get(name)!.key = key;
  }
  async remove(name: string) {
    this.files.delete(name);
  }
}

async function tinyProgram(change: (json: Record<string, never>) => void = () => undefined): Promise<Program> {
  const json = structuredClone(await (await tiny!.source()).program()) as Record<string, never>;
  change(json);
  return parseProgram(json);
}

const weights = async () => {
  const source = await tiny!.source();
  return (sink: Parameters<typeof source.weights>[0], options: Parameters<typeof source.weights>[1]) =>
    source.weights(sink, options);
};

describe.skipIf(!tiny)("a compiled model on the CPU", () => {
  let model: LoadedModel;
  beforeAll(async () => {
    const settings = { device: "wasm", threads: null } as const;
    model = await LoadedModel.load(systemDevices(undefined), await tiny!.source(), settings);
  }, 60_000);
  afterAll(() => model.unload());

  it("says where it runs", () => {
    expect(model.device).toMatchObject({ device: "wasm", software: false, threads: 1 });
    expect(model.device.adapter).toMatch(/^wasm, /);
    expect(model.device.weightBytesPerToken).toBeGreaterThan(10_000);
  });

  it.each([0, 31, 69])("has the reference's logits from position %d on, up to its roundings", async (first) => {
    const logits = await model.logits(tiny!.ids, first);
    const rows = tiny!.logits.slice(first);
    const vocabSize = rows[0]!.length;
    const correlations = rows.map((row, t) => correlation(row, logits.subarray(t * vocabSize, (t + 1) * vocabSize)));
    expect(Math.min(...correlations)).toBeGreaterThan(0.995);
  });

  it("generates the reference's greedy tokens", async () => {
    const options = { raw: true, temperature: 0, maxTokens: 24 };
    const usage = await model.generate(tiny!.prompt, options, { onText: () => undefined });
    expect(usage.generatedIds).toEqual(tiny!.greedy_ids.slice(0, usage.generatedIds.length));
    expect(usage.generatedIds.length).toBeGreaterThan(10);
    expect(usage).toMatchObject({ device: "wasm", threads: 1 });
  });

  it("draws the same tokens from the same seed", async () => {
    const options = {
      raw: true,
      temperature: 1.2,
      topP: 0.9,
      topK: 50,
      seed: 7,
      repetitionPenalty: 1.1,
      maxTokens: 16,
    };
    const runs = await Promise.all(
      [0, 1].map(() => model.generate(tiny!.prompt, options, { onText: () => undefined })),
    );
    expect(runs[0]!.generatedIds).toEqual(runs[1]!.generatedIds);
  });

  it("measures the speed of its memory", async () => {
    expect(await model.measureBandwidth()).toBeGreaterThan(0.1);
  });
});

describe.skipIf(!tiny)("repacked weights", () => {
  it("are kept and read the next time, and made again where they are not there", async () => {
    const program = await tinyProgram();
    const cache = new MemoryFiles();
    let streamed = 0;
    const stream = await weights();
    const counting: typeof stream = (sink, options) =>
      stream((name, offset, bytes) => {
        streamed += bytes.length;
        return sink(name, offset, bytes);
      }, options);
    const open = () => openWasmExecutor(program, { weights: counting, cache });
    const first = await open();
    expect(streamed).toBeGreaterThan(0);
    expect(cache.reads).toBe(0);
    first.destroy();
    streamed = 0;
    const second = await open();
    expect(streamed).toBe(0);
    expect(cache.reads).toBe(new WeightImage(program, planSteps(program, true)).nbytes);
    second.destroy();
    for (const file of cache.files.values()) file.key = "another layout";
    (await open()).destroy();
    expect(streamed).toBeGreaterThan(0);
  });

  it("need no storage: without room for them they are made again", async () => {
    const cache = new MemoryFiles();
    cache.full = true;
    const executor = await openWasmExecutor(await tinyProgram(), { weights: await weights(), cache });
    expect(cache.files.size).toBe(0);
    executor.destroy();
  });

  it("that are short are refused", async () => {
    const stream = await weights();
    const short: typeof stream = (sink, options) =>
      stream((name, offset, bytes) => (name.includes("down_proj") ? undefined : sink(name, offset, bytes)), options);
    await expect(openWasmExecutor(await tinyProgram(), { weights: short, cache: null })).rejects.toMatchObject({
      code: "invalid_package",
    });
  });

  it("stop coming when the load is aborted", async () => {
    const controller = new AbortController();
    const stream = await weights();
    const aborting: typeof stream = (sink, options) =>
      stream((name, offset, bytes) => {
        controller.abort();
        return sink(name, offset, bytes);
      }, options);
    const load = openWasmExecutor(
      await tinyProgram(),
      { weights: aborting, cache: null },
      { signal: controller.signal },
    );
    await expect(load).rejects.toMatchObject({ name: "AbortError" });
  });

  it("beyond what WebAssembly addresses are a typed error before anything is allocated", async () => {
    const program = await tinyProgram();
    const huge = withDefinitions(program, "embed", { rows: 2 ** 28 });
    const open = openWasmExecutor(huge, { weights: await weights(), cache: null });
    await expect(open).rejects.toMatchObject({ code: "unsupported_device" });
    expect(MAX_WEIGHT_BYTES).toBe(3.5 * 2 ** 30);
  });

  it("of programs with other pages than the kernels' are a typed error", async () => {
    const program = withDefinitions(await tinyProgram(), "attention", { page_size: 8 });
    await expect(openWasmExecutor(program, { weights: await weights(), cache: null })).rejects.toMatchObject({
      code: "unsupported_device",
      message: expect.stringMatching(/pages of 8 tokens/),
    });
  });

  it("on more threads than the page can have are a typed error", async () => {
    const open = openWasmExecutor(await tinyProgram(), { weights: await weights(), cache: null }, { threads: 4 });
    await expect(open).rejects.toMatchObject({ code: "unsupported_device" });
  });
});

/** The program with other numbers in the definitions of `op`, which no check has seen. */
function withDefinitions(program: Program, op: string, change: Readonly<Record<string, number>>): Program {
  const operators = [...program.operators].map(([name, operator]) => {
    const { definition } = operator;
    return [name, definition.op === op ? { ...operator, definition: { ...definition, ...change } } : operator] as const;
  });
  return { ...program, operators: new Map(operators) };
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const n = a.length;
  let [sa, sb, saa, sbb, sab] = [0, 0, 0, 0, 0];
  for (let i = 0; i < n; i++) {
    sa += a[i]!;
    sb += b[i]!;
    saa += a[i]! ** 2;
    sbb += b[i]! ** 2;
    sab += a[i]! * b[i]!;
  }
  return (n * sab - sa * sb) / Math.sqrt((n * saa - sa ** 2) * (n * sbb - sb ** 2));
}
