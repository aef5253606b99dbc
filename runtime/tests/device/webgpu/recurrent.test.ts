// Proves on a real adapter (Dawn) that recurrent states are kept by slot: prefill goes on where it stopped, decode where
// prefill did, slots do not touch each other, and a copied slot goes on as the one it was copied from. All numbers are
// small integers, so float32 is exact. Needs a GPU adapter.
import { describe, expect, it, onTestFinished } from "vitest";
import { parseProgram } from "../../../src/device/program_reader";
import { openDevice } from "../../../src/device/webgpu/device";
import { WebGpuExecutor } from "../../../src/device/webgpu/executor";
import { gpu, noGpu } from "../../fixtures/gpu";

const VOCAB = 8;
const COLUMNS = 32;
const table = Float32Array.from({ length: VOCAB * COLUMNS }, (_, i) => ((i * 7) % 13) - 6);
const decay = Float32Array.from({ length: COLUMNS }, (_, i) => (i % 3) - 1); // -1, 0, 1

/** embed, a diagonal recurrence, and the head, which is the table. */
function program() {
  const step = (op: string, fields: object, given: object) => ({ op, fields, arguments: given });
  const matrix = { rows: "vocab_size", columns: "hidden_size" };
  const embed = (ids: string) => step("embed", { ...matrix, scale: 1 }, { token_ids: ids, w: "table", out: "x" });
  const scan = step(
    "linear_recurrence",
    { columns: "hidden_size" },
    { x: "x", decay: "decay", state: "state", memory: "memory.{layer}", out: "h" },
  );
  const flags = {
    ...{
      norm_eps: null,
      bias: false,
      delta: false,
      activation: 0,
      gated: false,
      scale: 1,
      softcap: null,
      residual: false,
    },
  };
  const head = step("linear", { ...matrix, ...flags }, { x: "h", w: "table", out: "logits" });
  const layer = (...items: unknown[]) => ({ repeat: "layer", from: 0, to: "num_hidden_layers", items });
  const rows = (name: string, kind: string, shape: unknown[]) => ({
    name,
    kind,
    shape,
    sources: [{ name, rows: shape[0] }],
  });
  return parseProgram({
    format: "nomoat-program",
    version: 3,
    model: { architecture: "Scan", vocab_size: VOCAB, hidden_size: COLUMNS, num_hidden_layers: 1 },
    layers: {},
    context_length: 64,
    prefill_chunk: 8,
    page_size: 16,
    quantization: "f32",
    plan: {
      tensors: [rows("table", "embedding", ["vocab_size", "hidden_size"]), rows("decay", "norm", ["hidden_size"])],
      constants: [],
      buffers: [
        { name: "x", kind: "scratch", dtype: "float32", shape: ["n", "hidden_size"] },
        { name: "h", kind: "scratch", dtype: "float32", shape: ["n", "hidden_size"] },
        layer({
          name: "memory.{layer}",
          kind: "recurrent_state",
          dtype: "float32",
          shape: ["state_slots", "hidden_size"],
        }),
      ],
      functions: {
        prefill: [embed("prompt_ids"), layer(scan)],
        decode: [embed("state"), layer(scan), head],
      },
    },
    schemes: [{ bits: 32, dtype: "float32" }],
    tensor_schemes: { table: 0, decay: 0 },
    constants: [],
  });
}

/** Logits after the tokens. */
function reference(tokens: readonly number[]): number[] {
  const h = new Array<number>(COLUMNS).fill(0);
  for (const token of tokens) for (let i = 0; i < COLUMNS; i++) h[i] = decay[i]! * h[i]! + table[token * COLUMNS + i]!;
  return Array.from({ length: VOCAB }, (_, row) => h.reduce((sum, x, i) => sum + x * table[row * COLUMNS + i]!, 0));
}

async function load(): Promise<WebGpuExecutor> {
  const device = await openDevice(gpu);
  onTestFinished(() => device.destroy());
  return WebGpuExecutor.load(device, program(), {
    kernel: async () => "",
    derived: null,
    weights: async (sink) => {
      await sink("table.weight", 0, new Uint8Array(table.buffer));
      await sink("decay.weight", 0, new Uint8Array(decay.buffer));
    },
  });
}

/** Tokens from `position` on in chunks, the last one by decode; returns the logits. */
async function feed(executor: WebGpuExecutor, slot: number, tokens: readonly number[], position = 0, chunk = 3) {
  const last = tokens.length - 1;
  for (let at = 0; at < last; at += chunk) {
    const part = tokens.slice(at, Math.min(at + chunk, last));
    executor.write("prompt_ids", Int32Array.from(part));
    executor.write("state", Int32Array.of(0, position + at, 0, 0, slot));
    executor.run(["prefill"], part.length);
  }
  executor.write("state", Int32Array.of(tokens[last]!, position + last, 0, 0, slot));
  executor.run(["decode"]);
  return [...new Float32Array(await executor.read("logits"))];
}

describe.skipIf(noGpu)("recurrent states", () => {
  it("go on in their slots, alone and in turn, and where they were copied to", async () => {
    const executor = await load();
    expect(executor.stateSlots).toBeGreaterThanOrEqual(4);
    const [one, two] = [
      [1, 2, 3, 4, 5],
      [7, 0, 7],
    ];
    expect(await feed(executor, 2, one!)).toEqual(reference(one!));
    expect(await feed(executor, 0, two!)).toEqual(reference(two!));
    executor.copySlot(2, 3);
    expect(await feed(executor, 2, [6, 1], 5, 1)).toEqual(reference([...one!, 6, 1]));
    expect(await feed(executor, 0, [4], 3)).toEqual(reference([...two!, 4]));
    expect(await feed(executor, 3, [0, 2, 2], 5)).toEqual(reference([...one!, 0, 2, 2]));
    // A sequence that begins finds nothing of the one before.
    expect(await feed(executor, 2, two!)).toEqual(reference(two!));
  });
});
