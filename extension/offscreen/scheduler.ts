/**
 * Whose request runs next. The engine computes one at a time; sites take turns, each in the order it asked, so one
 * site with many requests delays another by at most one of them.
 */

interface Job {
  readonly run: () => Promise<void>;
}

export class Scheduler {
  /** Waiting jobs by site; the first key is the site whose turn it is. */
  readonly #queues = new Map<string, Job[]>();
  #running = false;

  /** Runs `work` when its turn comes. Rejects with the signal's reason when aborted before that. */
  run<T>(owner: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const job: Job = {
        run: async () => {
          signal.removeEventListener("abort", leave);
          await work().then(resolve, reject);
        },
      };
      const leave = (): void => {
        this.#drop(owner, job);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      const queue = this.#queues.get(owner);
      if (queue) queue.push(job);
      else this.#queues.set(owner, [job]);
      void this.#pump();
    });
  }

  #drop(owner: string, job: Job): void {
    const left = this.#queues.get(owner)?.filter((waiting) => waiting !== job) ?? [];
    if (left.length > 0) this.#queues.set(owner, left);
    else this.#queues.delete(owner);
  }

  async #pump(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let next = this.#next(); next; next = this.#next()) await next.run();
    this.#running = false;
  }

  #next(): Job | undefined {
    const [owner, queue] = this.#queues.entries().next().value ?? [];
    if (owner === undefined || !queue) return undefined;
    const job = queue.shift();
    // The site goes to the end of the line, also when it has more to do.
    this.#queues.delete(owner);
    if (queue.length > 0) this.#queues.set(owner, queue);
    return job;
  }
}
