/**
 * Shares one device among the requests on a model: each active task in turn queues one submit (a chunk of prefill or
 * a few decode steps). Waiting tasks are admitted partition by partition in turn, so that a site with many
 * requests does not keep the others out.
 */
import { LlmError } from "../internal/errors";

export type Advance =
  /** Work was queued; the promise settles when its results are in. When it rejects, the task fails. */
  | { readonly work: Promise<void> }
  /** Nothing to queue until earlier work of this task is in, or the task is over. */
  | "waiting"
  /** Other tasks hold the memory that the next piece of work needs. */
  | "no_memory";

export interface Task {
  readonly partition: string;
  readonly over: boolean;
  /** Queues the next piece of work. What it throws ends the task. */
  advance(activeTasks: number): Promise<Advance>;
  /** Gives its memory up and starts again, where it was, when it is next advanced. */
  preempt(): void;
  fail(error: LlmError): void;
}

const MAX_ACTIVE = 4;

export class Scheduler<T extends Task = Task> {
  private active: T[] = [];
  private readonly waiting = new Map<string, T[]>();
  private failure: LlmError | null = null;
  private running = false;
  /** No task is admitted while true: one had to be preempted, and memory comes back when a task ends. */
  private full = false;
  private suspended = false;
  private ended: Promise<void> = Promise.resolve();

  /**
   * `depth`: how many submits may be on the device at once. `moving`: the device has failed, and what the tasks run
   * into is no reason to end them, as `suspend` will be called.
   */
  constructor(
    private readonly depth: () => number,
    private readonly moving: () => boolean = () => false,
  ) {}

  add(task: T): void {
    if (this.failure) {
      task.fail(this.failure);
      return;
    }
    const queue = this.waiting.get(task.partition);
    if (queue) queue.push(task);
    else this.waiting.set(task.partition, [task]);
    if (!this.running) this.ended = this.loop();
  }

  /** Whether there is a task that is not over. */
  get busy(): boolean {
    return this.unfinished().length > 0;
  }

  /** Stops, waits for what is in flight, and gives the tasks that are not over up, preempted, in their order. */
  async suspend(): Promise<readonly T[]> {
    this.suspended = true;
    await this.ended;
    const tasks = this.unfinished();
    this.active = [];
    this.waiting.clear();
    for (const task of tasks) task.preempt();
    return tasks;
  }

  /** Ends every task with `error`, and each one added later. */
  stop(error: LlmError): void {
    this.failure ??= error;
    for (const task of this.unfinished()) task.fail(this.failure);
    this.waiting.clear();
  }

  private async loop(): Promise<void> {
    this.running = true;
    const inFlight: Promise<void>[] = [];
    let turn = 0;
    while (!this.halted && (this.admit() > 0 || inFlight.length > 0)) {
      let idle = 0;
      while (!this.halted && idle < this.active.length && inFlight.length < this.depth()) {
        turn %= this.active.length;
        const task = this.active[turn]!;
        turn += 1;
        const advance = await this.advance(task);
        if (typeof advance === "object") {
          // A task that has ended does not fail again.
          inFlight.push(advance.work.catch((thrown) => this.failed(task, thrown)));
          idle = 0;
        } else if (advance === "no_memory")
          idle = 0; // a task gave way or failed: ask again
        else idle += 1;
      }
      if (inFlight.length > 0) await inFlight.shift();
      else if (!this.halted) this.failStuck();
    }
    // Only where it was halted; otherwise nothing may come between the last look at the queue and the end.
    if (inFlight.length > 0) await Promise.all(inFlight);
    this.running = false;
  }

  private get halted(): boolean {
    return this.suspended || this.moving();
  }

  private unfinished(): readonly T[] {
    return [...this.active, ...[...this.waiting.values()].flat()].filter(({ over }) => !over);
  }

  private failed(task: T, thrown: unknown): void {
    if (!this.moving()) task.fail(LlmError.from(thrown));
  }

  private async advance(task: T): Promise<Advance> {
    if (task.over) return "waiting";
    try {
      const advance = await task.advance(this.active.length);
      if (advance === "no_memory") this.makeRoom(task);
      return advance;
    } catch (thrown) {
      this.failed(task, thrown);
      return "waiting";
    }
  }

  /** The task admitted last gives way; alone, it cannot be helped. */
  private makeRoom(task: T): void {
    const others = this.active.filter((other) => !other.over);
    if (others.length < 2) {
      task.fail(
        new LlmError(
          "out_of_memory",
          "The device has no memory for the context of this request. Use a shorter prompt or fewer tokens.",
        ),
      );
      return;
    }
    const last = others.at(-1)!;
    last.preempt();
    this.active = this.active.filter((other) => other !== last);
    const queue = this.waiting.get(last.partition) ?? [];
    this.waiting.set(last.partition, [last, ...queue]);
    this.full = true;
  }

  /** Drops finished tasks and fills their places. Returns the number of active tasks. */
  private admit(): number {
    const before = this.active.length;
    this.active = this.active.filter((task) => !task.over);
    if (this.active.length < before || this.active.length === 0) this.full = false;
    while (!this.full && this.active.length < MAX_ACTIVE && this.waiting.size > 0) {
      const [partition, queue] = this.waiting.entries().next().value!;
      const task = queue.shift()!;
      // Taking the partition out and putting it back at the end gives the next place to another partition.
      this.waiting.delete(partition);
      if (queue.length > 0) this.waiting.set(partition, queue);
      if (!task.over) this.active.push(task);
    }
    return this.active.length;
  }

  /** Nothing runs and nobody can go on: a bug, and a typed error is better than a request that hangs. */
  private failStuck(): void {
    for (const task of this.active) {
      if (!task.over) task.fail(new LlmError("internal", "The scheduler found a request that neither runs nor ends."));
    }
  }
}
