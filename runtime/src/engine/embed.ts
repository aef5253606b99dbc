/**
 * Embeddings of texts: float32 (hidden_size) of each, by one call of `encode` with all its tokens.
 *
 * No text sees another, so one sequence serves them all: its pages are written over by each in turn, in the order in
 * which the device runs them.
 */
import type { ReadbackPool } from "../device/executor";
import { bufferBytes } from "../device/program_rules";
import type { LlmError } from "../internal/errors";
import type { Sequence } from "./kv_cache";
import { notFinite } from "./numeric_error";
import type { Advance } from "./scheduler";
import type { Session, SessionTask } from "./session";

export class EmbedTask implements SessionTask {
  readonly partition = "embed";
  /** (hidden_size) of each text, in their order. */
  readonly result: Promise<Float32Array[]>;
  private resolve!: (embeddings: Float32Array[]) => void;
  private reject!: (error: LlmError) => void;
  private finished = false;
  private advancing = false;
  private sequence: Sequence | null = null;
  private next = 0;
  private missing: number;
  private life = 0;
  private readonly embeddings: (Float32Array | null)[];
  private rows: ReadbackPool;

  /** `texts`: token ids of each, at least one and at most context_length. */
  constructor(
    private session: Session,
    private readonly texts: readonly (readonly number[])[],
  ) {
    this.rows = session.executor.readbacks(this.rowBytes);
    this.embeddings = texts.map(() => null);
    this.missing = texts.length;
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
    this.next = this.embeddings.indexOf(null);
  }

  moveTo(session: Session): void {
    this.rows.destroy();
    this.rows = session.executor.readbacks(this.rowBytes);
    this.session = session;
  }

  fail(error: LlmError): void {
    if (this.finished) return;
    this.end();
    this.reject(error);
  }

  private async queueNext(): Promise<Advance> {
    const { session, next: index } = this;
    const { executor } = session;
    const ids = this.texts[index];
    if (!ids) return "waiting";
    this.sequence ??= session.open(this.partition, [], ids.length);
    const { sequence } = this;
    if (!sequence || !(await session.reserve(sequence, ids.length))) return "no_memory";
    const staging = await this.rows.take();
    if (this.finished) {
      this.rows.give(staging);
      return "waiting";
    }
    session.bind(sequence);
    session.stateOwner = null;
    session.writeState(sequence, 0, 0, 0, 0, ids.length);
    executor.write("prompt_ids", Int32Array.from(ids));
    const read = session.timed(session.prefillPace, ids.length, () => {
      executor.run(["encode"], ids.length, [{ from: "embedding", to: staging, toOffset: 0, bytes: this.rowBytes }]);
      return this.rows.read(staging);
    });
    this.next += 1;
    const { life } = this;
    return {
      work: read.then((bytes) => {
        if (!this.finished && this.life === life) this.receive(new Float32Array(bytes), index);
      }),
    };
  }

  private receive(embedding: Float32Array, index: number): void {
    if (!embedding.every(Number.isFinite)) {
      this.fail(notFinite(this.session.executor, `The numbers of the embedding of input[${index}] are`, "", { index }));
      return;
    }
    this.embeddings[index] = embedding;
    this.missing -= 1;
    if (this.missing > 0) return;
    this.end();
    this.resolve(this.embeddings as Float32Array[]);
  }

  private get rowBytes(): number {
    const { program } = this.session.executor;
    return bufferBytes(program.buffers.get("embedding")!, program);
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
