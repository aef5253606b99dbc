/**
 * Where the pages of the KV cache lie: in slabs at the end of the memory, so that the cache grows with use.
 *
 * In a slab, the pages of one head of one layer's K or V follow each other. Attention reads them in this order, and a
 * processor fetches ahead what is read in order. The kernels find a page by its place, which the block table holds.
 */
import type { Program } from "../program";
import { headBytes } from "./regions";

/** The least that one head of a slab should be: the first reads of a stream come too late to be fetched ahead. */
const STREAM_BYTES = 32 << 10;

export class KvPool {
  /** Bytes of a page of one head of one layer's K or V. */
  readonly headBytes: number;
  /** Pages of a slab, a power of 2. */
  readonly slabPages: number;
  /** Bytes between the heads of one layer's K or V in a slab. */
  readonly headStride: number;
  /** Bytes of a page of everything. */
  readonly pageBytes: number;
  private readonly heads: number;
  private readonly numbers = new Map<string, number>();

  /** The first slab begins at `base`. */
  constructor(
    program: Program,
    readonly base: number,
  ) {
    for (const { name, kind } of program.buffers.values()) {
      if (kind === "kv_cache") this.numbers.set(name, this.numbers.size);
    }
    this.heads = program.num_key_value_heads;
    this.headBytes = headBytes(program.head_dim);
    this.slabPages = 2 ** Math.ceil(Math.log2(Math.max(1, STREAM_BYTES / this.headBytes)));
    this.headStride = this.slabPages * this.headBytes;
    this.pageBytes = this.numbers.size * this.heads * this.headBytes;
  }

  /** Bytes from the start of a slab to the pages of a kv_cache buffer. */
  offset(name: string): number {
    return this.numbers.get(name)! * this.heads * this.headStride;
  }

  /** Bytes of the slabs that hold `pages` pages. */
  nbytes(pages: number): number {
    return Math.ceil(pages / this.slabPages) * this.slabPages * this.pageBytes;
  }

  /** Pages of as many slabs as fit into `nbytes` bytes. */
  capacity(nbytes: number): number {
    return Math.floor(nbytes / (this.slabPages * this.pageBytes)) * this.slabPages;
  }

  /** Where the first head of a page is from the first buffer's start, in units of `headBytes`. */
  place(page: number): number {
    const slab = Math.floor(page / this.slabPages);
    return slab * this.slabPages * this.numbers.size * this.heads + (page % this.slabPages);
  }

  /** Copies what page `from` holds to page `to`. */
  copy(memory: WebAssembly.Memory, from: number, to: number): void {
    const bytes = new Uint8Array(memory.buffer);
    for (let head = 0; head < this.numbers.size * this.heads; head++) {
      const start = this.base + head * this.headStride;
      const source = start + this.place(from) * this.headBytes;
      bytes.copyWithin(start + this.place(to) * this.headBytes, source, source + this.headBytes);
    }
  }
}
