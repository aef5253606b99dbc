// Proves the KV cache's bookkeeping by random histories against a model of what the pages really hold: no page is lost
// or given twice, no sequence ever sees another token in its pages than its own, and only its partition's tokens are
// reused. Needs nothing.
import { describe, expect, it } from "vitest";
import { KvCache, type Sequence } from "../../src/engine/kv_cache";

const PAGE = 4;

/** A KvCache with simulated page contents. */
class Simulated {
  readonly cache = new KvCache(PAGE);
  /** What the GPU would hold: (page, slot) → partition:token. */
  readonly memory = new Map<number, string>();
  readonly active: Sequence[] = [];

  open(partition: string, tokens: readonly number[]): Sequence {
    const { sequence, copy } = this.cache.acquire(partition, tokens);
    if (copy)
      for (let i = 0; i < PAGE; i++) this.memory.set(copy.to * PAGE + i, this.memory.get(copy.from * PAGE + i) ?? "");
    this.active.push(sequence);
    return sequence;
  }

  /** Writes tokens as prefill and decode do. False: no memory. */
  extend(sequence: Sequence, tokens: readonly number[]): boolean {
    for (;;) {
      const missing = this.cache.reserve(sequence, sequence.tokens.length + tokens.length);
      if (missing === 0) break;
      if (!this.cache.evict(missing + this.cache.freePages)) return false;
    }
    for (const token of tokens) {
      this.memory.set(this.slot(sequence, sequence.tokens.length), `${sequence.partition}:${token}`);
      sequence.tokens.push(token);
    }
    return true;
  }

  check(sequence: Sequence): void {
    sequence.tokens.forEach((token, position) => {
      expect(this.memory.get(this.slot(sequence, position))).toBe(`${sequence.partition}:${token}`);
    });
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
      const action = random(5);
      const { active } = simulated;
      if (action === 0 && active.length < 4) {
        // A small alphabet and common beginnings make shared prefixes frequent.
        const prompt = Array.from({ length: 1 + random(20) }, (_, i) => (i < 6 ? 1 : random(2)));
        const sequence = simulated.open(["a", "b"][random(2)]!, prompt);
        expect(prompt.slice(0, sequence.tokens.length)).toEqual(sequence.tokens);
        reused += sequence.tokens.length;
        simulated.extend(sequence, prompt.slice(sequence.tokens.length));
      } else if (action === 1 && active.length > 0) {
        const [sequence] = active.splice(random(active.length), 1);
        if (random(4) === 0) simulated.cache.discard(sequence!);
        else simulated.cache.release(sequence!);
      } else if (active.length > 0) {
        simulated.extend(
          active[random(active.length)]!,
          Array.from({ length: 1 + random(5) }, () => random(2)),
        );
      }
      for (const sequence of active) simulated.check(sequence);
      if (round % 400 === 399) simulated.cache.extend(simulated.cache.capacity + 4);
    }
    expect(reused).toBeGreaterThan(200);
    for (const sequence of simulated.active) simulated.cache.discard(sequence);
    expect(simulated.cache.evict(simulated.cache.capacity)).toBe(true);
    expect(simulated.cache.freePages).toBe(simulated.cache.capacity);
  });

  it("continues an idle sequence in place", () => {
    const { cache } = new Simulated();
    cache.extend(8);
    const { sequence } = cache.acquire("", [1, 2, 3]);
    cache.reserve(sequence, 6);
    sequence.tokens.push(1, 2, 3, 4, 5, 6);
    cache.release(sequence);
    const again = cache.acquire("", [1, 2, 3, 4, 5, 6, 7]);
    expect(again).toEqual({ sequence, copy: null });
    expect(cache.freePages).toBe(6);
  });

  it("forks where a prompt leaves an earlier one, and keeps the earlier one", () => {
    const simulated = new Simulated();
    simulated.cache.extend(8);
    const first = simulated.open("", [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    simulated.extend(first, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    simulated.cache.release(first);
    const fork = simulated.open("", [1, 2, 3, 4, 5, 6, 0]);
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
    const first = simulated.open("https://a.example", [1, 2, 3, 4, 5]);
    simulated.extend(first, [1, 2, 3, 4, 5]);
    simulated.cache.release(first);
    expect(simulated.open("https://b.example", [1, 2, 3, 4, 5]).tokens).toEqual([]);
  });

  it("gives pages in order again after they were used", () => {
    const simulated = new Simulated();
    simulated.cache.extend(6);
    const first = simulated.open("a", []);
    simulated.extend(first, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(first.pages).toEqual([0, 1, 2]);
    simulated.cache.discard(first);
    const second = simulated.open("a", []);
    simulated.extend(second, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
    expect(second.pages).toEqual([0, 1, 2, 3]);
  });

  it("evicts the least recently used first, and never an active sequence", () => {
    const simulated = new Simulated();
    simulated.cache.extend(3);
    const [first, second] = [simulated.open("", [1]), simulated.open("", [2])];
    simulated.extend(first, [1]);
    simulated.extend(second, [2]);
    simulated.cache.release(first);
    simulated.cache.release(second);
    const third = simulated.open("", [3]);
    expect(simulated.extend(third, [3, 3, 3, 3, 3])).toBe(true); // takes the free page and that of `first`
    expect(simulated.open("", [1]).tokens).toEqual([]);
    const again = simulated.open("", [2]);
    expect(again.tokens).toEqual([2]);
    expect(simulated.extend(third, [3, 3, 3, 3])).toBe(false);
  });
});
