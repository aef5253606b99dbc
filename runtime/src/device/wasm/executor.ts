/**
 * The CPU device: the steps of a program as kernels of the library, on one linear memory and a pool of threads.
 *
 * Owns the memory, the threads and what they compute until `destroy`. `run` returns when the work is done. Weights are
 * read once at load; the KV cache is at the end of the memory and grows with use.
 */
import { LlmError } from "../../internal/errors";
import type { DerivedFiles } from "../../internal/files";
import { roundUp } from "../../internal/round_up";
import { MOST_ADAPTER_BYTES } from "../adapter_limit";
import { isOfPrompt } from "../definition";
import type { Copy, Executor, OpenOptions, Pacing, ReadbackPool, Staging, WeightStream } from "../executor";
import type { Program } from "../program";
import { bufferBytes, pagesPerSequence } from "../program_rules";
import type { AdapterLayout } from "./adapter_layout";
import { bandwidthPlan, measureBandwidth } from "./bandwidth";
import { KvPool } from "./kv_pool";
import { type Library, loadLibrary } from "./library";
import { lower } from "./lower";
import { createMemory, growMemory, Layout, tooLarge, WASM_PAGE } from "./memory";
import { exactCaches, givenArguments, type PlannedFunctions, planSteps } from "./planned_step";
import { canHaveHelpers, Pool } from "./pool";
import { Regions } from "./regions";
import { ThreadChoice } from "./thread_choice";
import { type Kernels, PIECE_BYTES, WeightImage } from "./weights";

export interface WasmSources {
  readonly weights: WeightStream;
  /** Where the repacked weights may be kept; null where nothing can be kept. */
  readonly cache: DerivedFiles | null;
}

/** The library's own stack and data end below. */
export const FIRST_ADDRESS = 2 * WASM_PAGE;
const MEMORY_LIMIT = 2 ** 32;
/** Kernels reach a page by a signed offset from page 0. */
const MAX_KV_BYTES = 2 ** 31 - WASM_PAGE;
/** Short enough that an abort takes effect soon: nothing else waits for this thread. */
const PACING: Pacing = { synchronous: true, decodeTargetMs: 33, prefillTargetMs: 200, firstPrefill: 64 };

const STATE_BYTES = 256 * 2 ** 20;
const FEWEST_SLOTS = 2;
const MOST_SLOTS = 32;

const WARM_UP_TOKENS = 8;
const WARM_UP_STEPS = 12;
/** A large model measures the rest of its threads with its first tokens. */
const WARM_UP_MS = 100;

/**
 * Loads a program. On failure nothing stays open.
 * Errors: unsupported_device, out_of_memory, integrity, invalid_package, aborted, and what the sources throw.
 */
