/** Nondeterministic automata over bytes, and the deterministic one that accepts the same. */
import { LIMITS, tooLarge } from "../limits";
import { byteClasses } from "./byte_classes";
import { type Dfa, trimmed, type Work } from "./dfa";
import { type Range, utf8Sequences } from "./utf8";

/** When an edge without a byte may be taken. */
export type Condition = "always" | "at_start" | "at_end";

interface Edge {
  readonly lo: number;
  readonly hi: number;
  readonly to: number;
}

export class Nfa {
  readonly edges: Edge[][] = [];
  private readonly silent: { readonly when: Condition; readonly to: number }[][] = [];

  constructor(readonly path: string) {}

  state(): number {
    if (this.edges.length >= LIMITS.nfaStates) throw tooLarge(this.path, "the pattern stands for too much");
    this.silent.push([]);
    return this.edges.push([]) - 1;
  }

  silently(from: number, to: number, when: Condition = "always"): void {
    this.silent[from]!.push({ when, to });
  }

  onBytes(from: number, to: number, lo: number, hi: number): void {
    this.edges[from]!.push({ lo, hi, to });
  }

  /** One code point of these ranges leads from `from` to `to`. */
  onCodePoints(from: number, to: number, ranges: readonly Range[]): void {
    // Sequences that begin alike share their states.
    const shared = new Map<string, number>();
    for (const [lo, hi] of ranges) {
      for (const sequence of utf8Sequences(lo, hi)) {
        let at = from;
        let key = "";
        sequence.forEach(([first, last], index) => {
          key += `${first}-${last} `;
          if (index === sequence.length - 1) {
            this.onBytes(at, to, first, last);
            return;
          }
          let next = shared.get(key);
          if (next === undefined) {
            next = this.state();
            shared.set(key, next);
            this.onBytes(at, next, first, last);
          }
          at = next;
        });
      }
    }
  }

  /** All that is reached from `states` without a byte, ascending. */
  closure(states: Iterable<number>, atStart: boolean, atEnd: boolean): number[] {
    const found = new Set(states);
    for (const state of found) {
      for (const { when, to } of this.silent[state]!) {
        if (when === "always" || (when === "at_start" ? atStart : atEnd)) found.add(to);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  determinize(start: number, end: number, work: Work): Dfa {
    const { classes, count, first } = byteClasses(this.edges.flat().map(({ lo, hi }) => [lo, hi] as const));
    const startMatters = this.silent.some((edges) => edges.some(({ when }) => when === "at_start"));
    const sets: number[][] = [];
    const ids = new Map<string, number>();
    const accepting: number[] = [];
    const idOf = (set: number[], atStart: boolean): number => {
      if (set.length === 0) return -1;
      // The same states at the start of the text are others only where an edge is for the start alone.
      const key = `${atStart && startMatters}${set.join(",")}`;
      let id = ids.get(key);
      if (id === undefined) {
        if (sets.length >= LIMITS.dfaStates) throw tooLarge(this.path, "the pattern stands for too much");
        id = sets.push(set) - 1;
        ids.set(key, id);
        accepting.push(this.closure(set, atStart, true).includes(end) ? 1 : 0);
      }
      return id;
    };
    idOf(this.closure([start], true, false), true);
    const table: number[] = [];
    for (let id = 0; id < sets.length; id++) {
      const edges = sets[id]!.flatMap((state) => this.edges[state]!);
      work.spend(count * (edges.length + 1), this.path);
      for (let each = 0; each < count; each++) {
        const byte = first[each]!;
        const targets = edges.filter(({ lo, hi }) => lo <= byte && byte <= hi).map(({ to }) => to);
        table.push(targets.length === 0 ? -1 : idOf(this.closure(targets, false, false), false));
      }
    }
    return trimmed(classes, count, table, accepting);
  }
}
