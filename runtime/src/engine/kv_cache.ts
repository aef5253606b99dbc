/**
 * Which page of the KV cache holds which tokens, and which slot of the recurrent state which sequence's: a pool of pages
 * with reference counts, a pool of slots, and sequences over them.
 *
 * Pure bookkeeping; the device's buffers are the executor's. A sequence is active while a request runs on it and idle
 * afterwards, kept for reuse until its pages or its slot are needed. Requests share only within one partition.
 *
 * NOTE invariant (kept here): a page that more than one sequence holds is full of tokens that all its holders have,
 * so nobody writes to it. A fork shares full pages and asks for a copy of the page in which it leaves its origin.
 *
 * NOTE invariant (kept here): the slot of an idle sequence stands for exactly its tokens. A recurrent state cannot go
 * back, so an idle sequence is reused whole or not at all, and one whose state is further than its tokens is forgotten.
 */
import { LlmError } from "../internal/errors";

export interface Sequence {
  readonly partition: string;
  /** Tokens whose K and V the pages hold, from position 0. */
  readonly tokens: number[];
  /** Physical page of each logical page; may reach past the tokens. */
  readonly pages: number[];
  /** Row of every recurrent state; null in a program that has none. */
  readonly slot: number | null;
  /** Tokens that the device has been given, those included that the host has not read back. */
  computed: number;
}

/** What the device must copy before a sequence made from another one runs; null: nothing. */
export interface Copies {
  readonly page: { readonly from: number; readonly to: number } | null;
  readonly slot: { readonly from: number; readonly to: number } | null;
}
export interface Acquired extends Copies {
  readonly sequence: Sequence;
}

const MAX_IDLE = 32;

export class KvCache {
  private readonly active = new Set<Sequence>();
  /** Least recently used first. */
  private readonly idle: Sequence[] = [];
  private readonly free: number[] = [];
  private readonly holders: number[] = [];
  private readonly freeSlots: number[];

  /** `slots`: rows of the recurrent state; 0 where the program has none. */
  constructor(
    readonly pageSize: number,
    private readonly slots: number,
  ) {
    this.freeSlots = Array.from({ length: slots }, (_, i) => slots - 1 - i);
  }

  /** Pages of the pool. */
  get capacity(): number {
    return this.holders.length;
  }

  get freePages(): number {
    return this.free.length;
  }

  /** Adds pages to the pool, after the GPU buffers have grown. */
  extend(capacity: number): void {
    for (let page = this.capacity; page < capacity; page++) {
      this.holders.push(0);
      this.free.unshift(page);
    }
  }

  /**
   * An active sequence that holds the longest known prefix of `tokens`. Null: active sequences have all slots.
   *
   * An idle sequence that is itself such a prefix is continued; any other one is forked. Where no page is free for
   * the copy, the fork begins at its last full page. With a recurrent state only an idle sequence that is such a prefix
   * will do, and it is forked where that costs no other sequence, so that it can be used once more.
   */
  acquire(partition: string, tokens: readonly number[]): Acquired | null {
    return this.slots > 0 ? this.acquireState(partition, tokens) : this.acquirePages(partition, tokens);
  }

  /**
   * Keeps what an active sequence is now as an idle one, where that costs at most the least recently used idle
   * sequence. Null: nothing to copy, since there is no recurrent state, no room, or such an idle sequence already.
   */
  snapshot(sequence: Sequence): Copies | null {
    if (this.slots === 0 || sequence.tokens.length === 0 || this.isAhead(sequence)) return null;
    if (this.hasIdle(sequence)) return null;
    if (this.freeSlots.length === 0) this.dropOldest();
    const copy = this.copyOf(sequence);
    if (copy) this.keepIdle(copy.sequence);
    return copy;
  }

  /**
   * A second active sequence with all that an active one is: full pages are shared, the page that is begun and the
   * recurrent state are copied. A page must be free (`evict`); a slot is taken from an idle sequence where none is.
   * Null: active ones have all slots.
   */
  fork(origin: Sequence): Acquired | null {
    if (this.slots > 0 && this.isAhead(origin))
      throw new LlmError("internal", "A recurrent state that is further than its tokens would be forked.");
    while (this.slots > 0 && this.freeSlots.length === 0) if (!this.dropOldest()) return null;
    const copy = this.copyOf(origin);
    if (!copy) throw new LlmError("internal", "A sequence would be forked without a free page.");
    this.active.add(copy.sequence);
    return copy;
  }

  /** Makes the pages reach `length` tokens. Returns how many pages are missing; 0: done, otherwise nothing changed. */
  reserve(sequence: Sequence, length: number): number {
    const boundary = sequence.pages[Math.floor(sequence.tokens.length / this.pageSize)];
    if (boundary !== undefined && this.holders[boundary] !== 1) {
      throw new LlmError("internal", "A shared page of the KV cache would be written to.");
    }
    const needed = Math.ceil(length / this.pageSize) - sequence.pages.length;
    if (needed > this.free.length) return needed - this.free.length;
    for (let i = 0; i < needed; i++) sequence.pages.push(this.take());
    return 0;
  }

  /** Frees pages of idle sequences, least recently used first, until `pages` are free. False: not enough of them. */
  evict(pages: number): boolean {
    while (this.free.length < pages) {
      if (!this.dropOldest()) return false;
    }
    return true;
  }

