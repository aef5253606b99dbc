/**
 * One request of a page: awaited it is the whole text, iterated it gives the pieces as they come. The request starts
 * at once and runs once, however often it is awaited or iterated; leaving a `for await` loop aborts it. Beside what
 * Generation promises it has `catch` and `finally`, because people use them on everything that has `then`.
 */
import type { Generation, Usage } from "@nomoat/runtime";
import { defineProperty, freeze, uncurried } from "../protocol/primordials";
import { abortError } from "./errors";

const NativePromise = Promise;
const promiseThen = uncurried(Promise.prototype.then<unknown, unknown>);
const promiseFinally = uncurried(Promise.prototype.finally);
const { asyncIterator } = Symbol;

type Settle<T> = { resolve(value: T): void; reject(reason: unknown): void };
type Step = IteratorResult<string, undefined>;

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
  const pieces: string[] = [];
  let whole = "";
  let settled = false;
  let failed = false;
  let failure: unknown;
  let wakeIterators = (): void => {};
  const text = deferred<string>();
  const usage = deferred<Usage>();

  const iterate = (): AsyncIterator<string, undefined> => {
    let next = 0;
    let closed = false;
    let waiting: Settle<Step>[] = [];
    const step = ({ resolve, reject }: Settle<Step>): boolean => {
      if (closed) resolve({ done: true, value: undefined });
      else if (next < pieces.length) resolve({ done: false, value: pieces[next++]! });
      else if (!settled) return false;
      else {
        closed = true;
        if (failed) reject(failure);
        else resolve({ done: true, value: undefined });
      }
      return true;
    };
    const wakeOthers = wakeIterators;
    wakeIterators = () => {
      wakeOthers();
      let done = 0;
      while (done < waiting.length && step(waiting[done]!)) done++;
      const rest: Settle<Step>[] = [];
      for (let i = done; i < waiting.length; i++) rest[rest.length] = waiting[i]!;
      waiting = rest;
    };
    return freeze({
      next: () =>
        promise<Step>((settle) => {
          if (!step(settle)) waiting[waiting.length] = settle;
        }),
      return: () =>
        promise<Step>((settle) => {
          closed = true;
          settle.resolve({ done: true, value: undefined });
          if (!settled) {
            source.fail(abortError());
            onAbandon();
          }
          wakeIterators();
        }),
    });
  };

  const generation = freeze({
    // biome-ignore lint/suspicious/noThenProperty: a Generation is PromiseLike
    then: (onFulfilled?: never, onRejected?: never) => promiseThen(text.promise, onFulfilled, onRejected),
    catch: (onRejected?: never) => promiseThen(text.promise, undefined, onRejected),
    finally: (onSettled?: never) => promiseFinally(text.promise, onSettled),
    [asyncIterator]: iterate,
    usage: usage.promise,
  }) as unknown as Generation;

  const source: GenerationSource = {
    generation,
    settled: () => settled,
    text(piece) {
      if (settled) return;
      pieces[pieces.length] = piece;
      whole += piece;
      wakeIterators();
    },
    finish(value) {
      if (settled) return;
      settled = true;
      text.resolve(whole);
      usage.resolve(value);
      wakeIterators();
    },
    fail(reason) {
      if (settled) return;
      settled = true;
      failed = true;
      failure = reason;
      text.reject(reason);
      usage.reject(reason);
      wakeIterators();
    },
  };
  return source;
}

/** A promise of the page's realm that keeps working when Promise.prototype is patched afterwards. */
export function promise<T>(start: (settle: Settle<T>) => void): Promise<T> {
  const created = new NativePromise<T>((resolve, reject) => start({ resolve, reject }));
  // `then` asks a promise for its constructor; an own one keeps the page's patches out of it.
  defineProperty(created, "constructor", { __proto__: null, value: NativePromise } as PropertyDescriptor);
  return created;
}

function deferred<T>(): Settle<T> & { promise: Promise<T> } {
  let settle!: Settle<T>;
  const created = promise<T>((given) => {
    settle = given;
  });
  // Whoever only iterates, or never asks for the usage, must not see an "unhandled rejection".
  promiseThen(created, undefined, () => {});
  return { promise: created, resolve: settle.resolve, reject: settle.reject };
}
