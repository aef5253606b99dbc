/**
 * The client's end of the protocol: gives each request an id, and settles its promise by the one response.
 *
 * Owns the table of requests without a response. When the other side is gone, each of them is rejected.
 */
import { LlmError } from "../internal/errors";
import type { Method, Methods, ToWorker } from "../worker/protocol";

/** How messages reach the engine. */
export interface Channel {
  /** Throws where the message cannot be cloned. */
  post(message: ToWorker): void;
  close(): void;
}

export interface CallHooks<M extends Method> {
  readonly onEvent?: ((event: Methods[M]["event"]) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Pending {
  resolve(result: unknown): void;
  reject(error: LlmError): void;
  onEvent(event: unknown): void;
}

export class Connection {
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private failure: LlmError | null = null;
  private readonly channel: Channel;

  /** `open` gets the functions to call with each message that arrives and when the other side has failed. */
  constructor(open: (receive: (message: unknown) => void, fail: (error: LlmError) => void) => Channel) {
    this.channel = open(
      (message) => this.receive(message),
      (error) => this.fail(error),
    );
  }

  call<M extends Method>(
    method: M,
    params: Methods[M]["params"],
    hooks: CallHooks<M> = {},
  ): Promise<Methods[M]["result"]> {
    const { signal, onEvent } = hooks;
    return new Promise((resolve, reject) => {
      if (this.failure) return reject(this.failure);
      if (signal?.aborted) return reject(new LlmError("aborted", "The request was aborted before it began."));
      const id = this.nextId++;
      const onAbort = () => this.channel.post({ id, method: "abort" });
      const settle = () => {
        this.pending.delete(id);
        signal?.removeEventListener("abort", onAbort);
      };
      this.pending.set(id, {
        resolve: (result) => {
          settle();
          resolve(result as Methods[M]["result"]);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
        onEvent: (event) => onEvent?.(event as Methods[M]["event"]),
      });
      signal?.addEventListener("abort", onAbort);
      try {
        this.channel.post({ id, method, params } as ToWorker);
      } catch {
        settle();
        reject(
          new LlmError(
            "invalid_request",
            `${method}: the arguments must be plain data that can be posted to a worker.`,
          ),
        );
      }
    });
  }

  close(): void {
    this.fail(new LlmError("aborted", "The engine was closed."));
    this.channel.close();
  }

  private receive(message: unknown): void {
    if (typeof message !== "object" || message === null) return;
    const { id, event, result, error } = message as {
      id?: unknown;
      event?: unknown;
      result?: unknown;
      error?: unknown;
    };
    const pending = typeof id === "number" ? this.pending.get(id) : undefined;
    if (!pending) return;
    if (event !== undefined) callback(() => pending.onEvent(event));
    else if (error !== undefined) pending.reject(LlmError.fromWire(error));
    else pending.resolve(result);
  }

  private fail(error: LlmError): void {
    this.failure ??= error;
    for (const pending of [...this.pending.values()]) pending.reject(this.failure);
  }
}

/** An exception of a caller's progress function is the caller's: it is reported, and does not break the request. */
function callback(run: () => void): void {
  try {
    run();
  } catch (thrown) {
    queueMicrotask(() => {
      throw thrown;
    });
  }
}
