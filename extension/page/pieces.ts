/**
 * What comes to a page piece by piece and ends once; each loop over it sees all of it. Promises and loops keep working
 * when the page patches built-ins afterwards.
 */
import { defineProperty, freeze, uncurried } from "@nomoat/runtime/contract";
import { abortError } from "./errors";

const NativePromise = Promise;
export const promiseThen = uncurried(Promise.prototype.then<unknown, unknown>);

export type Settle<T> = { resolve(value: T): void; reject(reason: unknown): void };
type Step<T> = IteratorResult<T, undefined>;

/** The producing side. What comes after the end is dropped. */
export interface Pieces<T> {
  readonly settled: () => boolean;
  readonly iterate: () => AsyncIterator<T, undefined>;
  push(piece: T): void;
  /** False: it has ended before. */
  end(): boolean;
  fail(reason: unknown): boolean;
}

/** `onAbandon` is called once, with the error of an abort, when a loop is left before the end. */
export function createPieces<T>(onAbandon: (reason: unknown) => void): Pieces<T> {
  const pieces: T[] = [];
  let settled = false;
  let failed = false;
  let failure: unknown;
  let wakeIterators = (): void => {};

  const iterate = (): AsyncIterator<T, undefined> => {
    let next = 0;
    let closed = false;
    let waiting: Settle<Step<T>>[] = [];
    const step = ({ resolve, reject }: Settle<Step<T>>): boolean => {
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
      const rest: Settle<Step<T>>[] = [];
      for (let i = done; i < waiting.length; i++) rest[rest.length] = waiting[i]!;
      waiting = rest;
    };
    return freeze({
      next: () =>
        promise<Step<T>>((settle) => {
          if (!step(settle)) waiting[waiting.length] = settle;
        }),
      return: () =>
        promise<Step<T>>((settle) => {
          closed = true;
          settle.resolve({ done: true, value: undefined });
          if (!settled) onAbandon(abortError());
          wakeIterators();
        }),
    });
  };

  return {
    settled: () => settled,
    iterate,
    push(piece) {
      if (settled) return;
      pieces[pieces.length] = piece;
      wakeIterators();
    },
    end() {
      if (settled) return false;
      settled = true;
      wakeIterators();
      return true;
    },
    fail(reason) {
      if (settled) return false;
      settled = true;
      failed = true;
      failure = reason;
      wakeIterators();
      return true;
    },
  };
}

/** A promise of the page's realm that keeps working when Promise.prototype is patched afterwards. */
export function promise<T>(start: (settle: Settle<T>) => void): Promise<T> {
  const created = new NativePromise<T>((resolve, reject) => start({ resolve, reject }));
  // `then` asks a promise for its constructor; an own one keeps the page's patches out of it.
  defineProperty(created, "constructor", { __proto__: null, value: NativePromise } as PropertyDescriptor);
  return created;
}

export function deferred<T>(): Settle<T> & { promise: Promise<T> } {
  let settle!: Settle<T>;
  const created = promise<T>((given) => {
    settle = given;
  });
  // Whoever only iterates, or never asks, must not see an "unhandled rejection".
  promiseThen(created, undefined, () => {});
  return { promise: created, resolve: settle.resolve, reject: settle.reject };
}
