/**
 * What the requests on one loaded model share on the device: the executor, the KV cache, the pace of submits, and
 * whose state the device's `state`, `block_table`, `sampling` and `token_counts` buffers hold.
 *
 * Owned by the loaded model from device open to device loss or unload. Only the scheduler's loop calls it, one call
 * at a time, so nothing here needs a lock.
 */
import { fieldOf } from "../device/definition";
import type { Executor, ReadbackPool } from "../device/executor";
import { bufferBytes } from "../device/program_rules";
import { LlmError } from "../internal/errors";
import { nextTurn } from "../internal/turn";
import { AdapterSlots } from "./adapter_slots";
import { type Copies, KvCache, type Sequence } from "./kv_cache";
import { Pace } from "./pace";
import type { Task } from "./scheduler";

/** Tokens in the ring buffer `tokens`. */
export const TOKEN_RING = 64;
export const RING_BYTES = TOKEN_RING * 4;
const MAX_STEPS_PER_SUBMIT = 16;
const MIN_PREFILL = 16;
const QUEUE_AHEAD_MS = 50;

/** A task that can go on in another session: a preempted one, since it then holds nothing of its session. */
export interface SessionTask extends Task {
  moveTo(session: Session): void;
}

export class Session {
  readonly kv: KvCache;
  readonly adapters: AdapterSlots;
  readonly decodePace: Pace;
  readonly prefillPace: Pace;
  /** Read-back buffers for the ring of sampled tokens. */
  readonly ring: ReadbackPool;
  /** Bytes of a row of logits. */
  readonly logitsBytes: number;
  private ringAndRow: ReadbackPool | null = null;
  /** The task whose token, position, step and sampling the device holds; null after prefill or another use. */
  stateOwner: object | null = null;
  private boundSequence: Sequence | null = null;
  private boundPages = 0;
  private lastFinishedMs = 0;
  private readonly fullPages: number;
  /** Lengths past which layers of the program rotate by other frequencies. */
  private readonly longFrom: readonly number[];

  constructor(readonly executor: Executor) {
    const { program, pacing } = executor;
    this.adapters = new AdapterSlots(executor);
    this.kv = new KvCache(program.page_size, executor.stateSlots);
    this.kv.extend(executor.kvPages);
    this.fullPages = Math.ceil(program.context_length / program.page_size);
    const lengths = [...program.operators.values()].map(({ definition }) => Number(fieldOf(definition, "long_from")));
    this.longFrom = [...new Set(lengths)].filter((length) => length > 0);
    this.ring = executor.readbacks(RING_BYTES);
    this.logitsBytes = program.vocab_size * 4;
    this.decodePace = new Pace({ targetMs: pacing.decodeTargetMs, first: 1, min: 1, max: MAX_STEPS_PER_SUBMIT });
    this.prefillPace = new Pace({
      targetMs: pacing.prefillTargetMs,
      first: Math.min(pacing.firstPrefill, program.prefill_chunk),
      min: Math.min(MIN_PREFILL, program.prefill_chunk),
      max: program.prefill_chunk,
    });
  }

  /** Bytes of a buffer of the program. */
  bytesOf(buffer: string): number {
    const { program } = this.executor;
    return bufferBytes(program.buffers.get(buffer)!, program);
  }

  /**
   * Submits to have on the device at once: the second one hides the time between a read-back and the next submit,
   * which is only worth its delay of an abort where submits are short.
   */
  get depth(): number {
    if (this.executor.pacing.synchronous) return 1;
    return this.decodePace.estimateMs < QUEUE_AHEAD_MS && this.prefillPace.estimateMs < QUEUE_AHEAD_MS ? 2 : 1;
  }

  /** Read-back buffers for the ring and, after its RING_BYTES, the logits of one step. */
  get ringAndLogits(): ReadbackPool {
    this.ringAndRow ??= this.executor.readbacks(RING_BYTES + this.logitsBytes);
    return this.ringAndRow;
  }

  /**
   * An active sequence with the longest cached prefix of `tokens`, made for frequencies of a sequence of `reach` tokens.
   * Null: active ones have all slots for states.
   */
  open(partition: string, tokens: readonly number[], reach: number): Sequence | null {
    const acquired = this.kv.acquire(this.partitionFor(partition, reach), tokens);
    if (acquired) this.copy(acquired);
    return acquired?.sequence ?? null;
  }

