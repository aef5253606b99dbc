/**
 * Requests that are made again with growing pauses where they fail for a while, as those of a package's files are
 * (storage/download.ts). A server that says how long to wait is obeyed, unless that is too long to wait for.
 */
import { LlmError } from "../internal/errors";
import type { DownloadSettings } from "../storage/download";

const TRANSIENT_STATUS = [408, 425, 429, 500, 502, 503, 504];
const MOST_RETRY_AFTER_S = 60;

export class Transient extends Error {
  constructor(
    message: string,
    readonly afterMs = 0,
  ) {
    super(message);
  }
}

export type UnlessStalled = <T extends object>(work: Promise<T>) => Promise<T>;
type Attempt<T> = (signal: AbortSignal, unlessStalled: UnlessStalled) => Promise<T>;

export class Requests {
  constructor(
    private readonly url: URL,
    private readonly settings: DownloadSettings,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Errors: network, aborted, and the LlmErrors of `attempt`, which are not tried again. */
  async retried<T>(attempt: Attempt<T>): Promise<T> {
    for (let failures = 1; ; failures++) {
      this.throwIfAborted();
      const stop = new AbortController();
      const forward = (): void => stop.abort();
      this.signal?.addEventListener("abort", forward, { once: true });
      try {
        return await attempt(stop.signal, (work) => this.unlessStalled(work));
      } catch (thrown) {
        this.throwIfAborted();
        if (thrown instanceof LlmError) throw thrown;
        // fetch rejects with TypeError for everything that is not an HTTP status.
        const why = thrown instanceof Error ? thrown.message : "the connection failed";
        if (failures >= this.settings.maxFailures)
          throw this.failed(`${why}. Check the connection and try again`, { attempts: failures });
        const pauseMs = this.settings.retryMs * 2 ** Math.min(failures - 1, 4) * (0.75 + Math.random() / 2);
        await this.pause(Math.max(pauseMs, thrown instanceof Transient ? thrown.afterMs : 0));
      } finally {
        this.signal?.removeEventListener("abort", forward);
        stop.abort();
      }
    }
  }

  /** Throws for what may pass by itself, and for a server that wants to be left alone for long. */
  checkTransient({ status, headers }: Response): void {
    if (!TRANSIENT_STATUS.includes(status)) return;
    const afterS = Number(headers.get("retry-after") ?? 0) || 0; // a date is not read
    if (afterS > MOST_RETRY_AFTER_S)
      throw this.failed(`the server answered ${status} and asks to wait ${afterS} s. Try again after that`, {
        status,
        retry_after_s: afterS,
      });
    throw new Transient(`the server answered ${status}`, afterS * 1000);
  }

  failed(why: string, detail: Record<string, number>): LlmError {
    const url = this.url.href;
    return new LlmError("network", `Could not read ${url}: ${why}.`, { url, ...detail });
  }

  private async unlessStalled<T extends object>(work: Promise<T>): Promise<T> {
    const { stallMs } = this.settings;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Transient(`nothing came for ${stallMs} ms`)), stallMs);
    });
    try {
      return await Promise.race([work, stalled]);
    } finally {
      clearTimeout(timer);
      work.catch(() => undefined);
    }
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.signal?.addEventListener("abort", finish, { once: true });
    });
  }

  private throwIfAborted(): void {
    if (this.signal?.aborted) throw new LlmError("aborted", "The import was aborted. What is already there is kept.");
  }
}
