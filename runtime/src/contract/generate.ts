/** What may be asked of `generate`: sampling and length. Omitted is not null, and unknown fields are refused. */
import type { Format } from "../constraint/format";
import type { Limits } from "./limits";
import { message } from "./messages";
import {
  array,
  boolean,
  choice,
  countedText,
  either,
  type Infer,
  integer,
  jsonObject,
  number,
  numbersByInteger,
  object,
  optional,
  type Rule,
  text,
  variants,
} from "./rules";

export const MAX_STOP_STRINGS = 16;
export const MAX_STOP_CHARACTERS = 256;
export const MAX_TOP_LOGPROBS = 20;
export const MAX_BIASES = 1024;
export const MAX_SEED = 2 ** 32 - 1;
const MAX_TOP_K = 2 ** 31;
/** As many as a device stacks (MOST_STACKED of operators.gen.ts, which the tests compare). */
export const MAX_ADAPTERS = 16;
const MAX_WEIGHT = 1000;

export const stop = either(text(1, MAX_STOP_CHARACTERS), array(text(1, MAX_STOP_CHARACTERS), 0, MAX_STOP_STRINGS));
export const logitBias = numbersByInteger(-100, 100, MAX_BIASES);
export const adapter = either(
  text(1, 128),
  array(object({ name: text(1, 128), weight: optional(number(-MAX_WEIGHT, MAX_WEIGHT)) }), 0, MAX_ADAPTERS),
);
export const topP = number(Number.MIN_VALUE, 1);
export const topK = integer(0, MAX_TOP_K);
export const minP = number(0, 1);
export const repetitionPenalty = number(Number.MIN_VALUE, 10);
export const penalty = number(-2, 2);

/** What an answer must be, in the form that crosses workers and ports. */
export const responseFormat = variants("type", {
  schema: object({ type: choice("schema"), schema: either(boolean(), jsonObject()) }),
  json: object({ type: choice("json") }),
  regex: object({ type: choice("regex"), pattern: countedText(), flags: optional(text(0, 16)) }),
  grammar: object({ type: choice("grammar"), ebnf: countedText() }),
});

export const prompt = ({ messages }: Pick<Limits, "messages">) => either(countedText(), array(message, 1, messages));

const fields = ({ maxTokens, temperature }: Limits) =>
  ({
    /** The id or name of the model that is asked; left out: the one that is loaded, or that the person has chosen. */
    model: optional(text(1, 256)),
    /** System message put before a string prompt or a message list without one. */
    system: optional(countedText()),
    /** Most tokens to generate; default: what is left of the context. */
    maxTokens: optional(integer(1, maxTokens)),
    /** 0 is greedy. Defaults of temperature, topP, topK and repetitionPenalty: the package's generation_config, else 0.7, 0.95, off, 1. */
    temperature: optional(number(0, temperature)),
    /** The most likely tokens whose probabilities add up to this are kept. */
    topP: optional(topP),
    /** So many of the most likely tokens are kept; 0 is off. */
    topK: optional(topK),
    /** Tokens at least this likely, of the likeliest one's probability, are kept. */
    minP: optional(minP),
    /** Divides what speaks for a token that prompt or answer have; 1 is off. */
    repetitionPenalty: optional(repetitionPenalty),
    /** Taken from the logit of every token that prompt or answer have. */
    presencePenalty: optional(penalty),
    /** The same for each time that it occurs. */
    frequencyPenalty: optional(penalty),
    /** Added to the logits of tokens, by their ids, before everything else. */
    logitBias: optional(logitBias),
    /** Generation ends before the first of these appears in the text. */
    stop: optional(stop),
    /** Same seed, prompt, options and program: same text. Default: random. */
    seed: optional(integer(0, MAX_SEED)),
    /** Whether `usage` has the log probability of each token, of the model's distribution before bias, penalties, temperature and filters. */
    logprobs: optional(boolean()),
    /** With logprobs: so many of the likeliest tokens at each place. */
    topLogprobs: optional(integer(0, MAX_TOP_LOGPROBS)),
    /** What the answer must be. A page may give a RegExp. */
    responseFormat: optional(responseFormat),
    /** Adapters that run along: one by name, or several whose changes are added, each times its weight. */
    adapter: optional(adapter),
  }) as const;

/** Of a session: its history has the system message. */
export const sessionFields = (limits: Limits) => {
  const { system: _, ...rest } = fields(limits);
  return rest;
};

/** Of a prompt of a session, whose model and adapters are chosen already. */
export const sessionPromptFields = (limits: Limits) => {
  const { model: _, adapter: __, ...rest } = sessionFields(limits);
  return rest;
};

/** What pages may set. */
export const generateOptions = (limits: Limits) => object(fields(limits));

/** What only trusted callers (extension, command line, tests) may set beside it. */
export const engineGenerateOptions = (limits: Limits) =>
  object({
    ...fields(limits),
    /** Any Format; what it says is checked where it is compiled. */
    responseFormat: optional(jsonObject() as Rule<Format>),
    /** true: the prompt string is tokenized as it is, without chat template (special tokens are recognised). */
    raw: optional(boolean()),
    /** KV prefixes are only reused between requests of the same partition. Default "". */
    partition: optional(text(0, 1024)),
  });

export type PlainGenerateOptions = Infer<ReturnType<typeof generateOptions>>;
export type PlainEngineGenerateOptions = Infer<ReturnType<typeof engineGenerateOptions>>;
export type AdapterUse = Exclude<Infer<typeof adapter>, string>[number];
export type ResponseFormat = Infer<typeof responseFormat>;
