/** What comes piece by piece and ends once. Each iterator sees all of it; leaving its loop calls `onLeave`. */
export class Pieces<T> {
  readonly all: T[] = [];
  private isEnded = false;
  private failure: unknown = null;
  private wake: (() => void)[] = [];

  constructor(private readonly onLeave: () => void) {}

  push(piece: T): void {
    this.all.push(piece);
    this.notify();
  }

  /** `failure`: what loops reject with after the last piece; null: nothing. */
  end(failure: unknown = null): void {
    this.isEnded = true;
    this.failure = failure;
    this.notify();
  }

  iterate(): AsyncIterator<T, undefined> {
    let next = 0;
    let left = false;
    return {
      next: async () => {
        while (!left && next >= this.all.length && !this.isEnded)
          await new Promise<void>((resolve) => this.wake.push(resolve));
        if (!left && next < this.all.length) return { done: false, value: this.all[next++]! };
        if (!left && this.failure !== null) throw this.failure;
        return { done: true, value: undefined };
      },
      return: async () => {
        left = true;
        this.onLeave();
        this.notify();
        return { done: true, value: undefined };
      },
    };
  }

  private notify(): void {
    for (const resolve of this.wake.splice(0)) resolve();
  }
}

/** A controller that is aborted with `signal`, until `release`. */
export function following(signal: AbortSignal | undefined): { controller: AbortController; release: () => void } {
  const controller = new AbortController();
  const follow = (): void => controller.abort();
  if (signal?.aborted) follow();
  else signal?.addEventListener("abort", follow);
  return { controller, release: () => signal?.removeEventListener("abort", follow) };
}
