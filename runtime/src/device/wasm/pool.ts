/**
 * The threads of a model on the CPU. Thread 0 is the caller's; the others are workers that live until `destroy`.
 *
 * A plan is named functions of steps; a step is kernel calls that each thread makes in order, and between steps all
 * threads meet (barrier.ts). `run` posts no messages: workers sleep on a word of the shared memory, so giving them work
 * takes microseconds. Kernels take their own share by the arguments `thread, threads`, which come last.
 */
import { LlmError } from "../../internal/errors";
import { type Barrier, Command, Poisoned } from "./barrier";

/** A kernel's name and its arguments but the last two. */
export type Call = readonly [kernel: string, ...values: number[]];
export type Step = readonly Call[];
export type Plan = Readonly<Record<string, readonly Step[]>>;

export interface PoolOptions {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly plan: Plan;
  /** First address of each thread's stack, which grows downwards from its end. */
  readonly stacks: readonly number[];
  readonly stackBytes: number;
  /** Address of CONTROL_BYTES of zeros. */
  readonly control: number;
  /** Threads, the caller's included. More than one needs a shared memory. */
  readonly size: number;
}

/** What a worker gets as its one message. */
export interface ThreadStart extends PoolOptions {
  readonly thread: number;
}

export type Exports = Readonly<Record<string, (...values: number[]) => void>>;

const START_TIMEOUT_MS = 5000;

export class Pool {
  /** Why the pool cannot be used any more: a kernel trapped, or a worker died. */
  failure: LlmError | null = null;
  readonly failed: Promise<LlmError>;
  private announce!: (error: LlmError) => void;
  private readonly program: PlanCode;
  private readonly command: Command | null = null;
  private readonly workers: Worker[] = [];

  /** Starts the workers. Errors: unsupported_device where they cannot be started. */
  static async create(options: PoolOptions): Promise<Pool> {
    const pool = new Pool(options, instantiate(options, 0));
    try {
      await pool.start(options);
    } catch (thrown) {
      pool.destroy();
      throw thrown;
    }
    return pool;
  }

  private constructor(
    { plan, memory, control, size }: PoolOptions,
    readonly exports: Exports,
  ) {
    this.size = size;
    this.program = new PlanCode(plan, exports, 0);
    if (size > 1) this.command = new Command(memory, control);
    this.failed = new Promise((resolve) => {
      this.announce = resolve;
    });
  }

  readonly size: number;

  /** Runs the functions in order on the first `threads` threads. Errors: internal, when a kernel traps. */
  run(names: readonly string[], threads: number): void {
    if (this.failure) throw this.failure;
    try {
      if (threads === 1 || this.command === null) {
        for (const name of names) for (const step of this.program.steps(name, 1)) for (const call of step) call();
        return;
      }
      this.command.issue(
        names.map((name) => this.program.indexOf(name)),
        threads,
      );
      runTogether(this.program, names, threads, this.command.barrier);
    } catch (thrown) {
      this.command?.barrier.poison();
      throw this.fail(thrown instanceof Poisoned ? "another thread stopped" : messageOf(thrown));
    }
  }

  destroy(): void {
    for (const worker of this.workers.splice(0)) worker.terminate();
    this.failure ??= new LlmError("aborted", "The model was unloaded.");
  }

  private async start(options: PoolOptions): Promise<void> {
    const ready: Promise<void>[] = [];
    for (let thread = 1; thread < options.size; thread++) {
      const worker = new Worker(new URL("./thread.ts", import.meta.url), { type: "module", name: "nomoat-thread" });
      this.workers.push(worker);
      ready.push(
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(cannotStart("it did not answer")), START_TIMEOUT_MS);
          worker.addEventListener("message", ({ data }: MessageEvent<string | null>) => {
            clearTimeout(timer);
            // The first message says that it is ready, a later one why it has stopped.
            if (data === null) return resolve();
            reject(cannotStart(data));
            this.fail(data);
          });
          worker.addEventListener("error", (event) => {
            clearTimeout(timer);
            const why = event.message || "its script could not be loaded";
            reject(cannotStart(why));
            this.fail(why);
          });
        }),
      );
      worker.postMessage({ ...options, thread } satisfies ThreadStart);
    }
    await Promise.all(ready);
  }

  private fail(why: string): LlmError {
    this.failure ??= new LlmError("internal", `A kernel of the CPU device failed: ${why}. Load the model again.`);
    this.announce(this.failure);
    return this.failure;
  }
}

/** What every thread but the caller's does for the rest of its life. */
export function serve(options: ThreadStart): never {
  const { plan, memory, control, thread } = options;
  const program = new PlanCode(plan, instantiate(options, thread), thread);
  const command = new Command(memory, control);
  for (let seen = command.first(); ; ) {
    const { next, threads } = command.await(seen);
    seen = next;
    if (thread >= threads) continue;
    const names = command.calls().map((index) => program.nameOf(index));
    try {
      runTogether(program, names, threads, command.barrier);
    } catch (thrown) {
      command.barrier.poison();
      throw thrown;
    }
  }
}

function runTogether(program: PlanCode, names: readonly string[], threads: number, barrier: Barrier): void {
  for (const name of names) {
    const steps = program.steps(name, threads);
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i]!;
      for (let k = 0; k < step.length; k++) step[k]!();
      barrier.meet(threads);
    }
  }
}

type Run = () => void;

/** The plan with names resolved, for one thread and each number of threads that it was run with. */
class PlanCode {
  private readonly names: readonly string[];
  private readonly code = new Map<number, Map<string, readonly (readonly Run[])[]>>();

  constructor(
    private readonly plan: Plan,
    private readonly exports: Exports,
    private readonly thread: number,
  ) {
    this.names = Object.keys(plan);
  }

  indexOf(name: string): number {
    const index = this.names.indexOf(name);
    if (index < 0) throw new LlmError("internal", `The plan has no function ${name}.`);
    return index;
  }

  nameOf(index: number): string {
    return this.names[index]!;
  }

  steps(name: string, threads: number): readonly (readonly Run[])[] {
    const functions = this.code.get(threads) ?? new Map<string, readonly (readonly Run[])[]>();
    this.code.set(threads, functions);
    let steps = functions.get(name);
    if (!steps) {
      steps = this.plan[this.nameOf(this.indexOf(name))]!.map((step) =>
        step.map(([kernel, ...values]) => bindCall(this.resolve(kernel), [...values, this.thread, threads])),
      );
      functions.set(name, steps);
    }
    return steps;
  }

  private resolve(kernel: string) {
    const found = this.exports[kernel];
    if (!found) throw new LlmError("internal", `The library has no kernel ${kernel}.`);
    return found;
  }
}

function bindCall(kernel: (...values: number[]) => void, values: readonly number[]): Run {
  return () => kernel(...values);
}

function instantiate({ module, memory, stacks, stackBytes }: PoolOptions, thread: number): Exports {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  (exports.__stack_pointer as WebAssembly.Global<"i32">).value = (stacks[thread]! + stackBytes) | 0;
  return exports as unknown as Exports;
}

function cannotStart(why: string): LlmError {
  return new LlmError("unsupported_device", `A thread for the CPU device could not be started: ${why}.`);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : "no reason given";
}
