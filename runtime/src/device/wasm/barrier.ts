/**
 * What all threads of a pool do alike: run the steps of a plan together, with a barrier behind each step.
 *
 * They meet in a control block of Int32 words in the memory that they share. Words that one thread writes while others
 * read them in a loop have a cache line of their own. A thread that fails poisons the block, which wakes all others
 * and makes them fail too, so nobody waits for it.
 */
import { LlmError } from "../../internal/errors";

/** A kernel export, called as `exports[kernel](...args, thread, threads)`; it takes its own share of the work. */
export type Call = readonly [kernel: string, ...args: number[]];
/** Calls that each thread makes in order; all threads have made them before the next step begins. */
export type Step = readonly Call[];
export type Plan = Readonly<Record<string, readonly Step[]>>;

/** Functions by their place in the plan: those that are added later. */
export type Places = readonly (readonly [place: number, steps: readonly Step[]])[];

export type BoundCall = (thread: number, threads: number) => unknown;
export type BoundStep = readonly BoundCall[];
type Kernel = (...args: number[]) => unknown;
export type KernelExports = Readonly<Record<string, unknown>>;

/** Of the control block; its address must be a multiple of 64. */
export const CONTROL_BYTES = 4096;
export const MOST_THREADS = 64;

// Words of the control block.
const ARRIVED = 0;
const PHASE = 16;
const SLEEPERS = 17;
const POISON = 32;
const THREADS = 33;
const LENGTH = 34;
/** A function that is none: the helpers take new ones. */
const LOAD = -1;
/** Number of the start, and the phase of the barrier behind which thread 0 goes on alone. */
const RUN = 35;
const ALONE_FROM = 36;
/** Of the text of the functions that LOAD takes: its address and bytes. */
const TEXT = 37;
const NAMES = 48;
const SLOTS = 512;
const MOST_NAMES = SLOTS - NAMES;
/** Of one helper: its start counter, and whether it sleeps. */
const SLOT_WORDS = 8;

/** Looks at a word before a thread falls asleep; some 2 ns each. */
const FEWEST_SPINS = 4000;
const MOST_SPINS = 64000;
/**
 * To wake a thread up takes some 50 µs. Where sleeps are as short as that, the thread that was woken comes late to the
 * next barrier, where the other one has fallen asleep meanwhile, and so on at every barrier, although both have a core:
 * looking longer ends it. Sleeps are long where the others have no core, and looking only takes it from them.
 */
const SHORT_SLEEP_MS = 0.3;
const LONG_SLEEP_MS = 1;
const SLICE_MS = 1000;
/**
 * Thread 0 goes on alone when it has slept for so long, and for so much of a run: a helper without a core of its own
 * keeps it waiting for a turn of the scheduler, which may be longer than a token takes, at barrier after barrier.
 */
export const PATIENT_MS = 2;
const PATIENT_SHARE = 0.25;
/**
 * Slices of sleep after which a thread that does not come is given up. They are counted, rather than the time, since
 * a computer that was asleep in between would be out of time at once.
 */
const MOST_SLICES = 30;

/** Another thread failed, or did not come. */
export class Poisoned extends Error {}

/**
 * Kernel names become functions once. `bind` keeps the arguments in the function, so that a call allocates nothing.
 * Errors: internal for a name that is no kernel.
 */
export function bindSteps(steps: readonly Step[], exports: KernelExports): readonly BoundStep[] {
  return steps.map((step) =>
    step.map(([name, ...args]) => {
      const kernel = exports[name];
      if (typeof kernel !== "function") throw new LlmError("internal", `There is no kernel ${name}.`);
      return (kernel as Kernel).bind(undefined, ...args) as BoundCall;
    }),
  );
}

/** All calls of the steps from `first` on in this thread, which is alone. */
export function runAlone(steps: readonly BoundStep[], first = 0): void {
  for (let i = first; i < steps.length; i++) {
    const step = steps[i]!;
    for (let j = 0; j < step.length; j++) step[j]!(0, 1);
  }
}

