// Proves on each device what a plan can vary from layer to layer (heads, head_dim, widths, shared keys and values, layers
// without rotation, a recurrent state) against every operator's NumPy reference, and that a slot is one sequence's.
// Needs the compiler (Python); for WebGPU an adapter.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Executor } from "../../src/device/executor";
import { systemDevices } from "../../src/device/open";
import { parseProgram } from "../../src/device/program_reader";
import { gpu, noGpu } from "../fixtures/gpu";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const VENV = join(ROOT, ".venv/bin/python");
const PYTHON = process.env.NOMOAT_PYTHON ?? (existsSync(VENV) ? VENV : null);
const PREFILLED = 40;
const SLOT = 1;
// In several slabs of the cache.
const BLOCK_TABLE = [3, 300, 0, 140];
const PAGES = 301;

interface Uneven {
  readonly program: unknown;
  readonly weights: Readonly<Record<string, string>>;
  readonly ids: readonly number[];
  readonly logits: Readonly<Record<string, readonly number[]>>;
}

function computed(stored: string): Uneven {
  const script = fileURLToPath(new URL("../fixtures/run_uneven.py", import.meta.url));
  const env = { ...process.env, PYTHONPATH: `${ROOT}:${process.env.PYTHONPATH ?? ""}` };
  return JSON.parse(execFileSync(PYTHON!, [script, stored], { cwd: ROOT, env, encoding: "utf8", maxBuffer: 2 ** 28 }));
}

async function opened(kind: Executor["kind"], { program, weights }: Uneven): Promise<Executor> {
  const stream = async (sink: (name: string, offset: number, bytes: Uint8Array) => void | Promise<void>) => {
    for (const [name, data] of Object.entries(weights))
      await sink(name, 0, new Uint8Array(Buffer.from(data, "base64")));
  };
  const sources = { weights: stream, derived: null, kernel: async () => "" };
  const executor = await systemDevices(gpu).open(kind, parseProgram(program), sources, {});
  await executor.growKv(PAGES);
  executor.write("block_table", Int32Array.from(BLOCK_TABLE));
  return executor;
}

function prefill(executor: Executor, ids: readonly number[], slot: number): void {
  const chunk = executor.program.prefill_chunk;
  for (let first = 0; first < ids.length; first += chunk) {
    const part = ids.slice(first, first + chunk);
    executor.write("state", Int32Array.of(0, first, 0, 0, slot));
    executor.write("prompt_ids", Int32Array.from(part));
    executor.run(["prefill"], part.length);
  }
}

async function decode(executor: Executor, id: number, position: number, slot: number): Promise<Float32Array> {
  executor.write("state", Int32Array.of(id, position, 0, 0, slot));
  executor.run(["decode"]);
  return new Float32Array(await executor.read("logits"));
}

/** Largest difference, relative to the spread of what is expected. */
function error(got: Float32Array, expected: readonly number[]): number {
  const mean = expected.reduce((sum, x) => sum + x, 0) / expected.length;
  const spread = Math.sqrt(expected.reduce((sum, x) => sum + (x - mean) ** 2, 0) / expected.length);
  return Math.max(...expected.map((x, i) => Math.abs(got[i]! - x))) / spread;
}

const DEVICES = noGpu ? (["wasm"] as const) : (["wasm", "webgpu"] as const);
/** On the CPU, what int8 keys and values round off, and with groups int8 activations as well; a GPU has float32. */
const TOLERANCE = { wasm: { plain: 0.05, grouped: 0.15 }, webgpu: { plain: 1e-4, grouped: 1e-4 } } as const;

describe.skipIf(!PYTHON).each(DEVICES)("a plan whose layers differ, on %s", (kind) => {
  it.each(["plain", "grouped"] as const)("has the references' logits with %s matrices", async (stored) => {
    const uneven = computed(stored);
    const executor = await opened(kind, uneven);
    prefill(executor, uneven.ids.slice(0, PREFILLED), SLOT);
    for (let position = PREFILLED; position < uneven.ids.length; position++) {
      const logits = await decode(executor, uneven.ids[position]!, position, SLOT);
      expect(error(logits, uneven.logits[position]!)).toBeLessThan(TOLERANCE[kind][stored]);
    }
    executor.destroy();
  });

  it("remembers each sequence in its slot, and a copy of a slot goes on alike", async () => {
    const uneven = computed("plain");
    const executor = await opened(kind, uneven);
    expect(executor.stateSlots).toBeGreaterThanOrEqual(2);
    const ids = uneven.ids.slice(0, PREFILLED);
    const [last, other] = [executor.stateSlots - 1, 0];
    prefill(executor, ids, last);
    const expected = await decode(executor, 5, PREFILLED, last);
    // The same again: decode moved the state on, so it is made anew, copied, and what follows is run on the copy.
    prefill(executor, ids, last);
    executor.copySlot(last, other);
    expect(await decode(executor, 5, PREFILLED, other)).toEqual(expected);
    expect(await decode(executor, 5, PREFILLED, last)).toEqual(expected);
    // Now the state is a token further, and without a copy the result is another one.
    expect(await decode(executor, 5, PREFILLED, last)).not.toEqual(expected);
    executor.destroy();
  });
});
