/**
 * The bytes of one file over HTTP, from an offset to its known end, across interruptions.
 *
 * Transient failures (connection lost or stalled, 408, 425, 429, 5xx, an answer that ends early) are retried with
 * growing pauses, from where the bytes ended, by a Range request. A server that ignores Range sends the file from its
 * beginning; the part already there is skipped. Whether the bytes are the right ones is for the SHA-256 to say, so an
 * ETag is only used to notice early that a file was replaced between two requests. (If-Range would do that too, but
 * costs cross-origin servers a preflight that many refuse; Range alone does not.)
 */
import { LlmError } from "../internal/errors";
import { within } from "../internal/within";

export interface DownloadSettings {
  readonly fetch: typeof fetch;
  /** An answer without a byte for this long counts as lost. */
  readonly stallMs: number;
  /** The first pause; it doubles each time, up to sixteen times this. */
  readonly retryMs: number;
  /** Failures in a row without a mebibyte of progress before it is given up. */
  readonly maxFailures: number;
}

export const DOWNLOAD_SETTINGS: DownloadSettings = {
  fetch: (input, init) => fetch(input, init),
  stallMs: 30_000,
  retryMs: 500,
  maxFailures: 5,
};

const PROGRESS_BYTES = 1024 * 1024;
const TRANSIENT_STATUS = [408, 425, 429, 500, 502, 503, 504];

/** What can be tried again; never leaves this file. */
class Transient extends Error {}

/**
 * Yields the bytes [offset, nbytes) of `url` in order. Errors: `network` when retries are used up or the server
 * refuses, `integrity` when the file is longer than `nbytes` or changes on the way, `aborted`.
 */
export async function* download(
  url: string,
  offset: number,
  nbytes: number,
  settings: DownloadSettings,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const validator: Validator = { etag: null };
  let position = offset;
  let failures = 0;
  let progressFrom = position;
  while (position < nbytes) {
    throwIfAborted(signal);
    try {
      for await (const piece of attempt(url, position, nbytes, validator, settings, signal)) {
        position += piece.length;
        yield piece;
      }
      if (position === nbytes) return;
      throw new Transient(`the answer ended after ${position} of ${nbytes} bytes`);
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof Transient)) throw error;
      if (position - progressFrom >= PROGRESS_BYTES) failures = 0;
      progressFrom = position;
      failures++;
      if (failures >= settings.maxFailures) {
        throw new LlmError("network", `Could not fetch ${url}: ${error.message}. Check the connection and try again.`, {
          url,
          attempts: failures,
        });
      }
      await pause(settings.retryMs * 2 ** Math.min(failures - 1, 4) * (0.75 + Math.random() / 2), signal);
    }
  }
}

/** A whole small file of unknown size, at most `maxBytes`. Errors as `download`, `invalid_package` if it is larger. */
export async function downloadText(
  url: string,
  maxBytes: number,
  settings: DownloadSettings,
  signal?: AbortSignal,
): Promise<string> {
  for (let failures = 0; ; ) {
    throwIfAborted(signal);
    try {
      const chunks: Uint8Array[] = [];
      let nbytes = 0;
      for await (const piece of attempt(url, 0, Number.POSITIVE_INFINITY, { etag: null }, settings, signal)) {
        nbytes += piece.length;
        if (nbytes > maxBytes)
          throw new LlmError("invalid_package", `${url} must have at most ${maxBytes} bytes.`, { url });
        chunks.push(piece.slice());
      }
      return decodeUtf8(chunks, url);
    } catch (error) {
      throwIfAborted(signal);
      if (!(error instanceof Transient)) throw error;
      failures++;
      if (failures >= settings.maxFailures) {
        throw new LlmError("network", `Could not fetch ${url}: ${error.message}. Check the connection and try again.`, {
          url,
          attempts: failures,
        });
      }
      await pause(settings.retryMs * 2 ** Math.min(failures - 1, 4), signal);
    }
  }
}

interface Validator {
  etag: string | null;
}

/** One request. Throws Transient for what may go better next time. */
async function* attempt(
  url: string,
  position: number,
  nbytes: number,
  validator: Validator,
  settings: DownloadSettings,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const stop = new AbortController();
  const forward = (): void => stop.abort();
  signal?.addEventListener("abort", forward, { once: true });
  try {
    const response = await unlessStalled(
      settings.fetch(url, {
        headers: position > 0 ? { Range: `bytes=${position}-` } : {},
        credentials: "omit",
        // The bytes are kept in storage; the HTTP cache would hold every model twice.
        cache: "no-store",
        signal: stop.signal,
      }),
      settings.stallMs,
    );
    let skip = checkResponse(response, url, position, nbytes, validator);
    if (response.body === null) return;
    const reader = response.body.getReader();
    let received = position;
    for (;;) {
      const { done, value } = await unlessStalled(reader.read(), settings.stallMs);
      if (done) return;
      if (skip >= value.length) {
        skip -= value.length;
        continue;
      }
      const piece = skip > 0 ? value.subarray(skip) : value;
      skip = 0;
      received += piece.length;
      if (received > nbytes) {
        throw new LlmError(
          "integrity",
          `${url} must have ${nbytes} bytes; the server sends more. The file was replaced.`,
          {
            url,
            expected: nbytes,
          },
        );
      }
      yield piece;
    }
  } catch (error) {
    if (error instanceof LlmError || error instanceof Transient) throw error;
    // fetch rejects with TypeError for everything that is not an HTTP status.
    throw new Transient(error instanceof Error ? error.message : "the connection failed");
  } finally {
    signal?.removeEventListener("abort", forward);
    stop.abort();
  }
}

/** How many bytes at the beginning of the body are already there. */
function checkResponse(
  response: Response,
  url: string,
  position: number,
  nbytes: number,
  validator: Validator,
): number {
  const { status } = response;
  if (TRANSIENT_STATUS.includes(status)) throw new Transient(`the server answered ${status}`);
  if (status !== 200 && status !== 206 && status !== 416) {
    throw new LlmError(
      "network",
      `Could not fetch ${url}: the server answered ${status}. Check the address of the package.`,
      { url, status },
    );
  }
  const etag = response.headers.get("etag");
  const strong = etag !== null && !etag.startsWith("W/") ? etag : null;
  const changed = validator.etag !== null && strong !== null && strong !== validator.etag;
  validator.etag = strong ?? validator.etag;
  if (changed || status === 416) {
    throw new LlmError(
      "integrity",
      `${url} was replaced on the server while it was fetched, or is shorter than ${nbytes} bytes. Start again.`,
      {
        url,
        expected: nbytes,
      },
    );
  }
  if (status === 200) return position;
  const start = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "")?.[1];
  if (start !== undefined && Number(start) !== position) {
    throw new LlmError("network", `Could not fetch ${url}: the server sent another range than the one asked for.`, {
      url,
      status,
    });
  }
  return 0;
}

async function unlessStalled<T extends object>(work: Promise<T>, stallMs: number): Promise<T> {
  const result = await within(work, stallMs);
  if (result === null) throw new Transient(`nothing came for ${stallMs} ms`);
  return result;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      try {
        throwIfAborted(signal);
        resolve();
      } catch (error) {
        reject(error);
      }
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish, { once: true });
  });
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new LlmError("aborted", "The download was aborted. What is already there is kept.");
}

/** Text of a file; `invalid_package` where it is not UTF-8. */
export function decodeUtf8(chunks: readonly Uint8Array[], path: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    return chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
  } catch {
    throw new LlmError("invalid_package", `${path} must be UTF-8 text; it is not.`, { path });
  }
}
