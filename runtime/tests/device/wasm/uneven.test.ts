// Proves on the CPU what a plan can vary from layer to layer (heads, head_dim, widths, shared keys and values, layers
// without rotation, a recurrent state) against every operator's NumPy reference, and that a slot is one sequence's.
// Needs the compiler (Python) and no GPU.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Executor } from "../../../src/device/executor";
import { parseProgram } from "../../../src/device/program_reader";
import { openWasmExecutor } from "../../../src/device/wasm/executor";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
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
  const script = fileURLToPath(new URL("../../fixtures/run_uneven.py", import.meta.url));
  const env = { ...process.env, PYTHONPATH: `${ROOT}:${process.env.PYTHONPATH ?? ""}` };
  return JSON.parse(execFileSync(PYTHON!, [script, stored], { cwd: ROOT, env, encoding: "utf8", maxBuffer: 2 ** 28 }));
}

async function opened({ program, weights }: Uneven): Promise<Executor> {
  const stream = async (sink: (name: string, offset: number, bytes: Uint8Array) => void | Promise<void>) => {
    for (const [name, data] of Object.entries(weights))
      await sink(name, 0, new Uint8Array(Buffer.from(data, "base64")));
  };
  const executor = await openWasmExecutor(parseProgram(program), { weights: stream, cache: null });
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

describe.skipIf(!PYTHON)("a plan whose layers differ", { timeout: 60_000 }, () => {
  // Plain matrices: what int8 keys and values round off. Grouped ones: int8 activations as well.
  it.each([
    ["plain", 0.05],
    ["grouped", 0.15],
  ] as const)("has the references' logits with %s matrices", async (stored, tolerance) => {
    const uneven = computed(stored);
    const executor = await opened(uneven);
    prefill(executor, uneven.ids.slice(0, PREFILLED), SLOT);
    for (let position = PREFILLED; position < uneven.ids.length; position++) {
      const logits = await decode(executor, uneven.ids[position]!, position, SLOT);
      expect(error(logits, uneven.logits[position]!)).toBeLessThan(tolerance);
    }
    executor.destroy();
  });

  it("remembers each sequence in its slot, and a copy of a slot goes on alike", async () => {
    const uneven = computed("plain");
    const executor = await opened(uneven);
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
