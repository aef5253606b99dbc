/** Prefill of a prompt from an empty cache, in chunks as large as the program takes, each a submit. */

import { finiteLogits, relativeError, WrongOutput } from "./checks";
import { calls, callsPer } from "./dawn";
import { writeState } from "./decode";
import type { Model } from "./model";
import { rounded } from "./task";

/** Tokens of a prompt on a device on which the whole one would take minutes. */
const SHORT = [256, 64, 16];
/** A prompt may take so many times the time of a measurement. */
const PATIENCE = 4;

/** The report's line; its `tokens` are fewer than `wanted` on a slow device. Errors: WrongOutput, the device's failure. */
export async function measurePrefill(model: Model, wanted: number, seconds: number): Promise<object> {
  const { executor, program } = model;
  const run = async (tokens: number): Promise<number> => {
    const started = performance.now();
    for (let at = 0; at < tokens; at += program.prefill_chunk) {
      const n = Math.min(program.prefill_chunk, tokens - at);
      writeState(model, at);
      executor.write(
        "prompt_ids",
        Int32Array.from({ length: n }, (_, i) => ((at + i) * 7919) % program.vocab_size),
      );
      executor.run(["prefill"], n);
    }
    await executor.finished();
    return performance.now() - started;
  };
  /** Of the token after the prompt: they depend on all that the prefill wrote. */
  const logitsAfter = async (tokens: number): Promise<Float32Array> => {
    writeState(model, tokens);
    executor.run(["decode"]);
    return finiteLogits(model);
  };
  const probe = Math.min(wanted, SHORT[2]!);
  await run(probe);
  const msPerToken = (await run(probe)) / probe;
  const affordable = (seconds * 1000 * PATIENCE) / msPerToken;
  const tokens =
    wanted <= affordable ? wanted : (SHORT.find((short) => short <= Math.min(wanted, affordable)) ?? probe);

  await run(tokens);
  const expected = await logitsAfter(tokens);
  const before = { ...calls };
  const times: number[] = [];
  do times.push(await run(tokens));
  while (times.reduce((sum, ms) => sum + ms, 0) < seconds * 1000);
  const counts = callsPer(times.length, before);
  const error = relativeError(await logitsAfter(tokens), expected);
  if (error !== 0) {
    throw new WrongOutput(`the logits after two runs of the same prompt differ by ${error.toExponential(1)}`);
  }
  const ms = times.sort((left, right) => left - right)[Math.floor(times.length / 2)]!;
  return {
    tokens,
    chunk: Math.min(tokens, program.prefill_chunk),
    runs: times.length,
    ms: rounded(ms),
    tok_per_s: rounded((tokens / ms) * 1000),
    calls_per_prompt: counts,
  };
}
