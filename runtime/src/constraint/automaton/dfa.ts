/**
 * Deterministic automata over bytes, as tables, and their algebra.
 *
 * Every state of a Dfa can still reach an accepting one, so what has not died can be completed: masks rest on this.
 * All of them accept well-formed UTF-8 only; a complement is taken within it.
 */
import { LIMITS, tooLarge } from "../limits";
import { byteClasses } from "./byte_classes";
import { encodeUtf8 } from "./utf8";

/** Counts the steps that automata of one constraint take to build. */
export class Work {
  private left: number = LIMITS.automatonSteps;

  spend(steps: number, path: string): void {
    this.left -= steps;
    if (this.left < 0) throw tooLarge(path, "its patterns take too long to prepare");
  }
}

let serials = 0;

export class Dfa {
  readonly serial = serials++;

  constructor(
    /** (256) */
    readonly classes: Uint8Array,
    readonly classCount: number,
    /** (states, classCount); -1: dead */
    readonly table: Int32Array,
    /** (states) */
    readonly accepting: Uint8Array,
  ) {}

  get states(): number {
    return this.accepting.length;
  }

  /** -1 where nothing is accepted. */
  get start(): number {
    return this.states > 0 ? 0 : -1;
  }

  step(state: number, byte: number): number {
    return state < 0 ? -1 : this.table[state * this.classCount + this.classes[byte]!]!;
  }

  accepts(state: number): boolean {
    return state >= 0 && this.accepting[state] === 1;
  }

  /** Whether the text ends in this state, since nothing can follow. */
  isLast(state: number): boolean {
    const row = state * this.classCount;
    return this.table.subarray(row, row + this.classCount).every((next) => next < 0);
  }

  matches(text: string): boolean {
    let state = this.start;
    for (const byte of encodeUtf8(text)) state = this.step(state, byte);
    return this.accepts(state);
  }
}

/** The automaton without states that lead nowhere; state 0 is the start. */
export function trimmed(
  classes: Uint8Array,
  classCount: number,
  table: readonly number[] | Int32Array,
  accepting: ArrayLike<number>,
): Dfa {
  const live = coreachable(table, classCount, accepting);
  if (!live[0]) return new Dfa(classes, classCount, new Int32Array(0), new Uint8Array(0));
  const renamed = new Int32Array(accepting.length).fill(-1);
  let count = 0;
  for (let state = 0; state < accepting.length; state++) if (live[state]) renamed[state] = count++;
  const rows = new Int32Array(count * classCount);
  const ends = new Uint8Array(count);
  for (let state = 0; state < accepting.length; state++) {
    if (!live[state]) continue;
    const to = renamed[state]!;
    ends[to] = accepting[state]!;
    for (let each = 0; each < classCount; each++) {
      const next = table[state * classCount + each]!;
      rows[to * classCount + each] = next < 0 ? -1 : renamed[next]!;
    }
  }
  return new Dfa(classes, classCount, rows, ends);
}

/** Which states reach one for which `accepting` is not 0. */
export function coreachable(table: ArrayLike<number>, classCount: number, accepting: ArrayLike<number>): Uint8Array {
  const count = accepting.length;
  const sources: number[][] = Array.from({ length: count }, () => []);
  for (let state = 0; state < count; state++) {
    let before = -1;
    for (let each = 0; each < classCount; each++) {
      const next = table[state * classCount + each]!;
      if (next >= 0 && next !== before) sources[next]!.push(state);
      before = next;
    }
  }
  const live = new Uint8Array(count);
  const open: number[] = [];
  for (let state = 0; state < count; state++) {
    if (accepting[state]) {
      live[state] = 1;
      open.push(state);
    }
  }
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const source of sources[state]!) {
      if (live[source]) continue;
      live[source] = 1;
      open.push(source);
    }
  }
  return live;
}

/** Several automata run side by side: for each joint state which of them accept. Joint states where all died are -1. */
export interface Product {
  readonly classes: Uint8Array;
  readonly classCount: number;
  readonly table: Int32Array;
  /** (states): which components accept. */
  readonly accepted: readonly (readonly boolean[])[];
}

/** `within`: where this component dies, the joint state does. */
export function product(components: readonly Dfa[], within: number, work: Work, path: string): Product {
  const signatures = Array.from({ length: 256 }, (_, byte) => components.map(({ classes }) => classes[byte]).join(","));
  const cuts = signatures.flatMap((signature, byte) => (signature === signatures[byte - 1] ? [] : [byte]));
  const { classes, count, first } = byteClasses(cuts.map((cut) => [cut, 255] as const));
  const tuples: number[][] = [];
  const ids = new Map<string, number>();
  const idOf = (tuple: number[]): number => {
    if (tuple[within]! < 0) return -1;
    const key = tuple.join(",");
    let id = ids.get(key);
    if (id === undefined) {
      if (tuples.length >= LIMITS.dfaStates) throw tooLarge(path, "its patterns together stand for too much");
      id = tuples.push(tuple) - 1;
      ids.set(key, id);
    }
    return id;
  };
  idOf(components.map(({ start }) => start));
  const table: number[] = [];
  for (let id = 0; id < tuples.length; id++) {
    work.spend(count * components.length, path);
    const tuple = tuples[id]!;
    for (const byte of first) table.push(idOf(tuple.map((state, i) => components[i]!.step(state, byte))));
  }
  const accepted = tuples.map((tuple) => tuple.map((state, i) => components[i]!.accepts(state)));
  return { classes, classCount: count, table: Int32Array.from(table), accepted };
}
