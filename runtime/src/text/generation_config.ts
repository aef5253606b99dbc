/**
 * What generation_config.json says about stopping and sampling.
 *
 * Sampling rule: temperature, top_p, top_k and repetition_penalty are taken as they are written; a key that is absent
 * or null says nothing. `do_sample: false` means greedy decoding, so temperature 0. (transformers also decodes
 * greedily where do_sample is absent; nearly every such file only lists eos ids and does not mean to ask for that.)
 */
import { Reader } from "../internal/reader";
import { asObject, parseJson } from "./tokenizer_json";

export interface GenerationDefaults {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly repetitionPenalty?: number;
}

export interface GenerationConfig {
  readonly eosTokenIds: readonly number[];
  readonly stopStrings: readonly string[];
  readonly defaults: GenerationDefaults;
}

const read = new Reader("invalid_package", "generation_config.json");

export function parseGenerationConfig(json: string | null): GenerationConfig {
  if (json === null) return { eosTokenIds: [], stopStrings: [], defaults: {} };
  const config = asObject(parseJson(json, "generation_config.json"), "generation_config.json");
  const eos = config.eos_token_id ?? [];
  const eosTokenIds = read
    .array(Array.isArray(eos) ? eos : [eos], "eos_token_id", 0, 1000)
    .map((id) => read.integer(id, "eos_token_id", 0, 4_194_303));
  const stops = config.stop_strings ?? [];
  const stopStrings = read
    .array(Array.isArray(stops) ? stops : [stops], "stop_strings", 0, 100)
    .map((text) => read.string(text, "stop_strings", 256));
  const optional = (key: string, minimum: number, maximum: number): number | undefined =>
    config[key] == null ? undefined : read.number(config[key], key, minimum, maximum);
  const temperature = config.do_sample === false ? 0 : optional("temperature", 0, 100);
  const topP = optional("top_p", 0, 1);
  const topK = optional("top_k", -1, 4_194_303); // -1 is how some write "off"
  const repetitionPenalty = optional("repetition_penalty", 0.01, 100);
  return {
    eosTokenIds,
    stopStrings,
    defaults: {
      ...(temperature === undefined ? {} : { temperature }),
      // 0 keeps nothing; files that hold it mean "off".
      ...(topP === undefined ? {} : { topP: topP === 0 ? 1 : topP }),
      ...(topK === undefined ? {} : { topK: Math.max(0, Math.floor(topK)) }),
      ...(repetitionPenalty === undefined ? {} : { repetitionPenalty }),
    },
  };
}
