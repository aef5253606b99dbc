/**
 * The threads that compute on the CPU: this one, which is thread 0, and helpers (thread.ts).
 *
 * Owns the helpers until `destroy`. A run posts no messages and returns when all of its steps are done. A kernel that
 * traps, on whichever thread, fails the pool for good.
 */
import { LlmError } from "../../internal/errors";
import {
  type BoundStep,
  bindSteps,
  instantiate,
  type KernelExports,
  Lockstep,
  MOST_THREADS,
  PATIENT_MS,
  type Plan,
  Poisoned,
  runAlone,
} from "./barrier";
import type { FromHelper, HelperStart } from "./thread";

export { type Call, CONTROL_BYTES, type Plan, type Step } from "./barrier";

export interface PoolOptions {
  readonly module: WebAssembly.Module;
  /** Shared where size is above 1. */
  readonly memory: WebAssembly.Memory;
  readonly plan: Plan;
  /** Address of each thread's stack, and the bytes of one. */
  readonly stacks: readonly number[];
  readonly stackBytes: number;
  /** Address of CONTROL_BYTES bytes that are zero, a multiple of 64. */
  readonly control: number;
  /** Threads, this one included. */
  readonly size: number;
  /** Makes a worker that runs thread.ts. */
  readonly makeHelper?: () => Worker;
}

const START_MS = 5000;

