/**
 * Embeddings of texts: float32 numbers of each, by one call of `encode` with all its tokens.
 *
 * No text sees another, so one sequence serves them all: its pages are written over by each in turn, in the order in
 * which the device runs them.
 */
import { notFinite } from "./numeric_error";
import { RowsTask } from "./rows_task";
import type { Advance } from "./scheduler";
import type { Session } from "./session";

export class EmbedTask extends RowsTask<Float32Array[]> {
  private next = 0;
  private missing: number;
  private readonly embeddings: (Float32Array | null)[];

  /** `texts`: token ids of each, at least one and at most context_length. */
  constructor(
    session: Session,
    private readonly texts: readonly (readonly number[])[],
  ) {
    super("embed", session, "embedding");
    this.embeddings = texts.map(() => null);
    this.missing = texts.length;
  }

  protected async queueNext(): Promise<Advance> {
    const { session, next: index } = this;
    const ids = this.texts[index];
    if (!ids) return "waiting";
    const sequence = this.open(ids.length);
    if (!sequence || !(await session.reserve(sequence, ids.length))) return "no_memory";
    const write = () => {
      session.writeState(sequence, 0, 0, 0, 0, ids.length);
      session.executor.write("prompt_ids", Int32Array.from(ids));
      this.next += 1;
    };
    const receive = (embedding: Float32Array) => this.receive(embedding, index);
    return this.queueRow(sequence, "encode", ids.length, session.prefillPace, write, receive);
  }

  protected startAgain(): void {
    this.next = this.embeddings.indexOf(null);
  }

  private receive(embedding: Float32Array, index: number): void {
    if (!embedding.every(Number.isFinite)) {
      this.fail(notFinite(this.session.executor, `The numbers of the embedding of input[${index}] are`, "", { index }));
      return;
    }
    this.embeddings[index] = embedding;
    this.missing -= 1;
    if (this.missing === 0) this.succeed(this.embeddings as Float32Array[]);
  }
}
