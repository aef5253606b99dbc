// Proves on each device that a program with the function encode alone gives the embeddings of every operator's NumPy
// reference: texts of several lengths, one after the other. Needs the compiler (Python); for WebGPU an adapter.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { systemDevices } from "../../src/device/open";
import { parseProgram } from "../../src/device/program_reader";
import { gpu, noGpu } from "../fixtures/gpu";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const VENV = join(ROOT, ".venv/bin/python");
const PYTHON = process.env.NOMOAT_PYTHON ?? (existsSync(VENV) ? VENV : null);
const SCRIPT = fileURLToPath(new URL("../fixtures/run_encoder.py", import.meta.url));

interface Encoder {
  readonly program: unknown;
  readonly weights: Readonly<Record<string, string>>;
  readonly texts: readonly (readonly number[])[];
  readonly embeddings: readonly (readonly number[])[];
}

function computed(stored: string): Encoder {
  const env = { ...process.env, PYTHONPATH: `${ROOT}:${process.env.PYTHONPATH ?? ""}` };
  return JSON.parse(execFileSync(PYTHON!, [SCRIPT, stored], { cwd: ROOT, env, encoding: "utf8", maxBuffer: 2 ** 28 }));
}

const DEVICES = noGpu ? (["wasm"] as const) : (["wasm", "webgpu"] as const);
/** Least cosine. On the CPU int8 keys and values round, and with groups int8 activations as well; a GPU has float32. */
const ALIKE = { wasm: { plain: 0.999, grouped: 0.995 }, webgpu: { plain: 1 - 1e-6, grouped: 1 - 1e-6 } } as const;

describe.skipIf(!PYTHON).each(DEVICES)("an encoder, on %s", (kind) => {
  it.each(["plain", "grouped"] as const)("has the references' embeddings with %s matrices", async (stored) => {
    const { program, weights, texts, embeddings } = computed(stored);
    const stream = async (sink: (name: string, offset: number, bytes: Uint8Array) => void | Promise<void>) => {
      for (const [name, data] of Object.entries(weights))
        await sink(name, 0, new Uint8Array(Buffer.from(data, "base64")));
    };
    const sources = { weights: stream, derived: null, kernel: async () => "" };
    const executor = await systemDevices(gpu).open(kind, parseProgram(program), sources, {});
    expect([...executor.program.functions.keys()]).toEqual(["encode"]);
    expect(executor.program.buffers.has("logits")).toBe(false);
    await executor.growKv(3);
    executor.write("block_table", Int32Array.of(2, 0, 1));
    executor.write("state", new Int32Array(8));
    for (const [i, ids] of texts.entries()) {
      executor.write("prompt_ids", Int32Array.from(ids));
      executor.run(["encode"], ids.length);
      const embedding = new Float32Array(await executor.read("embedding"));
      expect(embedding).toHaveLength(64);
      const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
        Array.from(a).reduce((sum, value, j) => sum + value * b[j]!, 0);
      expect(dot(embedding, embedding)).toBeCloseTo(1, 5);
      expect(dot(embedding, embeddings[i]!)).toBeGreaterThan(ALIKE[kind][stored]);
    }
    executor.destroy();
  });
});