/** Whether this thread can have helpers: it shares memory, may make workers, and may wait for them. */
export function canHaveHelpers(): boolean {
  if (typeof SharedArrayBuffer !== "function" || typeof Worker !== "function") return false;
  if ((globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated === false) return false;
  try {
    // A page's own thread may not wait.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}

export class Pool {
  /** Resolves with `failure` when there is one. Never rejects. */
  readonly failed: Promise<LlmError>;
  private announce!: (error: LlmError) => void;
  private reason: LlmError | null = null;
  private readonly places: Map<string, number>;
  private readonly lockstep: Lockstep | null;
  private destroyed = false;

  private constructor(
    /** Of thread 0. */
    readonly exports: KernelExports,
    private readonly functions: (readonly BoundStep[])[],
    private readonly helpers: readonly Worker[],
    private readonly options: PoolOptions,
  ) {
    this.failed = new Promise((resolve) => {
      this.announce = resolve;
    });
    const { memory, plan, control } = options;
    this.places = new Map(Object.keys(plan).map((name, place) => [name, place]));
    this.lockstep = helpers.length > 0 ? new Lockstep(memory, control, 0) : null;
  }

  /**
   * Starts `size` threads; one where the environment has no helpers.
   * Errors: unsupported_device when a helper does not start, internal for a plan that the kernels do not fit.
   */
  static async create(options: PoolOptions): Promise<Pool> {
    const { module, memory, plan, stacks, stackBytes, control, makeHelper } = options;
    if (options.size < 1 || options.size > MOST_THREADS || stacks.length < options.size)
      throw new LlmError("internal", `A pool of ${options.size} threads was asked for, with ${stacks.length} stacks.`);
    const size = makeHelper || canHaveHelpers() ? options.size : 1;
    const stackTop = (thread: number) => (stacks[thread]! + stackBytes) & ~15;
    const exports = instantiate(module, memory, stackTop(0));
    const functions = Object.values(plan).map((steps) => bindSteps(steps, exports));
    const helpers: Worker[] = [];
    try {
      const starts: Promise<void>[] = [];
      for (let thread = 1; thread < size; thread++) {
        const helper = (makeHelper ?? newHelper)();
        helpers.push(helper);
        starts.push(started(helper, { module, memory, plan, thread, stackTop: stackTop(thread), control }));
      }
      await Promise.all(starts);
      const pool = new Pool(exports, functions, helpers, options);
      for (const helper of helpers) pool.watch(helper);
      return pool;
    } catch (thrown) {
      for (const helper of helpers) helper.terminate();
      if (thrown instanceof LlmError) throw thrown;
      throw notStarted(thrown instanceof Error ? thrown.message : "no reason given");
    }
  }

  get size(): number {
    return this.helpers.length + 1;
  }

  get failure(): LlmError | null {
    return this.reason;
  }

  /**
   * Runs functions of the plan in order on the first `threads` threads. Helpers that keep this thread waiting for more
   * than `patientMs` and for a quarter of the time are left behind until the next run.
   * Errors: the pool's failure; internal for a name that is not in the plan.
   */
  run(names: readonly string[], threads: number, patientMs = PATIENT_MS): void {
    this.check(threads);
    const { lockstep, functions } = this;
    const places: number[] = [];
    for (const name of names) {
      const place = this.places.get(name);
      if (place === undefined) throw new LlmError("internal", `The plan has no function ${name}.`);
      if (functions[place]!.length > 0) places.push(place);
    }
    try {
      if (threads === 1 || lockstep === null) {
        for (const place of places) runAlone(functions[place]!);
        return;
      }
      for (let from = 0; from < places.length; from += lockstep.mostFunctions) {
        const part = places.slice(from, from + lockstep.mostFunctions);
        lockstep.start(part, threads, patientMs);
        for (const place of part) lockstep.run(functions[place]!, threads);
      }
    } catch (thrown) {
      throw this.fail(thrown);
    }
  }

  has(name: string): boolean {
    return this.places.has(name);
  }

  /**
   * Adds functions to the plan, or replaces those of the same name. `room` gives the address of so many bytes, which
   * are free again when this returns. Errors: the pool's failure; internal for kernels that are not there.
   */
  load(plan: Plan, room: (nbytes: number, use: (address: number) => void) => void): void {
    this.check(this.size);
    const { exports, functions, lockstep } = this;
    const added = Object.entries(plan).map(([name, steps]) => {
      const place = this.places.get(name) ?? functions.length;
      functions[place] = bindSteps(steps, exports);
      this.places.set(name, place);
      return [place, steps] as const;
    });
    if (!lockstep) return;
    const text = new TextEncoder().encode(JSON.stringify(added));
    room(text.length, (address) => {
      new Uint8Array(this.options.memory.buffer).set(text, address);
      try {
        lockstep.load(address, text.length, this.size);
      } catch (thrown) {
        throw this.fail(thrown);
      }
    });
  }

  destroy(): void {
    this.destroyed = true;
    this.lockstep?.poison();
    for (const helper of this.helpers) helper.terminate();
  }

  private check(threads: number): void {
    if (this.reason) throw this.reason;
    if (this.destroyed) throw new LlmError("internal", "The threads were ended.");
    if (!Number.isInteger(threads) || threads < 1 || threads > this.size)
      throw new LlmError("internal", `A run on ${threads} of ${this.size} threads was asked for.`);
  }

  /** Takes what a kernel threw as the pool's failure, and lets no helper wait for what will not come. */
  private fail(thrown: unknown): LlmError {
    if (this.reason) return this.reason;
    const by = this.lockstep?.poisonedBy ?? null;
    if (thrown instanceof Poisoned) {
      this.reason = new LlmError(
        "internal",
        by === null || by === 0
          ? "A thread of the CPU did not answer for a long time. The next request starts it again."
          : `A kernel failed on thread ${by} of the CPU. The next request starts it again.`,
        { thread: by },
      );
    } else {
      const why = thrown instanceof Error ? thrown.message : "no reason given";
      this.reason = new LlmError("internal", `A kernel failed on the CPU: ${why}. The next request starts it again.`, {
        thread: 0,
      });
      this.lockstep?.poison();
    }
    this.announce(this.reason);
    return this.reason;
  }

  /** A helper says nothing more, unless it fails. */
  private watch(helper: Worker): void {
    const ended = (why: string) => {
      if (this.destroyed || this.reason) return;
      this.reason = new LlmError("internal", `A thread of the CPU ended: ${why}. The next request starts it again.`);
      this.lockstep?.poison();
      this.announce(this.reason);
    };
    helper.addEventListener("message", ({ data }: MessageEvent<FromHelper>) => {
      if ("failed" in data) ended(data.failed);
    });
    helper.addEventListener("error", (event) => ended(event.message || "no reason given"));
  }
}

function newHelper(): Worker {
  return new Worker(new URL("./thread.ts", import.meta.url), { type: "module", name: "nomoat-thread" });
}

/** Resolves when the helper is ready. Errors: unsupported_device. */
function started(helper: Worker, start: HelperStart): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(notStarted(`nothing came for ${START_MS} ms`)), START_MS);
    const refuse = (why: string) => {
      clearTimeout(timer);
      reject(notStarted(why));
    };
    helper.addEventListener(
      "message",
      ({ data }: MessageEvent<FromHelper>) => {
        if ("failed" in data) refuse(data.failed);
        else {
          clearTimeout(timer);
          resolve();
        }
      },
      { once: true },
    );
    helper.addEventListener("error", (event) => refuse(event.message || "its script could not be loaded"), {
      once: true,
    });
    helper.postMessage(start);
  });
}

function notStarted(why: string): LlmError {
  return new LlmError("unsupported_device", `A thread for the CPU could not be started: ${why}. Ask for 1 thread.`);
}
