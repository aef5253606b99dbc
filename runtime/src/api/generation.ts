/**
 * The Generation that `generate` returns: a promise of the text, an async iterable of its pieces, and the usage.
 *
 * The request runs from the start, once, whatever is done with the object; each iterator sees all pieces. An abort,
 * by the signal or by leaving a loop, ends it: then awaiting the text and pending loops reject with `aborted`, while
 * `usage` resolves with finishReason "aborted". An error rejects all three, and only those that are looked at.
 */
import { LlmError } from "../internal/errors";
import { following, Pieces } from "./pieces";
import type { Generation, Usage } from "./types";

export class StartedGeneration implements Generation {
  readonly usage: Promise<Usage>;
  private readonly pieces: Pieces<string>;
  private text: Promise<string> | null = null;

  /** `run` starts the request, calls `onText` with each piece, and resolves at its end, also after an abort. */
  constructor(
    run: (onText: (piece: string) => void, signal: AbortSignal) => Promise<Usage>,
    signal: AbortSignal | undefined,
  ) {
    const { controller, release } = following(signal);
    const pieces = new Pieces<string>(() => controller.abort());
    this.pieces = pieces;
    this.usage = run((piece) => pieces.push(piece), controller.signal).finally(release);
    // Whoever awaits the text alone must not see the failure a second time, as an unhandled rejection.
    this.usage.then(
      ({ finishReason }) => pieces.end(finishReason === "aborted" ? aborted() : null),
      (error) => pieces.end(error),
    );
  }

  // biome-ignore lint/suspicious/noThenProperty: Generation is awaitable by design (types.ts).
  then<A = string, B = never>(
    onFulfilled?: ((text: string) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.text ??= this.usage.then(({ finishReason }) => {
      if (finishReason === "aborted") throw aborted();
      return this.pieces.all.join("");
    });
    return this.text.then(onFulfilled, onRejected);
  }

  [Symbol.asyncIterator](): AsyncIterator<string, undefined> {
    return this.pieces.iterate();
  }
}

function aborted(): LlmError {
  return new LlmError("aborted", "The generation was aborted.");
}
