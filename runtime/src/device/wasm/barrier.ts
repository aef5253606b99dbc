/**
 * How threads on one shared memory wait for each other: by spinning for a moment, then asleep.
 *
 * A word in front of everything is the poison: whoever fails sets it, and everyone who waits, or would, stops.
 */

/** Bytes of the control block. */
export const CONTROL_BYTES = 4096;

// Words of the control block. Those that threads write at different times are a cache line or two apart.
const POISON = 0;
const COMMAND = 32;
const COMMAND_SLEEPERS = 64;
const ARRIVED = 96;
const PHASE = 128;
const PHASE_SLEEPERS = 160;
const CALL_COUNT = 192;
const CALLS = 193;
const MOST_CALLS = CONTROL_BYTES / 4 - CALLS;

const SPINS = 4000;
/** Sleepers look at the poison this often. */
const NAP_MS = 1000;
/** No step of any model takes so long: the other threads are gone. */
const MOST_NAPS = 120;
const MOST_THREADS = 256;

/** Another thread failed. */
export class Poisoned extends Error {}

export class Barrier {
  constructor(private readonly words: Int32Array) {}

  /** Returns when `threads` threads have called it. Throws Poisoned. */
  meet(threads: number): void {
    const { words } = this;
    const phase = Atomics.load(words, PHASE);
    if (Atomics.add(words, ARRIVED, 1) === threads - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.add(words, PHASE, 1);
      if (Atomics.load(words, PHASE_SLEEPERS) > 0) Atomics.notify(words, PHASE);
    } else {
      waitWhile(words, PHASE, phase, PHASE_SLEEPERS, MOST_NAPS);
    }
    if (Atomics.load(words, POISON) !== 0) throw new Poisoned();
  }

  /** Stops everyone, now and later. */
  poison(): void {
    Atomics.store(this.words, POISON, 1);
    for (const word of [PHASE, COMMAND]) {
      Atomics.add(this.words, word, MOST_THREADS);
      Atomics.notify(this.words, word);
    }
  }
}

/** The word by which thread 0 tells the others what to run: a counter, and how many threads are to take part. */
export class Command {
  readonly barrier: Barrier;
  private readonly words: Int32Array;

  constructor(memory: WebAssembly.Memory, control: number) {
    this.words = new Int32Array(memory.buffer, control, CONTROL_BYTES / 4);
    this.barrier = new Barrier(this.words);
  }

  /** The command that stands now, to be told from the next one. */
  first(): number {
    return 0;
  }

  /** NOTE by thread 0 only, and only when everyone who takes part in the last command has met at its end. */
  issue(calls: readonly number[], threads: number): void {
    const { words } = this;
    if (calls.length > MOST_CALLS) throw new Error(`${calls.length} calls in one run`);
    words[CALL_COUNT] = calls.length;
    for (let i = 0; i < calls.length; i++) words[CALLS + i] = calls[i]!;
    // The number of threads is in the word itself: who is left out may read it late.
    const counter = (Atomics.load(words, COMMAND) & -MOST_THREADS) + MOST_THREADS;
    Atomics.store(words, COMMAND, counter | threads);
    if (Atomics.load(words, COMMAND_SLEEPERS) > 0) Atomics.notify(words, COMMAND);
  }

  /** Waits for a command other than `seen`. Throws Poisoned. */
  await(seen: number): { next: number; threads: number } {
    waitWhile(this.words, COMMAND, seen, COMMAND_SLEEPERS, Number.POSITIVE_INFINITY);
    if (Atomics.load(this.words, POISON) !== 0) throw new Poisoned();
    const next = Atomics.load(this.words, COMMAND);
    return { next, threads: next & (MOST_THREADS - 1) };
  }

  /** What the standing command runs, as thread 0 gave it. */
  calls(): number[] {
    return Array.from(this.words.subarray(CALLS, CALLS + this.words[CALL_COUNT]!));
  }
}

/** Waits while the word has this value. Throws Poisoned after `mostNaps` naps. */
function waitWhile(words: Int32Array, word: number, value: number, sleepers: number, mostNaps: number): void {
  for (let spins = 0; spins < SPINS; spins++) if (Atomics.load(words, word) !== value) return;
  Atomics.add(words, sleepers, 1);
  for (let naps = 0; Atomics.load(words, word) === value && naps < mostNaps; naps++) {
    if (Atomics.load(words, POISON) !== 0) break;
    Atomics.wait(words, word, value, NAP_MS);
  }
  Atomics.sub(words, sleepers, 1);
  if (Atomics.load(words, word) === value) throw new Poisoned();
}
