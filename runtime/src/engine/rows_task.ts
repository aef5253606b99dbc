/**
 * What is computed for its numbers and not for text: rows of float32, each read back after one call on the device; by
 * default from a sequence that nothing was reused for and that is forgotten at the end.
 *
 * A subclass says what comes next; this owns the sequence, the memory that rows are copied to, and the end.
 */
import type { ReadbackPool } from "../device/executor";
import type { LlmError } from "../internal/errors";
import type { ReadyStack } from "./adapter";
import type { Sequence } from "./kv_cache";
import type { Pace } from "./pace";
import type { Advance } from "./scheduler";
import type { Session, SessionTask } from "./session";

export abstract class RowsTask<T> implements SessionTask {
  readonly result: Promise<T>;
  private resolve!: (result: T) => void;
  private reject!: (error: LlmError) => void;
  private finished = false;
  /** An end that comes while work is being queued leaves the sequence open until that is done. */
  private advancing = false;
  private sequence: Sequence | null = null;
  /** Rows of an earlier life, from before a preemption, are ignored. */
  private life = 0;
  private pool: ReadbackPool;

  /** `buffer`: the one of the program that a row is copied from. */
  constructor(
    readonly partition: string,
    protected session: Session,
    private readonly buffer: "logits" | "embedding",
    protected readonly adapters: ReadyStack | null = null,
  ) {
    this.pool = this.newPool();
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  get over(): boolean {
    return this.finished;
  }

  async advance(): Promise<Advance> {
    this.advancing = true;
    try {
      return await this.queueNext();
    } finally {
      this.advancing = false;
      if (this.finished) this.closeSequences();
    }
  }

  preempt(): void {
    this.closeSequences();
    this.life += 1;
    this.startAgain();
  }

  moveTo(session: Session): void {
    this.pool.destroy();
    this.session = session;
    this.pool = this.newPool();
  }

  fail(error: LlmError): void {
    if (this.finished) return;
    this.end();
    this.reject(error);
  }

  protected abstract queueNext(): Promise<Advance>;

  /** The task has lost its sequence, and what it had queued. */
  protected abstract startAgain(): void;

  protected succeed(result: T): void {
    this.end();
    this.resolve(result);
  }

  /** The task's sequence, for frequencies of `reach` tokens. Null: active ones have all slots for states. */
  protected open(reach: number): Sequence | null {
    this.sequence ??= this.session.open(this.partition, [], reach);
    return this.sequence;
  }

  protected get rowBytes(): number {
    return this.session.bytesOf(this.buffer);
  }

  /** Queues `call` on n tokens of the sequence, after `write` has written them and the state; `receive` gets its row. */
  protected async queueRow(
    sequence: Sequence,
    call: "decode" | "encode",
    n: number,
    pace: Pace,
    write: () => void,
    receive: (row: Float32Array) => void,
  ): Promise<Advance> {
    const { session, pool } = this;
    await session.adapters.hold(this.adapters);
    const staging = await pool.take();
    if (this.finished) {
      pool.give(staging);
      return "waiting";
    }
    session.bind(sequence);
    session.stateOwner = null;
    write();
    const { life } = this;
    const read = session.timed(pace, n, () => {
      const copy = { from: this.buffer, to: staging, toOffset: 0, bytes: this.rowBytes };
      session.executor.run([call], n, [copy], this.adapters?.key);
      return pool.read(staging);
    });
    return {
      work: read.then((bytes) => {
        if (!this.finished && this.life === life) receive(new Float32Array(bytes));
      }),
    };
  }

  private newPool(): ReadbackPool {
    return this.session.executor.readbacks(this.rowBytes);
  }

  private end(): void {
    this.finished = true;
    this.pool.destroy();
    if (!this.advancing) this.closeSequences();
  }

  protected closeSequences(): void {
    if (this.sequence) this.session.close(this.sequence, false);
    this.sequence = null;
  }
}
