/** What may be asked of sessions and of `decide`, beside the options of `generate`. */
import { tool } from "./chat";
import { adapter } from "./generate";
import type { Limits } from "./limits";
import { message } from "./messages";
import {
  array,
  boolean,
  choice,
  countedText,
  either,
  type Infer,
  number,
  object,
  optional,
  text,
  variants,
} from "./rules";

const MAX_TOOLS = 128;
const MAX_QUESTIONS = 64;
const MAX_OPTIONS = 64;
const MAX_LABEL = 256;
const MAX_SCORE = 1e9;

/** How adventurous answers are; `balanced` is what the model's author recommends. Two are Chromium's experiments. */
export const samplingMode = choice(
  "most-predictable",
  "predictable",
  "slightly-predictable",
  "balanced",
  "slightly-creative",
  "creative",
  "most-creative",
);

export const sessionTools = array(tool, 0, MAX_TOOLS);

/** None of them: nothing is said, where something must be answered, it is an empty message of the user. */
export const sessionInput = ({ messages }: Pick<Limits, "messages">) =>
  either(countedText(), array(message, 0, messages));

const asked = { id: text(1, MAX_LABEL), prompt: countedText() } as const;
export const questions = array(
  variants("type", {
    boolean: object({ ...asked, type: choice("boolean") }),
    choice: object({ ...asked, type: choice("choice"), options: array(text(1, MAX_LABEL), 2, MAX_OPTIONS) }),
    /** Default: 1 to 5. */
    score: object({
      ...asked,
      type: choice("score"),
      options: optional(array(number(-MAX_SCORE, MAX_SCORE), 2, MAX_OPTIONS)),
    }),
  }),
  1,
  MAX_QUESTIONS,
);

export const decideOptions = object({
  /** Whether what the model thinks of each option without the input is taken out. Default: true. */
  calibrate: optional(boolean()),
  /** As in `generate`. */
  adapter: optional(adapter),
  /** KV prefixes are only reused between requests of the same partition. Default "". */
  partition: optional(text(0, 1024)),
});

export type SamplingMode = Infer<typeof samplingMode>;
export type Question = Infer<typeof questions>[number];
export type PlainDecideOptions = Infer<typeof decideOptions>;
