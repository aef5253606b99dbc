/** One holder at a time for each name: over all tabs and workers of the origin where the browser has Web Locks. */
import { throwIfAborted } from "./download";

const tails = new Map<string, Promise<unknown>>();

/** Runs `work` when the lock is free; `aborted` while it waits ends the wait. */
export async function withLock<T>(name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  throwIfAborted(signal);
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  if (locks !== undefined) {
    try {
      return (await locks.request(name, signal ? { signal } : {}, work)) as T;
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    }
  }
  const before = tails.get(name) ?? Promise.resolve();
  const mine = before.then(() => {
    throwIfAborted(signal);
    return work();
  });
  const tail = mine.catch(() => undefined);
  tails.set(name, tail);
  void tail.then(() => {
    if (tails.get(name) === tail) tails.delete(name);
  });
  return mine;
}
