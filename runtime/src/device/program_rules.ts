/**
 * What the arrays of a program must be, whatever its steps compute: names that differ, buffers that grow by their first
 * dimension only, sizes that are bounded for every value of their symbols.
 */
import { evaluate, uses } from "./expression";
import { fail } from "./invalid_package";
import { type BufferKind, type BufferSpec, ITEM_BYTES, type Program } from "./program";

const MAX_BUFFER_BYTES = 2 ** 40;
/** Size of the ring of sampled token ids. */
export const TOKEN_RING = 64;
/** The symbol that is the first dimension of buffers of a kind, and of nothing else. */
const GROWS: Partial<Record<BufferKind, string>> = { kv_cache: "kv_pages", recurrent_state: "state_slots" };

/** Pages that one sequence of context_length tokens fills. */
export function pagesPerSequence(program: Pick<Program, "context_length" | "page_size">): number {
  return Math.ceil(program.context_length / program.page_size);
}

/** Pages that a pool may ever have: two full sequences. */
export function mostPages(program: Pick<Program, "context_length" | "page_size">): number {
  return 2 * pagesPerSequence(program);
}

/** Whether a buffer has a page for each kv_pages or a slot for each state_slots. */
export function grows(buffer: BufferSpec): boolean {
  return GROWS[buffer.kind] !== undefined;
}

/** Errors: invalid_package. */
export function checkRules(program: Program): void {
  const names = [...program.buffers.keys(), ...program.constants.keys(), ...program.parameters.keys()];
  const others = [...program.buffers.keys(), ...program.constants.keys(), ...program.tensors.keys()];
  for (const list of [names, others]) {
    const seen = new Set<string>();
    for (const name of list) {
      if (seen.has(name)) fail(`the name ${name} is given twice`);
      seen.add(name);
    }
  }
  for (const buffer of program.buffers.values()) checkBuffer(buffer, program);
  if (program.functions.has("encode")) {
    const { kind, dtype } = program.buffers.get("embedding") ?? {};
    if (kind !== "output" || dtype !== "float32") fail("encode needs the buffer embedding, float32 of kind output");
    // A text is one call.
    if (program.context_length > program.prefill_chunk) fail("encode needs a context_length of at most prefill_chunk");
  }
  if (![...program.buffers.values()].some(grows)) fail("there is no buffer of kind kv_cache or recurrent_state");
}

/** Bytes of a buffer for the largest n; of kv_cache, of one page of it; of recurrent_state, of one slot. */
export function bufferBytes(buffer: BufferSpec, program: Pick<Program, "prefill_chunk">): number {
  const symbols = { n: program.prefill_chunk, kv_pages: 1, state_slots: 1 };
  let bytes = ITEM_BYTES[buffer.dtype];
  for (const size of buffer.shape) {
    const value = evaluate(size, symbols);
    if (value < 1) fail(`buffer ${buffer.name} has a dimension of ${value}`);
    bytes *= value;
    if (bytes > MAX_BUFFER_BYTES) fail(`buffer ${buffer.name} is larger than 2^40 bytes`);
  }
  return bytes;
}

function checkBuffer(buffer: BufferSpec, program: Program): void {
  const bytes = bufferBytes(buffer, program);
  const symbol = GROWS[buffer.kind];
  if (symbol === undefined) return;
  // It grows by copying its old content to the front of a larger buffer: pages must be outermost.
  if (buffer.shape[0] !== symbol || buffer.shape.slice(1).some((size) => uses(size, symbol)))
    fail(`buffer ${buffer.name} of kind ${buffer.kind} must have ${symbol} as its first dimension, and only there`);
  if (bytes % 4 !== 0) fail(`buffer ${buffer.name} must grow by a multiple of 4 bytes, not ${bytes}`);
}
