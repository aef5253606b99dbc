/**
 * One request of a page: awaited it is the whole text, iterated it gives the pieces as they come. The request starts
 * at once and runs once, however often it is awaited or iterated; leaving a `for await` loop aborts it. Beside what
 * Generation promises it has `catch` and `finally`, because people use them on everything that has `then`.
 */
import type { Generation, Usage } from "@nomoat/runtime";
import { freeze, uncurried } from "@nomoat/runtime/contract";
import { createPieces, deferred, promiseThen } from "./pieces";

const promiseFinally = uncurried(Promise.prototype.finally);
const { asyncIterator } = Symbol;

/** The producing side of a Generation. */
export interface GenerationSource {
  readonly generation: Generation;
  readonly settled: () => boolean;
  text(piece: string): void;
  finish(usage: Usage): void;
  fail(reason: unknown): void;
}

/** `onAbandon` is called once when the consumer leaves its loop before the end. */
export function createGeneration(onAbandon: () => void): GenerationSource {
  let whole = "";
  const text = deferred<string>();
  const usage = deferred<Usage>();
  const pieces = createPieces<string>((reason) => {
    source.fail(reason);
    onAbandon();
  });

  const generation = freeze({
    // biome-ignore lint/suspicious/noThenProperty: a Generation is PromiseLike
    then: (onFulfilled?: never, onRejected?: never) => promiseThen(text.promise, onFulfilled, onRejected),
    catch: (onRejected?: never) => promiseThen(text.promise, undefined, onRejected),
    finally: (onSettled?: never) => promiseFinally(text.promise, onSettled),
    [asyncIterator]: pieces.iterate,
    usage: usage.promise,
  }) as unknown as Generation;

  const source: GenerationSource = {
    generation,
    settled: pieces.settled,
    text(piece) {
      if (pieces.settled()) return;
      whole += piece;
      pieces.push(piece);
    },
    finish(value) {
      if (!pieces.end()) return;
      text.resolve(whole);
      usage.resolve(value);
    },
    fail(reason) {
      if (!pieces.fail(reason)) return;
      text.reject(reason);
      usage.reject(reason);
    },
  };
  return source;
}
