/**
 * Saves the state through the service worker, which the browser may stop while it writes: such a write is tried again.
 *
 * One write at a time, so that an older state never lands on a newer one; what changes meanwhile is joined.
 */
import type { StoredState } from "../protocol/background";

/** Waits between the tries of one write: over a minute in all. Then it is reported, and the next change tries again. */
export const RETRY_MS = [50, 200, 1_000, 5_000, 15_000, 45_000] as const;

export class StateSaver {
  readonly #write: (state: Partial<StoredState>) => Promise<unknown>;
  readonly #onFailure: (error: unknown) => void;
  #pending: Partial<StoredState> = {};
  #writing = false;

  constructor(write: (state: Partial<StoredState>) => Promise<unknown>, onFailure: (error: unknown) => void) {
    this.#write = write;
    this.#onFailure = onFailure;
  }

  save(state: Partial<StoredState>): void {
    this.#pending = { ...this.#pending, ...state };
    if (!this.#writing) void this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    this.#writing = true;
    for (let failures = 0; Object.keys(this.#pending).length > 0; ) {
      const state = this.#pending;
      this.#pending = {};
      try {
        await this.#write(state);
        failures = 0;
      } catch (error) {
        this.#pending = { ...state, ...this.#pending };
        const wait_ms = RETRY_MS[failures++];
        if (wait_ms === undefined) {
          this.#onFailure(error);
          break;
        }
        await new Promise((resolve) => setTimeout(resolve, wait_ms));
      }
    }
    this.#writing = false;
  }
}
