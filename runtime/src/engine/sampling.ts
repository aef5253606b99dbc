/** How the next token is chosen: the caller's options over the package's defaults, as the device's buffers want it. */
import type { PlainEngineGenerateOptions } from "../contract/generate";

export interface SamplingDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
}

export interface Sampling {
  /** sample_greedy reads logits alone; sample reads `buffer`, and token_counts where penalties are on. */
  readonly function: "sample_greedy" | "sample";
  readonly usesCounts: boolean;
  readonly seed: number;
  /** Content of the buffer `sampling`: float32 [8]. */
  readonly buffer: Float32Array<ArrayBuffer>;
}

/** `options` have been checked (options.ts). */
export function resolveSampling(options: PlainEngineGenerateOptions, defaults: SamplingDefaults): Sampling {
  const temperature = options.temperature ?? defaults.temperature ?? 0.7;
  const topP = options.topP ?? defaults.topP ?? 0.95;
  const topK = options.topK ?? defaults.topK ?? 0;
  const repetition = options.repetitionPenalty ?? defaults.repetitionPenalty ?? 1;
  const presence = options.presencePenalty ?? 0;
  const frequency = options.frequencyPenalty ?? 0;
  const usesCounts = repetition !== 1 || presence !== 0 || frequency !== 0;
  const deterministic = temperature === 0 || topK === 1;
  return {
    function: deterministic && !usesCounts ? "sample_greedy" : "sample",
    usesCounts,
    seed: options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
    buffer: Float32Array.of(
      temperature === 0 ? 1 : temperature,
      deterministic ? 1 : topK,
      topP,
      options.minP ?? 0,
      repetition,
      presence,
      frequency,
      0,
    ),
  };
}

/** How often each token occurs: int32 [vocabSize]. */
export function countTokens(tokens: readonly number[], vocabSize: number): Int32Array<ArrayBuffer> {
  const counts = new Int32Array(vocabSize);
  for (const token of tokens) counts[token]! += 1;
  return counts;
}
