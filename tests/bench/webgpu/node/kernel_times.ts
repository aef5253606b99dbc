/**
 * The time of each kernel of a function by itself: all its steps, over and over in one pass, until the wait for the
 * queue does not count. Steps of different layers read different weights, so a cache helps no more than in a decode.
 */
import { writeState } from "./decode";
import type { KernelGroup, Model } from "./model";
import { rounded } from "./task";

const RUN_MS = 30;
const MOST_REPEATS = 4096;

/** Lines of one function, slowest kernel first. Errors: the device's failure. */
export async function kernelTimes(model: Model, name: string, context: number): Promise<object[]> {
  const times: { readonly line: object; readonly ms: number }[] = [];
  for (const group of model.kernels.get(name)!) {
    const ms = await timeOfOnce(model, group, context);
    const us = (ms * 1000) / group.calls;
    const speed = group.weightBytes > 0 ? { gb_per_s: rounded(group.weightBytes / 1e6 / ms) } : {};
    times.push({
      ms,
      line: { kernel: group.kernel, calls: group.calls, us: rounded(us), ms_per_token: rounded(ms, 4), ...speed },
    });
  }
  return times.sort((left, right) => right.ms - left.ms).map(({ line }) => line);
}

/** Milliseconds of all the kernel's steps. */
async function timeOfOnce(model: Model, group: KernelGroup, context: number): Promise<number> {
  const { executor } = model;
  const time = async (repeats: number): Promise<number> => {
    // Samplers count positions up.
    writeState(model, context);
    await executor.finished();
    const started = performance.now();
    executor.run(new Array(repeats).fill(group.function));
    await executor.finished();
    return performance.now() - started;
  };
  await time(1);
  let repeats = 1;
  let ms = await time(repeats);
  while (ms < RUN_MS && repeats < MOST_REPEATS) {
    repeats *= 2;
    ms = await time(repeats);
  }
  return ms / repeats;
}
