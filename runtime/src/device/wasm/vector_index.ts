/**
 * Products of one vector with many, on the CPU:  y[r] = sum_k W[r, k] x[k]
 *
 * W (rows, columns) float16, row after row; x (columns) float32; y (rows) float32, summed in float32 by the kernel of
 * matrices (operators/linear/cpu_float_matmul.py), which takes four rows at a time. Owns its memory and its threads until
 * `destroy`. W is at the end of the memory, which grows with it.
 */
import { LlmError } from "../../internal/errors";
import { roundUp } from "../../internal/round_up";
import type { VectorIndex, VectorIndexOptions } from "../vectors";
import { CONTROL_BYTES } from "./barrier";
import { FIRST_ADDRESS } from "./executor";
import { loadLibrary } from "./library";
import { LIBRARY } from "./library.gen";
import { createMemory, growMemory, Layout } from "./memory";
import { canHaveHelpers, Pool } from "./pool";

/** Rows that the kernel takes at a time. */
const BLOCK = 4;
const MOST_THREADS = 4;
/** From so many bytes of W on helpers are worth their start. */
const BYTES_FOR_HELPERS = 16 * 2 ** 20;
const GROWTH = 1.5;
const FIRST_ROWS = 256;
/** Of the plan of a search, as the helpers take it. */
const PLAN_BYTES = 1024;

export async function openWasmVectorIndex(options: VectorIndexOptions): Promise<VectorIndex> {
  const shared = options.makeHelper !== undefined || canHaveHelpers();
  const library = await loadLibrary(shared);
  return new WasmVectorIndex(library.module, library.threads, options);
}

class WasmVectorIndex implements VectorIndex {
  private readonly columns: number;
  private readonly stacks: readonly number[];
  private readonly control: number;
  private readonly n: number;
  private readonly x: number;
  private readonly y: number;
  private readonly planText: number;
  private readonly w: number;
  private readonly memory: WebAssembly.Memory;
  private capacity = 0;
  private pool: Pool | null = null;
  /** Blocks of rows that the pool's plan multiplies. */
  private planned = 0;
  /** Helpers did not start once: then it is not tried again. */
  private alone = false;

  constructor(
    private readonly module: WebAssembly.Module,
    private readonly shared: boolean,
    private readonly options: VectorIndexOptions,
  ) {
    const { dimensions, mostRows } = options;
    this.columns = roundUp(dimensions, BLOCK);
    const layout = new Layout(FIRST_ADDRESS);
    this.stacks = Array.from({ length: shared ? MOST_THREADS : 1 }, () => layout.region(LIBRARY.stack_bytes));
    this.control = layout.region(CONTROL_BYTES);
    this.n = layout.region(4);
    this.x = layout.region(4 * this.columns);
    this.y = layout.region(4 * roundUp(mostRows, BLOCK));
    this.planText = layout.region(PLAN_BYTES);
    this.w = layout.end;
    this.memory = createMemory(this.w + this.bytesOf(FIRST_ROWS), this.w + this.bytesOf(mostRows), shared);
    new Int32Array(this.memory.buffer, this.n, 1)[0] = 1;
  }

  reserve(rows: number): void {
    if (rows <= this.capacity) return;
    if (rows > this.options.mostRows) throw new LlmError("internal", `An index of ${rows} rows was asked for.`);
    const wanted = Math.min(this.options.mostRows, Math.max(FIRST_ROWS, rows, Math.ceil(this.capacity * GROWTH)));
    growMemory(this.memory, this.w + this.bytesOf(wanted));
    this.capacity = wanted;
  }

  write(row: number, numbers: Uint16Array): void {
    this.row(row).set(numbers);
  }

  move(from: number, to: number): void {
    if (from !== to) this.row(to).set(this.row(from));
    this.row(from).fill(0);
  }

  async products(vector: Float32Array, rows: number): Promise<Float32Array> {
    const blocks = Math.ceil(rows / BLOCK);
    if (blocks === 0) return new Float32Array(0);
    const pool = await this.ready(this.bytesOf(rows));
    new Float32Array(this.memory.buffer, this.x, this.columns).set(vector);
    if (blocks !== this.planned) {
      const { x, w, y, n, columns } = this;
      const call = ["matmul_float16", x, w, y, n, 0, columns, blocks] as const;
      pool.load({ products: [[call]] }, (nbytes, use) => {
        if (nbytes > PLAN_BYTES) throw new LlmError("internal", `The plan of a search has ${nbytes} bytes.`);
        use(this.planText);
      });
      this.planned = blocks;
    }
    try {
      pool.run(["products"], pool.size);
    } catch (thrown) {
      this.endPool();
      throw thrown;
    }
    return new Float32Array(this.memory.buffer, this.y, rows);
  }

  destroy(): void {
    new Uint8Array(this.memory.buffer, this.w).fill(0);
    this.endPool();
  }

  /** Helpers come with the first search that is large enough; where they do not start, this thread is alone. */
  private async ready(nbytes: number): Promise<Pool> {
    const cores = globalThis.navigator?.hardwareConcurrency ?? 1;
    const wanted = this.options.threads ?? (nbytes < BYTES_FOR_HELPERS ? 1 : Math.min(MOST_THREADS, cores));
    const size = this.shared && !this.alone ? Math.min(this.stacks.length, wanted) : 1;
    if (this.pool && this.pool.size >= size) return this.pool;
    this.endPool();
    try {
      this.pool = await this.start(size);
    } catch (thrown) {
      if (size === 1 || !(thrown instanceof LlmError) || thrown.code !== "unsupported_device") throw thrown;
      this.alone = true;
      this.pool = await this.start(1);
    }
    return this.pool;
  }

  private start(size: number): Promise<Pool> {
    const { module, memory, stacks, control } = this;
    new Uint8Array(memory.buffer, control, CONTROL_BYTES).fill(0);
    const { makeHelper } = this.options;
    return Pool.create({
      module,
      memory,
      plan: {},
      stacks,
      stackBytes: LIBRARY.stack_bytes,
      control,
      size,
      ...(makeHelper ? { makeHelper } : {}),
    });
  }

  private endPool(): void {
    this.pool?.destroy();
    this.pool = null;
    this.planned = 0;
  }

  private row(row: number): Uint16Array {
    if (row >= this.capacity) throw new LlmError("internal", `The index has no row ${row}.`);
    return new Uint16Array(this.memory.buffer, this.w + 2 * this.columns * row, this.columns);
  }

  private bytesOf(rows: number): number {
    return 2 * this.columns * roundUp(rows, BLOCK);
  }
}
