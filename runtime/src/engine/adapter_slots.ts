/** Which stacks of adapters are on a session's device: a few, and the one used longest ago gives way to a new one. */
import type { Executor } from "../device/executor";
import { LlmError } from "../internal/errors";
import type { ReadyStack } from "./adapter";

const MOST_STACKS = 4;

export class AdapterSlots {
  /** By key, least recently used first. */
  private readonly held = new Map<string, ReadyStack>();

  private readonly doomed = new Set<number>();

  constructor(private readonly executor: Executor) {}

  /**
   * Puts a stack on the device where it is not there; null is none. It stays until another call of this class, so what
   * runs with it must be queued at once. Errors: out_of_memory, and the device's failure.
   */
  async hold(ready: ReadyStack | null): Promise<void> {
    this.dropDoomed();
    if (!ready) return;
    while (!this.held.has(ready.key)) {
      if (this.held.size >= MOST_STACKS) this.dropOldest();
      try {
        await this.executor.addAdapters(ready.key, ready.program, ready.arrays);
        this.held.set(ready.key, ready);
      } catch (thrown) {
        const full = thrown instanceof LlmError && thrown.code === "out_of_memory";
        if (!full || this.held.size === 0) throw thrown;
        this.dropOldest();
      }
    }
    this.held.delete(ready.key);
    this.held.set(ready.key, ready);
  }

  /**
   * Frees the stacks that an adapter is in; at the next call of `hold` where requests run, since one of them may be about
   * to use it. One that goes on with it brings it back.
   */
  forget(serial: number, busy: boolean): void {
    this.doomed.add(serial);
    if (!busy) this.dropDoomed();
  }

  private dropDoomed(): void {
    if (this.doomed.size === 0) return;
    for (const [key, { stack }] of this.held)
      if (stack.some(({ adapter }) => this.doomed.has(adapter.serial))) this.drop(key);
    this.doomed.clear();
  }

  private dropOldest(): void {
    this.drop(this.held.keys().next().value!);
  }

  private drop(key: string): void {
    this.held.delete(key);
    this.executor.removeAdapters(key);
  }
}