/** One thread's view of the control block. */
export class Lockstep {
  private readonly words: Int32Array;
  /** A helper's count of its starts. */
  private started = 0;
  /** Spins at a barrier. */
  private patience = FEWEST_SPINS;
  /** Of thread 0: its patience and the beginning of this run, how long it has slept since, and whether it is alone now. */
  private patientMs = PATIENT_MS;
  private startedMs = 0;
  private sleptMs = 0;
  private alone = false;

  constructor(
    private readonly memory: WebAssembly.Memory,
    address: number,
    private readonly thread: number,
  ) {
    // The view stays valid when the memory grows: shared memory is never moved.
    this.words = new Int32Array(memory.buffer, address, CONTROL_BYTES / 4);
  }

  /** Functions that fit into one start. */
  get mostFunctions(): number {
    return MOST_NAMES;
  }

  /**
   * Thread 0: tells the helpers 1 to threads - 1 to run these functions, given by their places in the plan. Each must
   * have a step: the barriers are what keeps this start apart from the next one. After `patientMs` of sleep it goes on
   * alone.
   */
  start(functions: readonly number[], threads: number, patientMs: number): void {
    const { words } = this;
    // A helper that was left behind may still be on its way out of the last run: this comes before all that it reads.
    Atomics.add(words, RUN, 1);
    Atomics.store(words, ALONE_FROM, (Atomics.load(words, PHASE) - 1) | 0);
    for (let i = 0; i < functions.length; i++) words[NAMES + i] = functions[i]!;
    words[LENGTH] = functions.length;
    this.patientMs = patientMs;
    this.startedMs = performance.now();
    this.sleptMs = 0;
    this.alone = false;
    this.wakeHelpers(threads);
  }

  /**
   * Thread 0: has all helpers take functions, which stand as JSON in the memory. They are `load`ed when it returns, and
   * the text is not read any more. Errors: Poisoned.
   */
  load(address: number, nbytes: number, threads: number): void {
    this.words[TEXT] = address;
    this.words[TEXT + 1] = nbytes;
    this.start([LOAD], threads, Number.POSITIVE_INFINITY);
    this.together([], threads);
  }

  /** A helper: waits for its next start and runs it. Errors: Poisoned, and what a kernel or `load` throws. */
  follow(plan: readonly (readonly BoundStep[])[], load: (text: string) => void): void {
    const { words } = this;
    this.awaitStart();
    const run = Atomics.load(words, RUN);
    const threads = words[THREADS]!;
    const length = words[LENGTH]!;
    // Each function ends with a barrier, so thread 0 cannot write its next start before this thread has read the last.
    for (let i = 0; i < length; i++) {
      const place = words[NAMES + i]!;
      if (place === LOAD) {
        load(this.text());
        this.together([], threads);
        continue;
      }
      const steps = plan[place]!;
      for (let j = 0; j < steps.length; j++) {
        const phase = this.together(steps[j]!, threads);
        // In this order: ALONE_FROM is changed after RUN.
        if (Atomics.load(words, ALONE_FROM) === phase || Atomics.load(words, RUN) !== run) return;
      }
    }
  }

  private text(): string {
    const [address, nbytes] = [this.words[TEXT]! >>> 0, this.words[TEXT + 1]!];
    // A decoder takes no shared memory.
    return new TextDecoder().decode(new Uint8Array(this.memory.buffer, address, nbytes).slice());
  }

  /** Thread 0: its part of a function of the start. Errors: Poisoned, and what a kernel throws. */
  run(steps: readonly BoundStep[], threads: number): void {
    let next = 0;
    while (next < steps.length && !this.alone) {
      const { sleptMs, words } = this;
      if (sleptMs > this.patientMs && sleptMs > PATIENT_SHARE * (performance.now() - this.startedMs)) {
        // Before it arrives: so every helper sees it behind the same barrier.
        Atomics.store(words, ALONE_FROM, Atomics.load(words, PHASE));
        this.alone = true;
      }
      this.together(steps[next++]!, threads);
    }
    if (this.alone) runAlone(steps, next);
  }

