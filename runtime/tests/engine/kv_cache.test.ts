// Proves the KV cache's bookkeeping by random histories against a model of what the pages really hold: no page is lost
// or given twice, no sequence ever sees another token in its pages than its own, and only its partition's tokens are
// reused; and that with recurrent states every slot stands for exactly its sequence's tokens when it is used again. Needs
// nothing.
import { describe, expect, it } from "vitest";
import { type Copies, KvCache, type Sequence } from "../../src/engine/kv_cache";

const PAGE = 4;

/** A KvCache with simulated page contents. */
class Simulated {
  readonly cache: KvCache;
  /** What the GPU would hold: (page, slot) → partition:token. */
  readonly memory = new Map<number, string>();
  readonly active: Sequence[] = [];

  /** What the device's slots hold: the tokens whose state each one is. */
  readonly states: string[][];

  constructor(slots = 0) {
    this.cache = new KvCache(PAGE, slots);
    this.states = Array.from({ length: slots }, () => ["garbage"]);
  }

  /** Null: no slot. */
  open(partition: string, tokens: readonly number[]): Sequence | null {
    const acquired = this.cache.acquire(partition, tokens);
    if (!acquired) return null;
    this.copy(acquired);
    this.active.push(acquired.sequence);
    return acquired.sequence;
  }

  /** Null: no slot, or no page. */
  fork(sequence: Sequence): Sequence | null {
    const forked = this.cache.evict(1) ? this.cache.fork(sequence) : null;
    if (!forked) return null;
    this.copy(forked);
    this.active.push(forked.sequence);
    return forked.sequence;
  }

  copy({ page, slot }: Copies): void {
    if (page)
      for (let i = 0; i < PAGE; i++) this.memory.set(page.to * PAGE + i, this.memory.get(page.from * PAGE + i) ?? "");
    if (slot) this.states[slot.to] = [...this.states[slot.from]!];
  }

  /** Writes tokens as prefill and decode do. False: no memory. */
  extend(sequence: Sequence, tokens: readonly number[]): boolean {
    for (;;) {
      const missing = this.cache.reserve(sequence, sequence.tokens.length + tokens.length);
      if (missing === 0) break;
      if (!this.cache.evict(missing + this.cache.freePages)) return false;
    }
    for (const token of tokens) {
      const name = `${sequence.partition}:${token}`;
      this.memory.set(this.slot(sequence, sequence.tokens.length), name);
      this.advance(sequence, name);
      sequence.tokens.push(token);
    }
    return true;
  }

  /** A step of the device, whose token the host need not know yet. */
  advance(sequence: Sequence, name: string): void {
    if (sequence.slot !== null) {
      if (sequence.computed === 0) this.states[sequence.slot] = [];
      this.states[sequence.slot]!.push(name);
    }
    sequence.computed += 1;
  }

  check(sequence: Sequence): void {
    const own = sequence.tokens.map((token) => `${sequence.partition}:${token}`).join();
    expect(sequence.tokens.map((_, position) => this.memory.get(this.slot(sequence, position))).join()).toBe(own);
    if (sequence.slot === null || sequence.computed === 0) return;
    const state = this.states[sequence.slot]!;
    expect(state.slice(0, sequence.tokens.length).join()).toBe(own);
    expect(state.length).toBe(sequence.computed);
  }

  slot(sequence: Sequence, position: number): number {
    return sequence.pages[Math.floor(position / PAGE)]! * PAGE + (position % PAGE);
  }
}

