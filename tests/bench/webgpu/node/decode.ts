/**
 * Decoding as the engine does it: several steps in a submit, two submits under way, nothing uploaded in between, the
 * ring of sampled tokens read back after each submit.
 *
 * Time goes in laps that begin from the same state, so that every lap must give the tokens of the first.
 */

import { checkTokens, finiteLogits } from "./checks";
import { calls, callsPer } from "./dawn";
import type { Model } from "./model";
import { rounded, type Sampler } from "./task";

const FUNCTIONS: Readonly<Record<Sampler, string>> = { greedy: "sample_greedy", sample: "sample" };
/** Temperature, top_k, top_p, min_p and the penalties of docs/program-interface.md. */
const SAMPLING = [0.7, 50, 0.9, 0, 1, 0, 0, 0];
const SEED = 42;
/** Tokens in the ring `tokens`, the most that a lap can be compared by. */
const RING = 64;
const MAX_STEPS_PER_SUBMIT = 16;
const QUEUE_AHEAD_MS = 50;

interface Pace {
  readonly lap: number;
  readonly stepsPerSubmit: number;
  readonly depth: number;
}
interface Lap {
  readonly tokens: Int32Array;
  /** Time in calls of the executor. */
  readonly jsMs: number;
}

export function writeState(model: Model, position: number): void {
  model.executor.write("state", Int32Array.of(1, position, 0, SEED));
}

/** The report's line of one sampler at one context. Errors: WrongOutput, the device's failure. */
export async function measureDecode(model: Model, sampler: Sampler, context: number, seconds: number): Promise<object> {
  const { executor } = model;
  executor.write("sampling", Float32Array.from(SAMPLING));
  const pool = executor.readbacks(RING * 4);
  const lap = async ({ lap: tokens, stepsPerSubmit, depth }: Pace): Promise<Lap> => {
    let jsMs = 0;
    const underWay: Promise<ArrayBuffer>[] = [];
    let ring = new ArrayBuffer(0);
    for (let done = 0; done < tokens; done += stepsPerSubmit) {
      const staging = await pool.take();
      const called = performance.now();
      if (done === 0) writeState(model, context);
      const steps = Array.from({ length: stepsPerSubmit }, () => ["decode", FUNCTIONS[sampler]]).flat();
      executor.run(steps, 1, [{ from: "tokens", to: staging, toOffset: 0, bytes: RING * 4 }]);
      jsMs += performance.now() - called;
      underWay.push(pool.read(staging));
      if (underWay.length >= depth) ring = await underWay.shift()!;
    }
    for (const rest of underWay) ring = await rest;
    return { tokens: new Int32Array(ring).slice(0, tokens), jsMs };
  };

  // The first run of a pipeline is slow in every driver, and what comes after it says how fast this device is.
  const probe: Pace = { lap: 1, stepsPerSubmit: 1, depth: 1 };
  await lap(probe);
  let started = performance.now();
  await lap(probe);
  const pace = paceFor(performance.now() - started, seconds, executor.pacing.decodeTargetMs);

  const first = await lap(pace);
  checkTokens(first.tokens, model, null);
  const before = { ...calls };
  let jsMs = 0;
  let laps = 0;
  started = performance.now();
  while (laps < 2 || performance.now() - started < seconds * 1000) {
    const { tokens, jsMs: lapJsMs } = await lap(pace);
    checkTokens(tokens, model, first.tokens);
    jsMs += lapJsMs;
    laps += 1;
  }
  const ms = performance.now() - started;
  const tokens = laps * pace.lap;
  // Each lap wrote its state, which the engine does once in an answer.
  const counts = callsPer(tokens, { ...before, writes: before.writes! + laps });
  await finiteLogits(model);
  pool.destroy();
  return {
    sampler,
    context,
    tokens,
    steps_per_submit: pace.stepsPerSubmit,
    tok_per_s: rounded((tokens / ms) * 1000),
    ms_per_token: rounded(ms / tokens),
    js_ms_per_token: rounded(jsMs / tokens, 4),
    weight_gb_per_s: rounded((executor.weightBytesPerToken / 1e6 / ms) * tokens),
    distinct_tokens: new Set(first.tokens).size,
    calls_per_token: counts,
  };
}

/** Laps of 64 tokens where a second holds many of them, shorter ones on slow devices; submits as long as the engine's. */
function paceFor(msPerToken: number, seconds: number, targetMs: number): Pace {
  const lap = [RING, 16, 4].find((tokens) => 2 * tokens * msPerToken < seconds * 1000) ?? 1;
  let stepsPerSubmit = 1;
  while (2 * stepsPerSubmit <= Math.min(lap, MAX_STEPS_PER_SUBMIT) && 2 * stepsPerSubmit * msPerToken <= targetMs) {
    stepsPerSubmit *= 2;
  }
  return { lap, stepsPerSubmit, depth: stepsPerSubmit * msPerToken < QUEUE_AHEAD_MS ? 2 : 1 };
}
