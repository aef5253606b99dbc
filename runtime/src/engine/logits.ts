/**
 * Teacher-forced logits of a token sequence, for verification: float32 (T - firstPosition, vocab_size), row t after
 * token firstPosition + t. Tokens before firstPosition go through prefill, the others through decode one by one.
 *
 * NaN and infinities are given as they are: who verifies must see what the device computes.
 */
import type { ReadbackPool } from "../device/executor";
import type { LlmError } from "../internal/errors";
import type { ReadyStack } from "./adapter";
import type { Sequence } from "./kv_cache";
import { prefillChunk } from "./prefill";
import type { Advance } from "./scheduler";
import type { Session, SessionTask } from "./session";

export class LogitsTask implements SessionTask {
  readonly partition = "logits";
  readonly result: Promise<Float32Array>;
  private resolve!: (logits: Float32Array) => void;
  private reject!: (error: LlmError) => void;
  private finished = false;
  private advancing = false;
  private sequence: Sequence | null = null;
  private received = 0;
  private life = 0;
  private readonly logits: Float32Array;
  /** Read-back buffers of vocab_size floats. */
  private rows: ReadbackPool;

  constructor(
    private session: Session,
    private readonly tokenIds: readonly number[],
    private readonly firstPosition: number,
    private readonly adapters: ReadyStack | null = null,
  ) {
    this.rows = session.executor.readbacks(this.vocabSize * 4);
    this.logits = new Float32Array((tokenIds.length - firstPosition) * this.vocabSize);
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
      if (this.finished) this.closeSequence();
    }
  }

  preempt(): void {
    this.closeSequence();
    this.life += 1;
    this.received = 0;
  }

  moveTo(session: Session): void {
    this.rows.destroy();
    this.rows = session.executor.readbacks(this.vocabSize * 4);
    this.session = session;
  }

  fail(error: LlmError): void {
    if (this.finished) return;
    this.end();
    this.reject(error);
  }

  private async queueNext(): Promise<Advance> {
    const { session, tokenIds } = this;
    // Nothing is reused: verification must see what prefill and decode compute.
    this.sequence ??= session.open(this.partition, [], tokenIds.length);
    const { sequence } = this;
    if (!sequence) return "no_memory";
    const position = sequence.tokens.length;
    if (position < this.firstPosition)
      return prefillChunk(session, sequence, tokenIds, this.firstPosition, this.adapters);
    if (position >= tokenIds.length) return "waiting";
    if (!(await session.reserve(sequence, position + 1))) return "no_memory";
    await session.adapters.hold(this.adapters);
    const staging = await this.rows.take();
    if (this.finished) {
      this.rows.give(staging);
      return "waiting";
    }
    session.bind(sequence);
    session.stateOwner = null;
    session.writeState(sequence, tokenIds[position]!, position, 0, 0, tokenIds.length);
    sequence.computed = position + 1;
    const read = session.timed(session.decodePace, 1, () => {
      const copy = { from: "logits", to: staging, toOffset: 0, bytes: this.vocabSize * 4 };
      session.executor.run(["decode"], 1, [copy], this.adapters?.key);
      return this.rows.read(staging);
    });
    sequence.tokens.push(tokenIds[position]!);
    const { life } = this;
    return {
      work: read.then((bytes) => {
        if (!this.finished && this.life === life) this.receive(new Float32Array(bytes), position - this.firstPosition);
      }),
    };
  }

  private receive(row: Float32Array, index: number): void {
    this.logits.set(row, index * this.vocabSize);
    this.received += 1;
    if (this.received < this.tokenIds.length - this.firstPosition) return;
    this.end();
    this.resolve(this.logits);
  }

  private get vocabSize(): number {
    return this.session.executor.program.vocab_size;
  }

  private end(): void {
    this.finished = true;
    this.rows.destroy();
    if (!this.advancing) this.closeSequence();
  }

  private closeSequence(): void {
    if (this.sequence) this.session.close(this.sequence, false);
    this.sequence = null;
  }
}
