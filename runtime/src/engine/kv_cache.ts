/**
 * Which page of the KV cache holds which tokens: a pool of pages with reference counts, and sequences over them.
 *
 * Pure bookkeeping; the GPU buffers are the executor's. A sequence is active while a request runs on it and idle
 * afterwards, kept for reuse until its pages are needed. Requests share only within one partition.
 *
 * NOTE invariant (kept here): a page that more than one sequence holds is full of tokens that all its holders have,
 * so nobody writes to it. A fork shares full pages and asks for a copy of the page in which it leaves its origin.
 */
import { LlmError } from "../internal/errors";

export interface Sequence {
  readonly partition: string;
  /** Tokens whose K and V the pages hold, from position 0. */
  readonly tokens: number[];
  /** Physical page of each logical page; may reach past the tokens. */
  readonly pages: number[];
}

/** A page to be copied on the GPU before the new sequence runs. */
export interface PageCopy {
  readonly from: number;
  readonly to: number;
}

const MAX_IDLE = 32;

export class KvCache {
  private readonly active = new Set<Sequence>();
  /** Least recently used first. */
  private readonly idle: Sequence[] = [];
  private readonly free: number[] = [];
  private readonly holders: number[] = [];

  constructor(readonly pageSize: number) {}

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
   * An active sequence that holds the longest known prefix of `tokens`, and the page copy it needs, if any.
   *
   * An idle sequence that is itself such a prefix is continued; any other one is forked. Where no page is free for
   * the copy, the fork begins at its last full page.
   */
  acquire(partition: string, tokens: readonly number[]): { sequence: Sequence; copy: PageCopy | null } {
    let origin: Sequence | null = null;
    let shared = 0;
    for (const candidate of [...this.idle, ...this.active]) {
      const length = candidate.partition === partition ? commonPrefix(candidate.tokens, tokens) : 0;
      if (length > 0 && length >= shared) [origin, shared] = [candidate, length];
    }
    const at = origin ? this.idle.indexOf(origin) : -1;
    if (origin && at >= 0 && shared === origin.tokens.length) {
      this.idle.splice(at, 1);
      this.active.add(origin);
      return { sequence: origin, copy: null };
    }
    if (at >= 0) this.idle.push(...this.idle.splice(at, 1)); // used just now
    return this.fork(partition, tokens, origin, shared);
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
      const oldest = this.idle.shift();
      if (!oldest) return false;
      this.drop(oldest);
    }
    return true;
  }

  /** Ends the use of an active sequence and keeps it for reuse. Pages past its tokens are freed. */
  release(sequence: Sequence): void {
    if (!this.active.delete(sequence)) return;
    this.put(sequence.pages.splice(Math.ceil(sequence.tokens.length / this.pageSize)));
    if (sequence.tokens.length === 0) return;
    this.idle.push(sequence);
    if (this.idle.length > MAX_IDLE) this.drop(this.idle.shift()!);
  }

  /** Ends the use of an active sequence and forgets it. */
  discard(sequence: Sequence): void {
    if (this.active.delete(sequence)) this.drop(sequence);
  }

  private fork(partition: string, tokens: readonly number[], origin: Sequence | null, shared: number) {
    const fullPages = Math.floor(shared / this.pageSize);
    const pages = origin ? origin.pages.slice(0, fullPages) : [];
    for (const page of pages) this.holders[page]! += 1;
    let length = fullPages * this.pageSize;
    let copy: PageCopy | null = null;
    if (origin && length < shared && this.free.length > 0) {
      copy = { from: origin.pages[fullPages]!, to: this.take() };
      pages.push(copy.to);
      length = shared;
    }
    const sequence: Sequence = { partition, tokens: tokens.slice(0, length), pages };
    this.active.add(sequence);
    return { sequence, copy };
  }

  private drop(sequence: Sequence): void {
    this.put(sequence.pages.splice(0));
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
