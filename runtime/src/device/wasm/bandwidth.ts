/** The speed of streaming reads, which is what decoding is limited by: measured on the weights' own memory. */
import { nextTurn } from "../../internal/turn";
import type { Plan, Pool } from "./pool";

const REPETITIONS = 7;
/** Larger than any cache, small enough to take a few milliseconds. */
const MOST_BYTES = 512 * 2 ** 20;
export const BANDWIDTH_FUNCTION = "stream_read";

function vectorsOf(nbytes: number): number {
  return Math.floor(Math.min(nbytes, MOST_BYTES) / 16);
}

/** What the pool must be able to run. `sums` is the address of 16 bytes a thread. */
export function bandwidthPlan(address: number, nbytes: number, sums: number): Plan {
  return { [BANDWIDTH_FUNCTION]: [[["stream_read", address, sums, vectorsOf(nbytes)]]] };
}

/** 1e9 bytes per second, the best of a few repetitions, of a pool with `bandwidthPlan` of `nbytes`. */
export async function measureBandwidth(
  pool: Pool,
  nbytes: number,
  threads: number,
  signal?: AbortSignal,
): Promise<number> {
  let best = 0;
  for (let i = 0; i < REPETITIONS; i++) {
    signal?.throwIfAborted();
    const startedMs = performance.now();
    pool.run([BANDWIDTH_FUNCTION], threads);
    const seconds = (performance.now() - startedMs) / 1000;
    best = Math.max(best, (vectorsOf(nbytes) * 16) / seconds / 1e9);
    await nextTurn();
  }
  return best;
}
