/**
 * Computes keys and values of tokens and keeps them, so that requests that begin with these tokens start there: one that
 * comes alone goes on with them, several at once fork them.
 */
import type { ReadyStack } from "./adapter";
import type { Sequence } from "./kv_cache";
import { prefillChunk } from "./prefill";
import { RowsTask } from "./rows_task";
import type { Advance } from "./scheduler";
import type { Session } from "./session";

export class PrefillTask extends RowsTask<void> {
  private prefilled: Sequence | null = null;

  /** `tokenIds`: at least one. */
  constructor(
    session: Session,
    private readonly tokenIds: readonly number[],
    partition: string,
    adapters: ReadyStack | null,
  ) {
    super(partition, session, "logits", adapters);
  }

  protected async queueNext(): Promise<Advance> {
    const { session, tokenIds } = this;
    const shared = JSON.stringify([this.partition, this.adapters?.key]);
    this.prefilled ??= session.open(shared, tokenIds, tokenIds.length);
    const sequence = this.prefilled;
    if (!sequence) return "no_memory";
    if (sequence.tokens.length === tokenIds.length) {
      this.succeed();
      return "waiting";
    }
    // The last piece ends the task at its next turn, when the device may still be at it: what follows is queued behind.
    return prefillChunk(session, sequence, tokenIds, tokenIds.length, this.adapters);
  }

  protected startAgain(): void {}

  protected override closeSequences(): void {
    if (this.prefilled) this.session.close(this.prefilled, true);
    this.prefilled = null;
  }
}