  /** One step and the barrier behind it, whose phase is returned. */
  private together(step: BoundStep, threads: number): number {
    for (let j = 0; j < step.length; j++) step[j]!(this.thread, threads);
    return this.barrier(threads);
  }

  /** Ends every wait of every thread, now and later. */
  poison(): void {
    const { words } = this;
    Atomics.compareExchange(words, POISON, 0, this.thread + 1); // the first one counts
    // A thread that waits sees its word change, and then looks for poison.
    Atomics.add(words, PHASE, 1);
    Atomics.notify(words, PHASE);
    for (let thread = 1; thread < MOST_THREADS; thread++) {
      const slot = SLOTS + thread * SLOT_WORDS;
      Atomics.add(words, slot, 1);
      Atomics.notify(words, slot);
    }
  }

  /** Number of the thread that failed; null while none did. */
  get poisonedBy(): number | null {
    const poison = Atomics.load(this.words, POISON);
    return poison === 0 ? null : poison - 1;
  }

  private wakeHelpers(threads: number): void {
    const { words } = this;
    words[THREADS] = threads;
    for (let thread = 1; thread < threads; thread++) {
      const slot = SLOTS + thread * SLOT_WORDS;
      Atomics.add(words, slot, 1);
      if (Atomics.load(words, slot + 1) !== 0) Atomics.notify(words, slot);
    }
  }

  private awaitStart(): void {
    const { words, started } = this;
    const slot = SLOTS + this.thread * SLOT_WORDS;
    for (let i = 0; i < FEWEST_SPINS && Atomics.load(words, slot) === started; i++);
    if (Atomics.load(words, slot) === started) {
      Atomics.store(words, slot + 1, 1);
      while (Atomics.load(words, slot) === started) Atomics.wait(words, slot, started);
      Atomics.store(words, slot + 1, 0);
    }
    if (Atomics.load(words, POISON) !== 0) throw new Poisoned();
    this.started = (started + 1) | 0;
  }

  /** Returns its phase, which no other barrier has. */
  private barrier(threads: number): number {
    const { words } = this;
    const phase = Atomics.load(words, PHASE);
    // Before the arrival: who poisons has changed the phase afterwards, so the loop below would not see it.
    if (Atomics.load(words, POISON) !== 0) throw new Poisoned();
    if (Atomics.add(words, ARRIVED, 1) === threads - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, PHASE, (phase + 1) | 0);
      if (Atomics.load(words, SLEEPERS) !== 0) Atomics.notify(words, PHASE);
      return phase;
    }
    for (let i = 0; i < this.patience; i++) {
      if (Atomics.load(words, PHASE) !== phase) {
        if (Atomics.load(words, POISON) !== 0) throw new Poisoned();
        return phase;
      }
    }
    this.sleepUntilNot(phase);
    if (Atomics.load(words, POISON) !== 0) throw new Poisoned();
    return phase;
  }

  private sleepUntilNot(phase: number): void {
    const { words } = this;
    const asleepMs = performance.now();
    Atomics.add(words, SLEEPERS, 1);
    for (let slices = 0; Atomics.load(words, PHASE) === phase; ) {
      if (Atomics.wait(words, PHASE, phase, SLICE_MS) !== "timed-out") continue;
      slices += 1;
      if (slices < MOST_SLICES) continue;
      this.poison();
      throw new Poisoned();
    }
    Atomics.sub(words, SLEEPERS, 1);
    const sleptMs = performance.now() - asleepMs;
    this.sleptMs += sleptMs;
    if (sleptMs < SHORT_SLEEP_MS) this.patience = Math.min(2 * this.patience, MOST_SPINS);
    else if (sleptMs > LONG_SLEEP_MS) this.patience = Math.max(this.patience / 2, FEWEST_SPINS);
  }
}

/** An instance of the kernels on the shared memory with a stack of its own. Errors: what WebAssembly throws. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory, stackTop: number): KernelExports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const pointer = exports.__stack_pointer;
  if (!(pointer instanceof WebAssembly.Global))
    throw new LlmError("internal", "The kernels do not export their stack pointer.");
  pointer.value = stackTop;
  return exports;
}
