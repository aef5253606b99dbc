/**
 * Where everything but weights and KV cache lies in the memory of a model on the CPU: the program's own buffers, and
 * what the kernels need between them.
 */
import type { CacheLayout, Program } from "../program";
import { bufferBytes } from "../program_rules";
import { CONTROL_BYTES } from "./barrier";
import type { Library } from "./library";
import { LIBRARY } from "./library.gen";
import { type Layout, roundUp } from "./memory";

const STACK_BYTES = LIBRARY.stack_bytes;
/** Of one thread in rope_append: a head of up to 1024 values. */
export const ROPE_SCRATCH_BYTES = 4096;
export const MAX_HEAD_DIM = 512;
const LANES = 16;

/** Values of a head in the cache and in q: head_dim rounded up to whole vectors. */
export function headWidth(headDim: number): number {
  return roundUp(headDim, LANES);
}

/** Bytes of one KV head in a page of one layer's K or V: scales, then values. */
export function headBytes(headDim: number): number {
  return LIBRARY.kv_page_tokens * (4 + headWidth(headDim));
}

/** Bytes of one head of q: scale and padding, then int16. */
export function queryBytes(headDim: number): number {
  return headWidth(headDim) * 2 + 16;
}

export class Regions {
  /** Stack of each thread: its first address; the stack pointer begins at its end. */
  readonly stacks: readonly number[];
  readonly stackBytes = STACK_BYTES;
  /** Int32 words of the thread pool. */
  readonly control: number;
  /** int32: the symbol n of prefill, and a 1. */
  readonly n: number;
  readonly one: number;
  /** Activation blocks of one token for each thread, coarse or fine, and of a chunk. */
  readonly ownBlocks: number;
  readonly ownBlocksStride: number;
  readonly blocks: number;
  /** A normed token for each thread. */
  readonly ownNormed: number;
  readonly ownNormedStride: number;
  readonly normed: number;
  /** Gate and up of a chunk, before SwiGLU. */
  readonly gate: number;
  readonly up: number;
  readonly ropeScratch: number;
  readonly attentionScratch: number;
  readonly attentionStride: number;
  readonly parts: number;
  /** What streaming reads add up to: 16 bytes a thread. */
  readonly bandwidthSums: number;
  /** Partial results of sampling, the penalized weights, and weights gathered from one bin. */
  readonly samplingParts: number;
  readonly samplingWeights: number;
  readonly gathered: number;

  private readonly buffers = new Map<string, number>();
  private readonly sizes = new Map<string, number>();
  private readonly queries = new Map<string, number>();
  private readonly tables = new Map<string, { readonly table: number; readonly dynamic: number }>();
  /** What is written once, before the first run. */
  readonly initial: { readonly address: number; readonly bytes: Uint8Array }[] = [];

  constructor(
    private readonly layout: Layout,
    private readonly program: Program,
    library: Library,
    threads: number,
  ) {
    const { prefill_chunk: chunk, context_length, page_size, head_dim, num_attention_heads: heads } = program;
    this.stacks = Array.from({ length: threads }, () => layout.region(STACK_BYTES));
    this.control = layout.region(CONTROL_BYTES);
    this.n = layout.region(4);
    this.one = layout.region(4);
    this.initial.push({ address: this.one, bytes: int32(1) });
    const columns = widestInput(program);
    const rows = widestSwiglu(program);
    const { head_bytes: fineHead, block_bytes: fineBlock } = LIBRARY.fine_activations;
    const blocks = Math.ceil(columns / 32);
    const tokenBytes = Math.max(blocks * library.activationBlockBytes, fineHead + blocks * fineBlock);
    this.ownBlocksStride = roundUp(tokenBytes, 64);
    this.ownBlocks = layout.region(this.ownBlocksStride * threads);
    this.blocks = layout.region(tokenBytes * chunk);
    this.ownNormedStride = roundUp(columns * 4, 64);
    this.ownNormed = layout.region(this.ownNormedStride * threads);
    this.normed = layout.region(columns * 4);
    this.gate = layout.region(rows * chunk * 4);
    this.up = layout.region(rows * chunk * 4);
    this.ropeScratch = layout.region(ROPE_SCRATCH_BYTES * threads);
    const { nbytes, dimension_bytes } = LIBRARY.attention_scratch;
    const scoreBytes = roundUp(context_length, page_size) * Math.max(...LIBRARY.heads_at_once) * 4;
    this.attentionStride = roundUp(nbytes + dimension_bytes * headWidth(head_dim) + scoreBytes, 64);
    this.attentionScratch = layout.region(this.attentionStride * threads);
    const partBytes = headWidth(head_dim) * 4 + LIBRARY.attention_part_header_bytes;
    this.parts = layout.region(heads * partBytes * LIBRARY.attention_parts);
    this.bandwidthSums = layout.region(16 * threads);
    this.samplingParts = layout.region(LIBRARY.sampling_part_bytes * LIBRARY.sampling_slices);
    this.samplingWeights = layout.region(program.vocab_size * 4);
    this.gathered = layout.region(program.vocab_size * 4);
    for (const buffer of program.buffers.values()) {
      if (buffer.kind === "kv_cache") continue;
      const nbytes = bufferBytes(buffer, program);
      this.buffers.set(buffer.name, layout.region(nbytes));
      this.sizes.set(buffer.name, nbytes);
    }
    for (const { name, data } of program.constants.values()) {
      const address = layout.region(data.byteLength);
      this.buffers.set(name, address);
      this.initial.push({ address, bytes: data });
    }
  }

  /** The address of a buffer or constant of the program. */
  buffer(name: string): number | undefined {
    return this.buffers.get(name);
  }

  bufferSize(name: string): number | undefined {
    return this.sizes.get(name);
  }

  /** The int16 queries that stand for the program's buffer `name`: (prefill_chunk, heads). */
  query(name: string, { heads, head_dim }: CacheLayout): number {
    let address = this.queries.get(name);
    if (address === undefined) {
      address = this.layout.region(heads * queryBytes(head_dim) * this.program.prefill_chunk);
      this.queries.set(name, address);
    }
    return address;
  }

  /** The table of cosines and sines for one set of frequencies; `made` tells whether it is new. */
  ropeTable(key: string, headDim: number, dynamic: Uint8Array) {
    let entry = this.tables.get(key);
    if (!entry) {
      entry = {
        table: this.layout.region(headDim * 4 * this.program.prefill_chunk),
        dynamic: this.layout.region(dynamic.byteLength),
      };
      this.tables.set(key, entry);
      this.initial.push({ address: entry.dynamic, bytes: dynamic });
    }
    return entry;
  }
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}

function widestInput(program: Program): number {
  let widest = 4;
  for (const { definition } of program.operators.values())
    if (definition.op === "linear") widest = Math.max(widest, definition.columns);
  return widest;
}

function widestSwiglu(program: Program): number {
  let widest = 4;
  for (const { definition } of program.operators.values())
    if (definition.op === "linear" && definition.swiglu) widest = Math.max(widest, definition.rows / 2);
  return widest;
}
