/**
 * Teacher-forced logits of a token sequence, for verification: float32 (T - firstPosition, vocab_size), row t after
 * token firstPosition + t. Tokens before firstPosition go through prefill, the others through decode one by one.
 *
 * Nothing is reused, and NaN and infinities are given as they are: who verifies must see what the device computes.
 */
import type { ReadyStack } from "./adapter";
import { prefillChunk } from "./prefill";
import { RowsTask } from "./rows_task";
import type { Advance } from "./scheduler";
import type { Session } from "./session";

export class LogitsTask extends RowsTask<Float32Array> {
  private received = 0;
  private readonly logits: Float32Array;

  constructor(
    session: Session,
    private readonly tokenIds: readonly number[],
    private readonly firstPosition: number,
    adapters: ReadyStack | null = null,
  ) {
    super("logits", session, "logits", adapters);
    this.logits = new Float32Array((tokenIds.length - firstPosition) * (this.rowBytes / 4));
  }

  protected async queueNext(): Promise<Advance> {
    const { session, tokenIds } = this;
    const sequence = this.open(tokenIds.length);
    if (!sequence) return "no_memory";
    const position = sequence.tokens.length;
    if (position < this.firstPosition)
      return prefillChunk(session, sequence, tokenIds, this.firstPosition, this.adapters);
    if (position >= tokenIds.length) return "waiting";
    if (!(await session.reserve(sequence, position + 1))) return "no_memory";
    const write = () => {
      session.writeState(sequence, tokenIds[position]!, position, 0, 0, tokenIds.length);
      sequence.computed = position + 1;
      sequence.tokens.push(tokenIds[position]!);
    };
    const receive = (row: Float32Array) => this.receive(row, position - this.firstPosition);
    return this.queueRow(sequence, "decode", 1, session.decodePace, write, receive);
  }

  protected startAgain(): void {
    this.received = 0;
  }

  private receive(row: Float32Array, index: number): void {
    this.logits.set(row, index * row.length);
    this.received += 1;
    if (this.received === this.tokenIds.length - this.firstPosition) this.succeed(this.logits);
  }
}
