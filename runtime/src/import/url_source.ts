/**
 * A checkpoint behind an HTTP server that answers ranges. A file that changes between two answers is an error, so
 * that no model is made of two: every answer must have the size and the validator (ETag, or the date) of the first.
 *
 * Transient failures are retried with growing pauses, as those of a package's files are (storage/download.ts).
 */
import { LlmError } from "../internal/errors";
import type { DownloadSettings } from "../storage/download";
import { type CheckpointSource, checkRange } from "./source";

const TRANSIENT_STATUS = [408, 425, 429, 500, 502, 503, 504];
const MAX_NAME = 200;

class Transient extends Error {}

export class UrlSource implements CheckpointSource {
  readonly name: string;
  nbytes = 0;
  /** What tells this version of the file from another; null: the server gives nothing that does. */
  version: string | null = null;

  private constructor(
    readonly url: URL,
    private readonly settings: DownloadSettings,
    private readonly signal: AbortSignal | undefined,
  ) {
    const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
    this.name = decoded(last).slice(0, MAX_NAME);
  }

  /** Asks for the first byte. Errors: network, aborted. */
  static async open(url: URL, settings: DownloadSettings, signal: AbortSignal | undefined): Promise<UrlSource> {
    const source = new UrlSource(url, settings, signal);
    await source.retried(0, 1);
    return source;
  }

  async read(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, offset, nbytes);
    return nbytes === 0 ? new Uint8Array(0) : this.retried(offset, nbytes);
  }

  private async retried(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    for (let failures = 1; ; failures++) {
      this.throwIfAborted();
      try {
        return await this.attempt(offset, nbytes);
      } catch (thrown) {
        this.throwIfAborted();
        if (thrown instanceof LlmError) throw thrown;
        // fetch rejects with TypeError for everything that is not an HTTP status.
        const why = thrown instanceof Error ? thrown.message : "the connection failed";
        if (failures >= this.settings.maxFailures)
          throw this.failed(`${why}. Check the connection and try again`, { attempts: failures });
        await this.pause(this.settings.retryMs * 2 ** Math.min(failures - 1, 4) * (0.75 + Math.random() / 2));
      }
    }
  }

  private async attempt(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const stop = new AbortController();
    const forward = (): void => stop.abort();
    this.signal?.addEventListener("abort", forward, { once: true });
    try {
      const response = await this.unlessStalled(
        this.settings.fetch(this.url, {
          headers: { Range: `bytes=${offset}-${offset + nbytes - 1}` },
          credentials: "omit",
          cache: "no-store",
          signal: stop.signal,
        }),
      );
      this.check(response, offset);
      const bytes = new Uint8Array(nbytes);
      let position = 0;
      const reader = response.body!.getReader();
      for (;;) {
        const { done, value } = await this.unlessStalled(reader.read());
        if (done) break;
        if (position + value.length > nbytes) throw this.failed("the server sent more than was asked for", {});
        bytes.set(value, position);
        position += value.length;
      }
      if (position < nbytes) throw new Transient(`the answer ended after ${position} of ${nbytes} bytes`);
      return bytes;
    } finally {
      this.signal?.removeEventListener("abort", forward);
      stop.abort();
    }
  }

  private check(response: Response, offset: number): void {
    const { status, headers } = response;
    if (TRANSIENT_STATUS.includes(status)) throw new Transient(`the server answered ${status}`);
    if (status === 200)
      throw this.failed("the server sends whole files only. Import from one that answers ranges, or choose the file", {
        status,
      });
    if (status === 401 || status === 403)
      throw this.failed(`the server answered ${status}: the file is not public. Download it yourself and choose it`, {
        status,
      });
    if (status !== 206 && status !== 416)
      throw this.failed(`the server answered ${status}. Check the address of the file`, { status });
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
    // A server of another origin must name the header; without it the size is not known.
    if (status === 206 && range === null)
      throw this.failed("the server does not say which range it sent (Content-Range)", { status });
    const version = headers.get("etag") ?? headers.get("last-modified");
    const total = Number(range?.[2]);
    if (this.nbytes === 0) {
      this.nbytes = total;
      this.version = version;
    }
    if (status === 416 || total !== this.nbytes || version !== this.version)
      throw new LlmError("integrity", `${this.name} was replaced on the server while it was read. Start again.`, {
        url: this.url.href,
      });
    if (Number(range![1]) !== offset) throw this.failed("the server sent another range than the one asked for", {});
  }

  private failed(why: string, detail: Record<string, number>): LlmError {
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

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
