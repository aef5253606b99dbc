/**
 * Requests of the HTTP server (python/nomoat/openai_api): several at once, each with events, one end, and an abort.
 *
 * Events that come while a batch is on its way wait for the next one, so a fast model makes larger batches, not a queue.
 */
export type Event = readonly [id: number, value: unknown];
export type EmitEvents = (batch: readonly Event[]) => Promise<void>;
type Work<T> = (signal: AbortSignal, onEvent: (value: unknown) => void) => Promise<T>;

export class Requests {
  private readonly running = new Map<number, AbortController>();
  private waiting: Event[] = [];
  private sending: Promise<void> | null = null;

  constructor(private readonly emit: EmitEvents) {}

  /** Settles as `work` does, after all of its events have arrived. */
  async run<T>(id: number, work: Work<T>): Promise<T> {
    const controller = new AbortController();
    this.running.set(id, controller);
    try {
      return await work(controller.signal, (value) => this.push(id, value));
    } finally {
      this.running.delete(id);
      while (this.sending) await this.sending;
    }
  }

  abort(id: number): void {
    this.running.get(id)?.abort();
  }

  private push(id: number, value: unknown): void {
    this.waiting.push([id, value]);
    this.sending ??= this.send().finally(() => {
      this.sending = null;
    });
  }

  private async send(): Promise<void> {
    while (this.waiting.length > 0) await this.emit(this.waiting.splice(0));
  }
}