  /** Ends the use of an active sequence and keeps it for reuse, if it can be. Pages past its tokens are freed. */
  release(sequence: Sequence): void {
    if (!this.active.delete(sequence)) return;
    const useless = this.slots > 0 && (this.isAhead(sequence) || this.hasIdle(sequence));
    if (useless || sequence.tokens.length === 0) {
      this.drop(sequence);
      return;
    }
    this.put(sequence.pages.splice(Math.ceil(sequence.tokens.length / this.pageSize)));
    this.keepIdle(sequence);
  }

  /** Ends the use of an active sequence and forgets it. */
  discard(sequence: Sequence): void {
    if (this.active.delete(sequence)) this.drop(sequence);
  }

  private acquirePages(partition: string, tokens: readonly number[]): Acquired {
    let origin: Sequence | null = null;
    let shared = 0;
    for (const candidate of [...this.idle, ...this.active]) {
      const length = candidate.partition === partition ? commonPrefix(candidate.tokens, tokens) : 0;
      if (length > 0 && length >= shared) [origin, shared] = [candidate, length];
    }
    if (origin && this.idle.includes(origin)) {
      if (shared === origin.tokens.length) return this.resume(origin);
      this.touch(origin);
    }
    const { pages, page, length } = this.share(origin, shared);
    return this.activate(partition, tokens.slice(0, length), pages, null, { page, slot: null });
  }

  private acquireState(partition: string, tokens: readonly number[]): Acquired | null {
    let origin: Sequence | null = null;
    for (const candidate of this.idle) {
      const { length } = candidate.tokens;
      const fits = candidate.partition === partition && commonPrefix(candidate.tokens, tokens) === length;
      if (fits && length >= (origin?.tokens.length ?? 0)) origin = candidate;
    }
    if (origin) {
      const copy = this.copyOf(origin);
      if (!copy) return this.resume(origin);
      this.touch(origin);
      this.active.add(copy.sequence);
      return copy;
    }
    if (this.freeSlots.length === 0 && !this.dropOldest()) return null;
    return this.activate(partition, [], [], this.freeSlots.pop()!, { page: null, slot: null });
  }

  /** A sequence of its own with all that `origin` is. Null: no slot is free, or no page. */
  private copyOf(origin: Sequence): Acquired | null {
    const { partition, tokens, slot } = origin;
    if (slot !== null && this.freeSlots.length === 0) return null;
    if (tokens.length % this.pageSize > 0 && this.free.length === 0) return null;
    const { pages, page } = this.share(origin, tokens.length);
    const to = slot === null ? null : this.freeSlots.pop()!;
    const sequence = { partition, tokens: [...tokens], pages, slot: to, computed: tokens.length };
    return { sequence, page, slot: slot === null || to === null ? null : { from: slot, to } };
  }

  /** Pages for the first `shared` tokens of `origin`, or for as many of them as full pages hold. */
  private share(origin: Sequence | null, shared: number) {
    const fullPages = Math.floor(shared / this.pageSize);
    const pages = origin ? origin.pages.slice(0, fullPages) : [];
    for (const page of pages) this.holders[page]! += 1;
    const length = fullPages * this.pageSize;
    if (!origin || length === shared || this.free.length === 0) return { pages, page: null, length };
    const page = { from: origin.pages[fullPages]!, to: this.take() };
    pages.push(page.to);
    return { pages, page, length: shared };
  }

  private activate(
    partition: string,
    tokens: number[],
    pages: number[],
    slot: number | null,
    copies: Copies,
  ): Acquired {
    const sequence: Sequence = { partition, tokens, pages, slot, computed: tokens.length };
    this.active.add(sequence);
    return { sequence, ...copies };
  }

  /** An idle sequence goes on. */
  private resume(sequence: Sequence): Acquired {
    this.idle.splice(this.idle.indexOf(sequence), 1);
    this.active.add(sequence);
    return { sequence, page: null, slot: null };
  }

  /** An idle sequence was used just now. */
  private touch(sequence: Sequence): void {
    this.idle.push(...this.idle.splice(this.idle.indexOf(sequence), 1));
  }

  private keepIdle(sequence: Sequence): void {
    this.idle.push(sequence);
    if (this.idle.length > MAX_IDLE) this.dropOldest();
  }

  private dropOldest(): boolean {
    const oldest = this.idle.shift();
    if (oldest) this.drop(oldest);
    return oldest !== undefined;
  }

  /** The state is that of more tokens than the host knows: queued steps ran past a stop or an abort. */
  private isAhead({ tokens, computed }: Sequence): boolean {
    return computed !== tokens.length;
  }

  private hasIdle({ partition, tokens }: Sequence): boolean {
    return this.idle.some(
      (other) =>
        other.partition === partition &&
        other.tokens.length === tokens.length &&
        commonPrefix(other.tokens, tokens) === tokens.length,
    );
  }

  private drop(sequence: Sequence): void {
    this.put(sequence.pages.splice(0));
    if (sequence.slot !== null) this.freeSlots.push(sequence.slot);
    sequence.tokens.length = 0;
  }

  private take(): number {
    const page = this.free.pop()!;
    this.holders[page] = 1;
    return page;
  }

  /** The first one is taken first again: pages in order are read faster. */
  private put(pages: readonly number[]): void {
    for (const page of [...pages].reverse()) {
      this.holders[page]! -= 1;
      if (this.holders[page] === 0) this.free.push(page);
    }
  }
}

function commonPrefix(left: readonly number[], right: readonly number[]): number {
  const limit = Math.min(left.length, right.length);
  let length = 0;
  while (length < limit && left[length] === right[length]) length++;
  return length;
}
