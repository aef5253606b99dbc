/**
 * Where the pages of the KV cache lie: in slabs at the end of the memory, so that the cache grows with use. What comes
 * and goes beside it, adapters, takes whole slabs too.
 *
 * In a slab, the pages of one head of one layer's K or V follow each other. Attention reads them in this order, and a
 * processor fetches ahead what is read in order. The kernels find a page by its place, which a block table holds: in
 * units of the bytes of a head, so that layers whose heads differ in size have a table each.
 *
 * NOTE shapes were checked (definition_rules.ts): a cache that a step uses is (kv_pages, kv_heads, page_size, head_dim).
 */
import { LlmError } from "../../internal/errors";
import { roundUp } from "../../internal/round_up";
import { evaluate } from "../expression";
import type { BufferSpec, Program } from "../program";
import { LIBRARY } from "./library.gen";
import { WASM_PAGE } from "./memory";

/** The least that one head of a slab should be: the first reads of a stream come too late to be fetched ahead. */
const STREAM_BYTES = 32 << 10;
const LANES = 16;
const MOST_SLAB_BYTES = 2 ** 31;

/** Keys or values of one layer. */
export interface Cache {
  /** Bytes from the start of a slab to its pages. */
  readonly offset: number;
  readonly heads: number;
  /** Bytes of a page of one head. */
  readonly headBytes: number;
  /** Bytes between its heads in a slab. */
  readonly headStride: number;
  /** The number of the block table that holds its pages' places. */
  readonly table: number;
}

/** Bytes of one KV head in a page of one layer's K or V: scales, then values (operators/cpu/kv_layout.py). */
function headBytes(headDim: number, exact: boolean): number {
  return LIBRARY.kv_page_tokens * (4 + roundUp(headDim, LANES) * (exact ? 2 : 1));
}

export class KvPool {
  /** Pages of a slab, a power of 2. */
  readonly slabPages: number;
  readonly slabBytes: number;
  /** Bytes of a head of the layers that share a block table, by table. */
  readonly tables: readonly number[];
  private readonly caches = new Map<string, Cache>();
  /** Which slab of the memory holds each slab of pages. */
  private readonly slabs: number[] = [];
  /** Slabs that were given back, and how many the memory has had. */
  private free: number[] = [];
  private end = 0;

  /** `exact`: the caches that hold float16. Errors: unsupported_device where there are too many sizes of heads. */
  constructor(program: Program, exact: ReadonlySet<string>) {
    const caches = [...program.buffers.values()].filter(({ kind }) => kind === "kv_cache");
    const shapes = caches.map((cache) => headsOf(cache, exact.has(cache.name)));
    this.tables = [...new Set(shapes.map((shape) => shape.headBytes))];
    const smallest = Math.min(STREAM_BYTES, ...this.tables);
    this.slabPages = 2 ** Math.ceil(Math.log2(STREAM_BYTES / smallest));
    let offset = 0;
    for (const { name, heads, headBytes } of shapes) {
      const headStride = this.slabPages * headBytes;
      this.caches.set(name, { offset, heads, headBytes, headStride, table: this.tables.indexOf(headBytes) });
      offset += heads * headStride;
    }
    // A slab is whole numbers of every size, so that a place can tell where it begins.
    const unit = this.tables.reduce(leastCommonMultiple, 1);
    this.slabBytes = roundUp(offset, unit) || WASM_PAGE;
    if (this.slabBytes > MOST_SLAB_BYTES)
      throw new LlmError(
        "unsupported_device",
        `The CPU cannot run this model: its layers have heads of ${this.tables.length} sizes. Use a GPU.`,
      );
  }

  cache(name: string): Cache {
    const cache = this.caches.get(name);
    if (!cache) throw new LlmError("internal", `There is no cache ${name}.`);
    return cache;
  }

  /** Bytes of a page of everything. */
  get pageBytes(): number {
    return this.nbytes(1) / this.slabPages;
  }

  /** Bytes of the slabs that hold `pages` pages. */
  nbytes(pages: number): number {
    return this.caches.size === 0 ? 0 : Math.ceil(pages / this.slabPages) * this.slabBytes;
  }

  /** Pages of as many slabs as fit into `nbytes` bytes. */
  capacity(nbytes: number): number {
    return this.caches.size === 0 ? Number.POSITIVE_INFINITY : Math.floor(nbytes / this.slabBytes) * this.slabPages;
  }

  /** Makes room for `pages` pages. `grow` makes the memory hold so many bytes of slabs, or throws. */
  extend(pages: number, grow: (nbytes: number) => void): void {
    const missing = Math.ceil(this.nbytes(pages) / this.slabBytes) - this.slabs.length;
    if (missing <= 0) return;
    grow((this.end + Math.max(0, missing - this.free.length)) * this.slabBytes);
    for (let i = 0; i < missing; i++) this.slabs.push(this.free.shift() ?? this.end++);
  }

  /** Takes slabs that follow each other: the bytes from the first slab to them. `grow`: as of `extend`. */
  take(nbytes: number, grow: (nbytes: number) => void): number {
    const run = Array.from({ length: Math.ceil(nbytes / this.slabBytes) }, (_, i) => i);
    let first = this.free.find((slab) => run.every((i) => this.free.includes(slab + i)));
    if (first === undefined) {
      first = this.end;
      grow((first + run.length) * this.slabBytes);
      this.end += run.length;
    }
    const end = first + run.length;
    this.free = this.free.filter((slab) => slab < first || slab >= end);
    return first * this.slabBytes;
  }

  /** Gives back what `take` gave. */
  give(offset: number, nbytes: number): void {
    const first = offset / this.slabBytes;
    for (let i = 0; i < Math.ceil(nbytes / this.slabBytes); i++) this.free.push(first + i);
    this.free.sort((left, right) => left - right);
  }

  /** Where a page of a head is from the first page of that head, in bytes of a head of `table`. */
  place(page: number, table: number): number {
    const slab = this.slabs[Math.floor(page / this.slabPages)]!;
    return (slab * this.slabBytes) / this.tables[table]! + (page % this.slabPages);
  }

  /** Copies what page `from` holds to page `to`. The first slab begins at `base`. */
  copy(memory: WebAssembly.Memory, base: number, from: number, to: number): void {
    const bytes = new Uint8Array(memory.buffer);
    for (const { offset, heads, headBytes, headStride, table } of this.caches.values()) {
      for (let head = 0; head < heads; head++) {
        const start = base + offset + head * headStride;
        const source = start + this.place(from, table) * headBytes;
        bytes.copyWithin(start + this.place(to, table) * headBytes, source, source + headBytes);
      }
    }
  }
}

function headsOf({ name, shape }: BufferSpec, exact: boolean) {
  const [heads, , headDim] = shape.slice(1).map((size) => evaluate(size, {}));
  return { name, heads: heads ?? 1, headBytes: headBytes(headDim ?? 1, exact) };
}

function leastCommonMultiple(a: number, b: number): number {
  let [x, y] = [a, b];
  while (y !== 0) [x, y] = [y, x % y];
  // Beyond the limit it is refused; before that, what it is times another must stay exact.
  return Math.min((a / x) * b, 2 * MOST_SLAB_BYTES);
}