export async function openWasmExecutor(
  program: Program,
  sources: WasmSources,
  options: OpenOptions = {},
): Promise<Executor> {
  const shared = canHaveHelpers() && options.threads !== 1;
  const library = await loadLibrary(shared);
  options.signal?.throwIfAborted();
  const size = library.threads ? threadCount(options.threads) : 1;
  if (options.threads !== undefined && options.threads > size) {
    throw new LlmError(
      "unsupported_device",
      `${options.threads} threads were asked for, and this page can have ${size}: ${
        library.threads ? "there are no more processors" : "it is not cross-origin isolated"
      }.`,
    );
  }
  const functions = planSteps(program, library.relaxed);
  const image = new WeightImage(program, functions);
  const kv = new KvPool(program, exactCaches(functions));
  const stateSlots = slotsOf(program);
  const layout = new Layout(FIRST_ADDRESS);
  const sizes = { threads: size, stateSlots, blockTables: kv.tables.length };
  const regions = new Regions(layout, program, functions, sizes);
  const weightBase = layout.end;
  const kvBase = roundUp(weightBase + image.nbytes, WASM_PAGE);
  const plan = {
    ...lower(functions, { regions, image, weightBase, kv, kvBase }),
    ...bandwidthPlan(weightBase, image.nbytes, regions.bandwidthSums),
  };

  const firstPages = options.firstPages ?? 16;
  const room = Math.min(MEMORY_LIMIT - kvBase, MAX_KV_BYTES);
  const maxPages = Math.min(2 * pagesPerSequence(program), kv.capacity(room));
  if (maxPages < 1) throw tooLarge(kvBase + kv.nbytes(1));
  const startPages = Math.min(firstPages, maxPages);
  const startBytes = kvBase + Math.max(PIECE_BYTES, kv.nbytes(startPages));
  const most = Math.min(room, Math.max(PIECE_BYTES, kv.nbytes(maxPages) + MOST_ADAPTER_BYTES));
  const memory = createMemory(startBytes, kvBase + most, library.threads);
  kv.extend(startPages, () => undefined);
  for (const { address, bytes } of regions.initial) new Uint8Array(memory.buffer, address, bytes.length).set(bytes);

  const pool = await Pool.create({
    module: library.module,
    memory,
    plan,
    stacks: regions.stacks,
    stackBytes: regions.stackBytes,
    control: regions.control,
    size,
  });
  try {
    // Repacking uses the room of the KV cache, which is empty yet.
    await image.fill(memory, weightBase, kvBase, pool.exports as Kernels, sources, options);
    options.signal?.throwIfAborted();
    const fixed = options.threads;
    const choice = new ThreadChoice({ max: pool.size, ...(fixed === undefined ? {} : { fixed }) });
    const executor = new WasmExecutor(program, library, memory, pool, choice, regions, {
      kv,
      kvBase,
      most,
      pages: startPages,
      maxPages,
      stateSlots,
      image,
      weightBase,
      weightBytesPerToken: decodeBytes(functions, image),
    });
    executor.warmUp();
    return executor;
  } catch (thrown) {
    pool.destroy();
    throw thrown;
  }
}

/** What lies behind the regions, and how much of what there may be. */
interface Contents {
  readonly kv: KvPool;
  readonly kvBase: number;
  /** Bytes that may lie behind kvBase. */
  readonly most: number;
  /** Pages that the cache starts with. */
  readonly pages: number;
  readonly maxPages: number;
  readonly stateSlots: number;
  readonly image: WeightImage;
  readonly weightBase: number;
  readonly weightBytesPerToken: number;
}

/** What `addAdapters` put on the device. */
interface Adapters {
  readonly slot: number;
  /** Of its functions in the pool, by the program's. */
  readonly names: ReadonlyMap<string, string>;
  /** Bytes from kvBase to its slabs, and bytes of them. */
  readonly offset: number;
  readonly nbytes: number;
}

class WasmStaging implements Staging {
  readonly bytes: Uint8Array<ArrayBuffer>;
  constructor(readonly nbytes: number) {
    this.bytes = new Uint8Array(nbytes);
  }
}

class WasmExecutor implements Executor {
  readonly kind = "wasm";
  readonly software = false;
  readonly doubts = null;
  readonly pacing = PACING;
  readonly weightBytesPerToken: number;
  readonly maxPages: number;
  readonly stateSlots: number;
  private readonly adapters = new Map<string, Adapters>();
  private readonly layouts = new WeakMap<Program, AdapterLayout>();
  private pages: number;
  private lastThreads: number;

  constructor(
    readonly program: Program,
    private readonly library: Library,
    private readonly memory: WebAssembly.Memory,
    private readonly pool: Pool,
    private readonly choice: ThreadChoice,
    private readonly regions: Regions,
    private readonly contents: Contents,
  ) {
    this.weightBytesPerToken = contents.weightBytesPerToken;
    this.maxPages = contents.maxPages;
    this.stateSlots = contents.stateSlots;
    this.pages = contents.pages;
    this.lastThreads = choice.next();
  }

  get adapter(): string {
    const { relaxed, threads } = this.library;
    const simd = relaxed ? "relaxed SIMD" : "SIMD";
    return threads ? `wasm, ${simd}` : `wasm, ${simd}, no threads`;
  }

  get threads(): number {
    return this.lastThreads;
  }

  get failure(): LlmError | null {
    return this.pool.failure;
  }

  get failed(): Promise<LlmError> {
    return this.pool.failed;
  }

  get kvPages(): number {
    return this.pages;
  }

  async growKv(pages: number): Promise<void> {
    const wanted = Math.min(pages, this.maxPages);
    if (wanted <= this.pages) return;
    this.contents.kv.extend(wanted, this.grow);
    this.pages = wanted;
  }

