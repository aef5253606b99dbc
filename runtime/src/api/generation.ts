/**
 * The Generation that `generate` returns: a promise of the text, an async iterable of its pieces, and the usage.
 *
 * The request runs from the start, once, whatever is done with the object; each iterator sees all pieces. An abort,
 * by the signal or by leaving a loop, ends it: then awaiting the text and pending loops reject with `aborted`, while
 * `usage` resolves with finishReason "aborted". An error rejects all three, and only those that are looked at.
 */
import { LlmError } from "../internal/errors";
import type { Generation, Usage } from "./types";

export class StartedGeneration implements Generation {
  readonly usage: Promise<Usage>;
  private readonly pieces: string[] = [];
  private readonly controller = new AbortController();
  private text: Promise<string> | null = null;
  private ended = false;
  private wake: (() => void)[] = [];

  /** `run` starts the request, calls `onText` with each piece, and resolves at its end, also after an abort. */
  constructor(
    run: (onText: (piece: string) => void, signal: AbortSignal) => Promise<Usage>,
    signal: AbortSignal | undefined,
  ) {
    const follow = () => this.controller.abort();
    if (signal?.aborted) follow();
    else signal?.addEventListener("abort", follow);
    const onText = (piece: string) => {
      this.pieces.push(piece);
      this.notify();
    };
    this.usage = run(onText, this.controller.signal).finally(() => {
      signal?.removeEventListener("abort", follow);
      this.ended = true;
      this.notify();
    });
    // Whoever awaits the text alone must not see the failure a second time, as an unhandled rejection.
    this.usage.catch(() => undefined);
  }

  // biome-ignore lint/suspicious/noThenProperty: Generation is awaitable by design (types.ts).
  then<A = string, B = never>(
    onFulfilled?: ((text: string) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.text ??= this.usage.then((usage) => {
      if (usage.finishReason === "aborted") throw aborted();
      return this.pieces.join("");
    });
    return this.text.then(onFulfilled, onRejected);
  }

  [Symbol.asyncIterator](): AsyncIterator<string, undefined> {
    let next = 0;
    let left = false;
    return {
      next: async () => {
        while (!left && next >= this.pieces.length && !this.ended)
          await new Promise<void>((resolve) => this.wake.push(resolve));
        if (!left && next < this.pieces.length) return { done: false, value: this.pieces[next++]! };
        if (!left && (await this.usage).finishReason === "aborted") throw aborted();
        return { done: true, value: undefined };
      },
      return: async () => {
        left = true;
        this.controller.abort();
        this.notify();
        return { done: true, value: undefined };
      },
    };
  }

  private notify(): void {
    for (const resolve of this.wake.splice(0)) resolve();
  }
}

function aborted(): LlmError {
  return new LlmError("aborted", "The generation was aborted.");
}
