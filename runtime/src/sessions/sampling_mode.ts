/**
 * The Prompt API's names for how adventurous answers are, as a temperature: a factor on what the model's author
 * recommends, since models differ in what they can bear. Chromium's two experimental names included.
 */
import type { SamplingMode } from "../contract/sessions";
import type { SamplingDefaults } from "../engine/sampling";

const FACTORS = {
  "most-predictable": 0,
  predictable: 0.5,
  "slightly-predictable": 0.75,
  balanced: 1,
  "slightly-creative": 1.15,
  creative: 1.3,
  "most-creative": 1.6,
} as const satisfies Readonly<Record<SamplingMode, number>>;

/** Where the author recommends nothing or greedy decoding, the others are factors of this. */
const USUAL_TEMPERATURE = 0.7;

/** `balanced` is the author's own choice. */
export function samplingOf(mode: SamplingMode, defaults: SamplingDefaults): { readonly temperature?: number } {
  if (mode === "balanced") return {};
  return { temperature: FACTORS[mode] * (defaults.temperature || USUAL_TEMPERATURE) };
}