describe("KvCache", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("keeps every sequence's content over a random history (seed %d)", (seed) => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 10) % below;
    };
    const simulated = new Simulated();
    simulated.cache.extend(24);
    let reused = 0;
    for (let round = 0; round < 1500; round++) {
      const action = random(6);
      const { active } = simulated;
      if (action === 0 && active.length < 4) {
        // A small alphabet and common beginnings make shared prefixes frequent.
        const prompt = Array.from({ length: 1 + random(20) }, (_, i) => (i < 6 ? 1 : random(2)));
        const sequence = simulated.open(["a", "b"][random(2)]!, prompt)!;
        expect(prompt.slice(0, sequence.tokens.length)).toEqual(sequence.tokens);
        reused += sequence.tokens.length;
        simulated.extend(sequence, prompt.slice(sequence.tokens.length));
      } else if (action === 1 && active.length > 0) {
        const [sequence] = active.splice(random(active.length), 1);
        if (random(4) === 0) simulated.cache.discard(sequence!);
        else simulated.cache.release(sequence!);
      } else if (action === 2 && active.length > 0 && active.length < 6) {
        const origin = active[random(active.length)]!;
        const fork = simulated.fork(origin);
        if (fork) expect([fork.partition, fork.tokens]).toEqual([origin.partition, origin.tokens]);
      } else if (active.length > 0) {
        simulated.extend(
          active[random(active.length)]!,
          Array.from({ length: 1 + random(5) }, () => random(2)),
        );
      }
      for (const sequence of active) simulated.check(sequence);
      if (round % 400 === 399) simulated.cache.extend(simulated.cache.capacity + 4);
    }
    expect(reused).toBeGreaterThan(150);
    for (const sequence of simulated.active) simulated.cache.discard(sequence);
    expect(simulated.cache.evict(simulated.cache.capacity)).toBe(true);
    expect(simulated.cache.freePages).toBe(simulated.cache.capacity);
  });

  it("continues an idle sequence in place", () => {
    const { cache } = new Simulated();
    cache.extend(8);
    const { sequence } = cache.acquire("", [1, 2, 3])!;
    cache.reserve(sequence, 6);
    sequence.tokens.push(1, 2, 3, 4, 5, 6);
    cache.release(sequence);
    const again = cache.acquire("", [1, 2, 3, 4, 5, 6, 7]);
    expect(again).toEqual({ sequence, page: null, slot: null });
    expect(cache.freePages).toBe(6);
  });

  it("forks where a prompt leaves an earlier one, and keeps the earlier one", () => {
    const simulated = new Simulated();
    simulated.cache.extend(8);
    const first = simulated.open("", [1, 2, 3, 4, 5, 6, 7, 8, 9])!;
    simulated.extend(first, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    simulated.cache.release(first);
    const fork = simulated.open("", [1, 2, 3, 4, 5, 6, 0])!;
    expect(fork.tokens).toEqual([1, 2, 3, 4, 5, 6]);
    expect(fork.pages[0]).toBe(first.pages[0]);
    expect(fork.pages[1]).not.toBe(first.pages[1]);
    simulated.extend(fork, [0, 0, 0]);
    simulated.check(fork);
    simulated.check(first);
  });

  it("reuses nothing of another partition", () => {
    const simulated = new Simulated();
    simulated.cache.extend(8);
    const first = simulated.open("https://a.example", [1, 2, 3, 4, 5])!;
    simulated.extend(first, [1, 2, 3, 4, 5]);
    simulated.cache.release(first);
    expect(simulated.open("https://b.example", [1, 2, 3, 4, 5])!.tokens).toEqual([]);
  });

  it("gives pages in order again after they were used", () => {
    const simulated = new Simulated();
    simulated.cache.extend(6);
    const first = simulated.open("a", [])!;
    simulated.extend(first, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(first.pages).toEqual([0, 1, 2]);
    simulated.cache.discard(first);
    const second = simulated.open("a", [])!;
    simulated.extend(second, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(second.pages).toEqual([0, 1, 2, 3]);
  });

  it("evicts the least recently used first, and never an active sequence", () => {
    const simulated = new Simulated();
    simulated.cache.extend(3);
    const [first, second] = [simulated.open("", [1])!, simulated.open("", [2])!];
    simulated.extend(first, [1]);
    simulated.extend(second, [2]);
    simulated.cache.release(first);
    simulated.cache.release(second);
    const third = simulated.open("", [3])!;
    expect(simulated.extend(third, [3, 3, 3, 3, 3])).toBe(true); // takes the free page and that of `first`
    expect(simulated.open("", [1])!.tokens).toEqual([]);
    const again = simulated.open("", [2])!;
    expect(again.tokens).toEqual([2]);
    expect(simulated.extend(third, [3, 3, 3, 3])).toBe(false);
  });
});

describe("KvCache with recurrent states", () => {
  it.each([1, 2, 3, 4, 5, 6])("gives every sequence its own state over a random history (seed %d)", (seed) => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return (state >>> 10) % below;
    };
    const slots = 3 + random(4);
    const simulated = new Simulated(slots);
    simulated.cache.extend(24);
    const { active, cache } = simulated;
    let reused = 0;
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const action = random(7);
      const sequence = active[random(Math.max(1, active.length))];
      if (action === 0) {
        const prompt = Array.from({ length: 1 + random(12) }, (_, i) => (i < 6 ? 1 : random(2)));
        const opened = simulated.open(["a", "b"][random(2)]!, prompt);
        if (opened) {
          expect(prompt.slice(0, opened.tokens.length)).toEqual(opened.tokens);
          simulated.check(opened);
          reused += opened.tokens.length;
          if (simulated.extend(opened, prompt.slice(opened.tokens.length))) {
            const copies = cache.snapshot(opened);
            if (copies) simulated.copy(copies);
          }
        } else {
          expect(active.length).toBe(slots);
          refused += 1;
        }
      } else if (action === 1 && sequence) {
        active.splice(active.indexOf(sequence), 1);
        if (random(4) === 0) cache.discard(sequence);
        else cache.release(sequence);
      } else if (action === 2 && sequence) {
        // Steps whose tokens the host has not read back, and may never read.
        for (let i = 0; i <= random(3); i++) simulated.advance(sequence, "unread");
        active.splice(active.indexOf(sequence), 1);
        cache.release(sequence);
      } else if (action === 3 && sequence) {
        const fork = simulated.fork(sequence);
        if (fork) expect([fork.partition, fork.tokens]).toEqual([sequence.partition, sequence.tokens]);
      } else if (sequence) {
        simulated.extend(
          sequence,
          Array.from({ length: 1 + random(5) }, () => random(2)),
        );
      }
      for (const each of active) simulated.check(each);
      expect(new Set(active.map(({ slot }) => slot)).size).toBe(active.length);
    }
    expect(reused).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(0);
    for (const each of active) cache.discard(each);
    expect(cache.evict(cache.capacity)).toBe(true);
    expect(cache.freePages).toBe(cache.capacity);
    // No slot is lost either.
    for (let i = 0; i < slots; i++) expect(cache.acquire("", [i])).not.toBeNull();
    expect(cache.acquire("", [9])).toBeNull();
  });

  it("uses a sequence again whole or not at all", () => {
    const simulated = new Simulated(4);
    simulated.cache.extend(8);
    const first = simulated.open("", [1, 2, 3])!;
    simulated.extend(first, [1, 2, 3, 4, 5]);
    simulated.cache.release(first);
    expect(simulated.open("", [1, 2, 3, 4])!.tokens).toEqual([]);
    expect(simulated.open("", [1, 2, 3, 4, 5, 6])!.tokens).toEqual([1, 2, 3, 4, 5]);
    expect(simulated.open("another", [1, 2, 3, 4, 5, 6])!.tokens).toEqual([]);
  });

  it("forgets a sequence whose state has run past its tokens", () => {
    const simulated = new Simulated(2);
    simulated.cache.extend(8);
    const first = simulated.open("", [1])!;
    simulated.extend(first, [1, 2]);
    simulated.advance(first, "unread");
    simulated.cache.release(first);
    expect(simulated.open("", [1, 2, 3])!.tokens).toEqual([]);
  });

  it("forks while a slot is free, and then continues", () => {
    const simulated = new Simulated(2);
    simulated.cache.extend(8);
    const first = simulated.open("", [1])!;
    simulated.extend(first, [1, 2, 3, 4, 5]);
    simulated.cache.release(first);
    const fork = simulated.open("", [1, 2, 3, 4, 5, 6])!;
    expect(fork).not.toBe(first);
    expect(fork.pages[0]).toBe(first.pages[0]);
    simulated.extend(fork, [6, 7]);
    simulated.check(first);
    expect(simulated.open("", [1, 2, 3, 4, 5, 8])).toBe(first);
    expect(simulated.open("", [1])).toBeNull();
  });

  it("keeps the end of a prompt at the expense of the sequence that was used longest ago, never of an active one", () => {
    const simulated = new Simulated(3);
    simulated.cache.extend(12);
    const snapshot = (sequence: Sequence) => {
      const copies = simulated.cache.snapshot(sequence);
      if (copies) simulated.copy(copies);
      return copies !== null;
    };
    const old = simulated.open("", [9])!;
    simulated.extend(old, [9, 9]);
    simulated.cache.release(old);
    const first = simulated.open("", [1])!;
    simulated.extend(first, [1, 2, 3]);
    expect(snapshot(first)).toBe(true);
    expect(snapshot(first)).toBe(false); // it is there
    simulated.extend(first, [4]);
    expect(snapshot(first)).toBe(true); // in place of `old`
    expect(simulated.open("", [9, 9, 9])!.tokens).toEqual([]);
    expect(snapshot(simulated.active.at(-1)!)).toBe(false); // of no token
    const again = simulated.open("", [1, 2, 3, 4, 5])!;
    expect(again.tokens).toEqual([1, 2, 3, 4]);
    simulated.check(again);
    simulated.extend(again, [5]);
    expect(snapshot(again)).toBe(false); // all slots are active
  });
});