  copyPage(from: number, to: number): void {
    const { kv, kvBase } = this.contents;
    kv.copy(this.memory, kvBase, from, to);
  }

  copySlot(from: number, to: number): void {
    const bytes = new Uint8Array(this.memory.buffer);
    for (const { name, kind } of this.program.buffers.values()) {
      if (kind !== "recurrent_state") continue;
      const address = this.regions.buffer(name)!;
      const size = this.regions.bufferSize(name)! / this.stateSlots;
      bytes.copyWithin(address + to * size, address + from * size, address + (from + 1) * size);
    }
  }

  write(name: string, data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, offsetBytes = 0): void {
    const size = this.regions.bufferSize(name);
    if (size === undefined || offsetBytes + data.byteLength > size)
      throw new LlmError("internal", `${data.byteLength} bytes at ${offsetBytes} do not fit into the buffer ${name}.`);
    if (name !== "block_table") {
      this.put(this.regions.buffer(name)! + offsetBytes, data);
      return;
    }
    // The kernels find a page by its place.
    const { kv } = this.contents;
    for (let table = 0; table < kv.tables.length; table++) {
      const places = data.map((page) => kv.place(page, table));
      this.put(this.regions.blockTable(table) + offsetBytes, places);
    }
  }

  run(calls: readonly string[], n = 1, copies: readonly Copy[] = [], key = ""): void {
    if (this.failure) throw this.failure;
    new Int32Array(this.memory.buffer, this.regions.n, 1)[0] = n;
    const threads = this.choice.next();
    const startedMs = performance.now();
    const adapters = this.adapters.get(key);
    if (key !== "" && !adapters) throw new LlmError("internal", `There are no adapters ${key}.`);
    this.pool.run(adapters ? calls.map((name) => adapters.names.get(name) ?? name) : calls, threads);
    const ms = performance.now() - startedMs;
    this.lastThreads = threads;
    const steps = calls.filter((name) => name === "decode").length;
    if (steps > 0) this.choice.record(threads, ms / steps, this.decodeWork() + (adapters?.nbytes ?? 0));
    for (const { from, to, toOffset, bytes } of copies) {
      const source = new Uint8Array(this.memory.buffer, this.regions.buffer(from)!, bytes);
      (to as WasmStaging).bytes.set(source, toOffset);
    }
  }

  async addAdapters(key: string, program: Program, arrays: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const { AdapterLayout, UNIT } = await import("./adapter_layout");
    if (this.failure) throw this.failure;
    const { kv, kvBase, weightBase } = this.contents;
    const layout =
      this.layouts.get(program) ??
      new AdapterLayout(program, this.library.relaxed, { ...this.contents, regions: this.regions });
    this.layouts.set(program, layout);
    // A slab may begin anywhere in a unit.
    const nbytes = layout.nbytes + UNIT;
    const offset = kv.take(nbytes, this.grow);
    try {
      const place = roundUp(offset, UNIT);
      for (const { address, bytes } of layout.initial) this.put(address + place, bytes as Uint8Array<ArrayBuffer>);
      const largest = Math.max(...[...arrays.values()].map((array) => array.length));
      const staging = kv.take(largest, this.grow);
      try {
        const kernels = this.pool.exports as Kernels;
        await layout.image.put(this.memory, weightBase + place, kvBase + staging, kernels, arrays);
      } finally {
        kv.give(staging, largest);
      }
      const used = new Set([...this.adapters.values()].map(({ slot }) => slot));
      let slot = 0;
      while (used.has(slot)) slot++;
      const plan = layout.planAt(place);
      const names = new Map(Object.keys(plan).map((name) => [name, `${name}@${slot}`]));
      this.pool.load(
        Object.fromEntries(Object.entries(plan).map(([name, steps]) => [names.get(name)!, steps])),
        (textBytes, use) => {
          const text = kv.take(textBytes, this.grow);
          use(kvBase + text);
          kv.give(text, textBytes);
        },
      );
      this.adapters.set(key, { slot, names, offset, nbytes });
    } catch (thrown) {
      kv.give(offset, nbytes);
      throw thrown;
    }
  }

  removeAdapters(key: string): void {
    const adapters = this.adapters.get(key);
    if (!adapters) return;
    this.adapters.delete(key);
    this.contents.kv.give(adapters.offset, adapters.nbytes);
  }

