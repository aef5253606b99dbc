/** Bytes per second over the last two seconds, so that a stall shows at once. */
const WINDOW_MS = 2000;

export class SpeedMeter {
  #phase = "";
  #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  /** undefined until enough time has passed to say something. */
  bytesPerS(phase: string, bytes: number, nowMs: number = performance.now()): number | undefined {
    if (phase !== this.#phase) this.#samples = [];
    this.#phase = phase;
    this.#samples.push({ atMs: nowMs, bytes });
    this.#samples = this.#samples.filter((sample) => nowMs - sample.atMs <= WINDOW_MS);
    const first = this.#samples[0]!;
    const elapsedMs = nowMs - first.atMs;
    return elapsedMs < 100 ? undefined : ((bytes - first.bytes) * 1000) / elapsedMs;
  }
}
