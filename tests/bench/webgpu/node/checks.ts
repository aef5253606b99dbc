/** What a measurement's outputs must satisfy. An engine that answers fast and wrong has no speed. */
import type { Model } from "./model";

/** An output was wrong; its message says which and how. */
export class WrongOutput extends Error {}

/** The token ids of a lap against the vocabulary and against another lap from the same state, where there was one. */
export function checkTokens(ids: Int32Array, model: Model, earlier: Int32Array | null): void {
  const { vocab_size: vocabSize } = model.program;
  const outside = ids.find((id) => id < 0 || id >= vocabSize);
  if (outside !== undefined) throw new WrongOutput(`the token id ${outside} is outside the vocabulary of ${vocabSize}`);
  const differs = earlier ? ids.findIndex((id, i) => id !== earlier[i]) : -1;
  if (differs >= 0) {
    throw new WrongOutput(`token ${differs} is ${ids[differs]}, and was ${earlier![differs]} from the same state`);
  }
}

/** The logits as they are now. All must be finite, and not all equal. */
export async function finiteLogits(model: Model): Promise<Float32Array> {
  const logits = new Float32Array(await model.executor.read("logits")).subarray(0, model.program.vocab_size);
  const wrong = logits.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw new WrongOutput(`logit ${wrong} is ${logits[wrong]}`);
  if (logits.every((value) => value === logits[0])) throw new WrongOutput(`all logits are ${logits[0]}`);
  return logits;
}

/** The largest difference over the largest magnitude. */
export function relativeError(actual: Float32Array, expected: Float32Array): number {
  let largest = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
  }
  return difference / largest;
}