  /** Makes the memory hold `nbytes` bytes of slabs. Errors: out_of_memory. */
  private readonly grow = (nbytes: number): void => {
    const { kvBase, most } = this.contents;
    if (nbytes > most)
      throw new LlmError("out_of_memory", `Context and adapters need ${nbytes} bytes on the CPU, and ${most} can be.`, {
        requested: nbytes,
        limit: most,
      });
    growMemory(this.memory, kvBase + nbytes);
  };

  /**
   * Runs the model on nothing for a moment: the browser compiles what runs, and the first counts of threads are
   * measured. What it leaves in the first page of the cache is overwritten before it is read.
   */
  warmUp(): void {
    const startedMs = performance.now();
    const { functions, prefill_chunk } = this.program;
    this.run([...functions.keys()].filter(isOfPrompt), Math.min(WARM_UP_TOKENS, prefill_chunk));
    if (!functions.has("decode")) return;
    for (let i = 0; i < WARM_UP_STEPS && performance.now() - startedMs < WARM_UP_MS; i++) this.run(["decode"]);
  }

  async finished(): Promise<void> {
    if (this.failure) throw this.failure;
  }

  async read(name: string): Promise<ArrayBuffer> {
    const address = this.regions.buffer(name);
    const size = this.regions.bufferSize(name);
    if (address === undefined || size === undefined) throw new LlmError("internal", `There is no buffer ${name}.`);
    return new Uint8Array(this.memory.buffer, address, size).slice().buffer;
  }

  readbacks(bytes: number): ReadbackPool {
    const free: WasmStaging[] = [];
    return {
      take: async () => free.pop() ?? new WasmStaging(bytes),
      give: (staging) => void free.push(staging as WasmStaging),
      read: async (staging) => {
        if (this.failure) throw this.failure;
        free.push(staging as WasmStaging);
        return (staging as WasmStaging).bytes.slice().buffer;
      },
      destroy: () => void free.splice(0),
    };
  }

  async measureBandwidth(signal?: AbortSignal): Promise<number> {
    return measureBandwidth(this.pool, this.contents.image.nbytes, this.choice.next(), signal);
  }

  destroy(): void {
    this.pool.destroy();
  }

  /** Bytes that a token at the current position reads: how long it should take, in proportion. */
  private decodeWork(): number {
    const position = new Int32Array(this.memory.buffer, this.regions.buffer("state")!, 2)[1]!;
    return this.weightBytesPerToken + (position * this.contents.kv.pageBytes) / this.program.page_size;
  }

  private put(address: number, { buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): void {
    new Uint8Array(this.memory.buffer, address, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
  }
}

/** Bytes of the image that one `decode` reads: every matrix it multiplies with, and one row of each that it looks up. */
function decodeBytes(functions: PlannedFunctions, image: WeightImage): number {
  const whole = new Set<string>();
  let rows = 0;
  for (const step of functions.get("decode") ?? functions.get("encode") ?? []) {
    const given = givenArguments(step);
    const looksUp = given.some(({ role }) => role === "token_ids");
    for (const { name, role } of given) {
      if (role !== "matrix") continue;
      const array = step.arguments.get(name)!;
      if (looksUp) rows += image.matrix(array).blockRowBytes / 4;
      else whole.add(array);
    }
  }
  return [...whole].reduce((total, name) => total + image.matrixBytes(name), rows);
}

/** As many sequences as their memory allows, within limits; 0 for a program that remembers none. */
function slotsOf(program: Program): number {
  const buffers = [...program.buffers.values()].filter(({ kind }) => kind === "recurrent_state");
  if (buffers.length === 0) return 0;
  const nbytes = buffers.reduce((total, buffer) => total + bufferBytes(buffer, program), 0);
  return Math.max(FEWEST_SLOTS, Math.min(MOST_SLOTS, Math.floor(STATE_BYTES / nbytes)));
}

/** More threads than processors only disturb each other; more than a few do not read memory any faster. */
function threadCount(asked: number | undefined): number {
  const processors = globalThis.navigator?.hardwareConcurrency ?? 1;
  return Math.max(1, Math.min(processors, asked ?? MOST_THREADS));
}

const MOST_THREADS = 8;
