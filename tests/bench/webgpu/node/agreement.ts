/** One decode step in the chosen kernel variants against the same step in the last ones, which need no feature. */
import { finiteLogits, relativeError, WrongOutput } from "./checks";
import { writeState } from "./decode";
import { LAST_VARIANTS, type Model } from "./model";

/**
 * Variants sum float32 in different orders: a few 1e-7 in each of some hundred kernels, which layers pass on and
 * random weights do not dampen. A lane or a group read from the wrong place changes a logit by its own size.
 */
const TOLERANCE = 1e-3;

/** The relative error of the logits. Errors: WrongOutput. */
export async function compareVariants(model: Model, position: number): Promise<number> {
  const logits: Float32Array[] = [];
  for (const name of [LAST_VARIANTS, "decode"]) {
    writeState(model, position);
    model.executor.run([name]);
    logits.push(await finiteLogits(model));
  }
  const error = relativeError(logits[1]!, logits[0]!);
  if (error > TOLERANCE)
    throw new WrongOutput(`the chosen variants differ from the last ones by ${error.toExponential(1)}`);
  return error;
}
