/**
 * A checkpoint behind an HTTP server that answers ranges. A file that changes between two answers is an error, so
 * that no model is made of two: every answer must have the size and the validator (ETag, or the date) of the first.
 */
import { LlmError } from "../internal/errors";
import type { DownloadSettings } from "../storage/download";
import { Requests, Transient } from "./requests";
import { type CheckpointSource, checkRange } from "./source";

const MAX_NAME = 200;

export class UrlSource implements CheckpointSource {
  readonly name: string;
  nbytes = 0;
  /** What tells this version of the file from another; null: the server gives nothing that does. */
  version: string | null = null;

  private readonly requests: Requests;

  private constructor(
    readonly url: URL,
    private readonly settings: DownloadSettings,
    signal: AbortSignal | undefined,
  ) {
    this.requests = new Requests(url, settings, signal);
    const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
    this.name = decoded(last).slice(0, MAX_NAME);
  }

  /** Asks for the first byte. Errors: network, not_allowed, integrity, aborted. */
  static async open(url: URL, settings: DownloadSettings, signal: AbortSignal | undefined): Promise<UrlSource> {
    const source = new UrlSource(url, settings, signal);
    await source.retried(0, 1);
    return source;
  }

  async read(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, offset, nbytes);
    return nbytes === 0 ? new Uint8Array(0) : this.retried(offset, nbytes);
  }

  private retried(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.requests.retried(async (signal, unlessStalled) => {
      const response = await unlessStalled(
        this.settings.fetch(this.url, {
          headers: { Range: `bytes=${offset}-${offset + nbytes - 1}` },
          credentials: "omit",
          cache: "no-store",
          signal,
        }),
      );
      this.check(response, offset);
      const bytes = new Uint8Array(nbytes);
      let position = 0;
      const reader = response.body!.getReader();
      for (;;) {
        const { done, value } = await unlessStalled(reader.read());
        if (done) break;
        if (position + value.length > nbytes) throw this.failed("the server sent more than was asked for", {});
        bytes.set(value, position);
        position += value.length;
      }
      if (position < nbytes) throw new Transient(`the answer ended after ${position} of ${nbytes} bytes`);
      return bytes;
    });
  }

  private check(response: Response, offset: number): void {
    const { status, headers } = response;
    this.requests.checkTransient(response);
    if (status === 200)
      throw this.failed("the server sends whole files only. Import from one that answers ranges, or choose the file", {
        status,
      });
    if (status === 401 || status === 403)
      throw new LlmError(
        "not_allowed",
        `${this.url.href} is not public (the server answered ${status}): it may ask for a licence to be accepted, or for a login. Do that in the browser, download the file, and choose it.`,
        { url: this.url.href, status },
      );
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
    return this.requests.failed(why, detail);
  }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
