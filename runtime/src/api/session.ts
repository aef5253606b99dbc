/** A Session of types.ts over a Connection: this file only translates. */
import { LlmError } from "../internal/errors";
import type { SessionEvent, SessionState } from "../worker/protocol";
import type { Connection } from "./connection";
import { StartedGeneration } from "./generation";
import { plainOptions } from "./plain_options";
import type { DeviceInfo, Generation, Message, Session, SessionPromptOptions, ToolCall } from "./types";

export class SessionClient implements Session {
  oncontextoverflow: (() => void) | null = null;
  ontoolcall: ((call: ToolCall) => void) | null = null;
  readonly contextWindow: number;
  private readonly session: number;
  private usage: number;
  private destroyed = false;

  constructor(
    private readonly connection: Connection,
    created: SessionState & { readonly session: number },
    private readonly onDevice: (device: DeviceInfo) => void,
  ) {
    this.session = created.session;
    this.contextWindow = created.contextWindow;
    this.usage = created.contextUsage;
  }

  get contextUsage(): number {
    return this.usage;
  }

  prompt(input: string | readonly Message[], given: SessionPromptOptions = {}): Generation {
    const { signal, ...options } = plainOptions(given);
    const run = async (onText: (piece: string) => void, stop: AbortSignal) => {
      this.requireAlive();
      const onEvent = (event: SessionEvent) => {
        if ("text" in event) onText(event.text);
        else if ("toolCall" in event) this.ontoolcall?.(event.toolCall);
        else this.oncontextoverflow?.();
      };
      const params = { session: this.session, input, options };
      const { usage, ...state } = await this.connection.call("promptSession", params, { signal: stop, onEvent });
      this.take(state);
      return usage;
    };
    return new StartedGeneration(run, signal);
  }

  promptStreaming(input: string | readonly Message[], options: SessionPromptOptions = {}): ReadableStream<string> {
    const pieces = this.prompt(input, options)[Symbol.asyncIterator]();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await pieces.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => void (await pieces.return!()),
    });
  }

  async append(input: string | readonly Message[], { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    this.requireAlive();
    const onEvent = () => this.oncontextoverflow?.();
    this.take(await this.connection.call("appendSession", { session: this.session, input }, { signal, onEvent }));
  }

  async measure(input: string | readonly Message[], given: SessionPromptOptions = {}): Promise<number> {
    this.requireAlive();
    const { signal: _, ...options } = plainOptions(given);
    return this.connection.call("measureSession", { session: this.session, input, options });
  }

  async clone({ signal }: { signal?: AbortSignal } = {}): Promise<Session> {
    this.requireAlive();
    const created = await this.connection.call("cloneSession", { session: this.session }, { signal });
    return new SessionClient(this.connection, created, this.onDevice);
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    // Where the engine is gone, so is the session.
    this.connection.call("destroySession", { session: this.session }).catch(() => undefined);
  }

  private take({ contextUsage, device }: SessionState): void {
    this.usage = contextUsage;
    this.onDevice(device);
  }

  private requireAlive(): void {
    if (this.destroyed) throw new LlmError("aborted", "The session was destroyed.");
  }
}
