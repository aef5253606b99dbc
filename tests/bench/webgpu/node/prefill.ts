/** Prefill of a prompt from an empty cache, in chunks as large as the program takes, each a submit. */
import { callsPer, calls } from "./dawn";
import { finiteLogits, relativeError, WrongOutput } from "./checks";
import { writeState } from "./decode";
import type { Model } from "./model";
import { rounded } from "./task";

/** The report's line. Errors: WrongOutput, the device's failure. */
export async function measurePrefill(model: Model, tokens: number, seconds: number): Promise<object> {
  const { executor, program } = model;
  const chunk = Math.min(tokens, program.prefill_chunk);
  const prompt = Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % program.vocab_size);
  const run = async (): Promise<number> => {
    const started = performance.now();
    for (let at = 0; at < tokens; at += chunk) {
      const part = prompt.slice(at, at + chunk);
      writeState(model, at);
      executor.write("prompt_ids", part);
      executor.run(["prefill"], part.length);
    }
    await executor.finished();
    return performance.now() - started;
  };
  /** Of the token after the prompt: they depend on all that the prefill wrote. */
  const logits = async (): Promise<Float32Array> => {
    writeState(model, tokens);
    executor.run(["decode"]);
    return finiteLogits(model);
  };
  await run();
  const expected = await logits();
  const before = { ...calls };
  const times: number[] = [];
  do times.push(await run());
  while (times.reduce((sum, ms) => sum + ms, 0) < seconds * 1000);
  const counts = callsPer(times.length * tokens, before);
  const error = relativeError(await logits(), expected);
  if (error !== 0) throw new WrongOutput(`the logits after two runs of the same prompt differ by ${error.toExponential(1)}`);
  const ms = times.sort((left, right) => left - right)[Math.floor(times.length / 2)]!;
  return {
    tokens,
    chunk,
    runs: times.length,
    ms: rounded(ms),
    tok_per_s: rounded((tokens / ms) * 1000),
    calls_per_token: counts,
  };
}
