/** The object that `monitor` gets: events of a download, at least 0 and 1, in steps of 1/65536, at most one in 50 ms. */

const STEPS = 65536;
const PAUSE_MS = 50;

export class CreateMonitor extends EventTarget {
  #handler: ((event: Event) => unknown) | null = null;

  constructor() {
    super();
    this.addEventListener("downloadprogress", (event) => this.#handler?.call(this, event));
  }

  get ondownloadprogress(): ((event: Event) => unknown) | null {
    return this.#handler;
  }
  set ondownloadprogress(value: unknown) {
    this.#handler = typeof value === "function" ? (value as (event: Event) => unknown) : null;
  }
}

/** Tells a monitor of fractions. What is not more than the last one, or comes too soon, is left out. */
export class Progress {
  private last = -1;
  private lastMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly monitor: EventTarget | null) {}

  start(): void {
    this.fire(0);
  }

  /** A fraction of the download. The end is for `finish`. */
  update(fraction: number): void {
    const loaded = Math.floor(fraction * STEPS) / STEPS;
    if (loaded > this.last && loaded < 1 && performance.now() - this.lastMs >= PAUSE_MS) this.fire(loaded);
  }

  finish(): void {
    this.fire(1);
    this.last = 1;
  }

  private fire(loaded: number): void {
    this.last = loaded;
    this.lastMs = performance.now();
    this.monitor?.dispatchEvent(new ProgressEvent("downloadprogress", { loaded, total: 1, lengthComputable: true }));
  }
}