  /**
   * Where sequences of `reach` tokens are kept. Past a long_from the keys are rotated by other frequencies, so a sequence
   * that grows past it is computed anew, and shares nothing with those below.
   */
  partitionFor(partition: string, reach: number): string {
    const passed = this.longFrom.filter((length) => length < reach).length;
    return passed > 0 ? `${partition}\0${passed}` : partition;
  }

  /** The longest that a sequence of `reach` tokens may become with the same frequencies. */
  lastOfKind(reach: number): number {
    return Math.min(...this.longFrom.filter((length) => length >= reach));
  }

  /**
   * Keeps what the sequence is now for requests that begin with the same tokens. Where there is no recurrent state that
   * is nothing: there any part of a sequence can be used again.
   */
  snapshot(sequence: Sequence): void {
    const copies = this.kv.snapshot(sequence);
    if (copies) this.copy(copies);
  }

  /**
   * A second active sequence with all that an active one is, on the same pages where they are full. What is queued on the
   * device by then counts. Null: other active sequences hold what is missing, or the device has no more.
   */
  async fork(sequence: Sequence): Promise<Sequence | null> {
    while (!this.kv.evict(1)) if (!(await this.grow(1))) return null;
    const forked = this.kv.fork(sequence);
    if (forked) this.copy(forked);
    return forked?.sequence ?? null;
  }

  /**
   * Makes room for `length` tokens: free pages first, then more memory up to one full context, then pages of idle
   * sequences, then more memory. False: other active sequences hold what is missing, or the device has no more.
   */
  async reserve(sequence: Sequence, length: number): Promise<boolean> {
    for (;;) {
      const missing = this.kv.reserve(sequence, length);
      if (missing === 0) return true;
      if (this.kv.capacity < this.fullPages && (await this.grow(missing))) continue;
      if (this.kv.evict(missing + this.kv.freePages)) continue;
      if (!(await this.grow(missing))) return false;
    }
  }

  /** Puts the sequence's pages into `block_table`; writes only what the device does not have yet. */
  bind(sequence: Sequence): void {
    const from = this.boundSequence === sequence && this.boundPages <= sequence.pages.length ? this.boundPages : 0;
    if (from < sequence.pages.length) {
      this.executor.write("block_table", Int32Array.from(sequence.pages.slice(from)), from * 4);
    }
    this.boundSequence = sequence;
    this.boundPages = sequence.pages.length;
  }

  /** Writes token_id, position, step, seed, the sequence's slot and the length that frequencies are chosen for. */
  writeState(sequence: Sequence, tokenId: number, position: number, step: number, seed: number, reach: number): void {
    this.executor.write("state", Int32Array.of(tokenId, position, step, seed | 0, sequence.slot ?? 0, reach));
  }

  /** Ends the use of a sequence; `keep` it for reuse or forget it. */
  close(sequence: Sequence, keep: boolean): void {
    if (this.boundSequence === sequence) this.boundSequence = null;
    if (keep) this.kv.release(sequence);
    else this.kv.discard(sequence);
  }

  /**
   * Calls `run`, which gives `units` of work to the device before it returns, waits for that work and tells `pace` how
   * long the device took. What `run` throws is thrown before this returns a promise.
   */
  timed<T>(pace: Pace, units: number, run: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    return this.settle(run(), startedMs, pace, units);
  }

  destroy(): void {
    this.ring.destroy();
    this.ringAndRow?.destroy();
    this.executor.destroy();
  }

  private copy({ page, slot }: Copies): void {
    if (page) this.executor.copyPage(page.from, page.to);
    if (slot) this.executor.copySlot(slot.from, slot.to);
  }

  private async settle<T>(work: Promise<T>, startedMs: number, pace: Pace, units: number): Promise<T> {
    const result = await work;
    const now = performance.now();
    // With work queued ahead, the device began this one when it had finished the one before.
    pace.record(units, now - Math.max(startedMs, this.lastFinishedMs));
    this.lastFinishedMs = now;
    // A device that computes in this thread would never let a message through, an abort for instance.
    if (this.executor.pacing.synchronous) await nextTurn();
    return result;
  }

  private async grow(missing: number): Promise<boolean> {
    const { maxPages } = this.executor;
    const { capacity } = this.kv;
    if (capacity + missing > maxPages) return false;
    try {
      await this.executor.growKv(Math.min(maxPages, Math.max(2 * capacity, capacity + missing)));
    } catch (thrown) {
      if (thrown instanceof LlmError && thrown.code === "out_of_memory") return false;
      throw thrown;
    }
    this.kv.extend(this.executor.kvPages);
    return true;
  }
}
