/** How fast bytes come, over the last seconds, so that a pause is seen and a single slow piece is not. */
const WINDOW_MS = 8_000;
const LEAST_MS = 500;

export class TransferRate {
  #steps: { readonly ms: number; readonly loaded: number }[] = [];

  /** Bytes a second, after `loaded` bytes in all at `nowMs`; null until enough was seen. */
  after(loaded: number, nowMs: number): number | null {
    // Fewer bytes than before: another download, or one that began anew.
    if (loaded < (this.#steps.at(-1)?.loaded ?? 0)) this.#steps = [];
    this.#steps.push({ ms: nowMs, loaded });
    while (this.#steps.length > 2 && nowMs - this.#steps[0]!.ms > WINDOW_MS) this.#steps.shift();
    const [first] = this.#steps as [{ ms: number; loaded: number }];
    const ms = nowMs - first.ms;
    return ms < LEAST_MS || loaded === first.loaded ? null : ((loaded - first.loaded) * 1000) / ms;
  }

  reset(): void {
    this.#steps = [];
  }
}
