/** What may be asked of sessions and of `decide`, beside the options of `generate`. */
import { tools } from "./chat";
import { adapter, sessionFields, sessionPromptFields } from "./generate";
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

/** What a page may set of a session, where `model` chooses the model. */
export const pageSessionOptions = (limits: Limits) =>
  object({
    ...sessionFields(limits),
    /** Messages that the session begins with and never loses; a system message may be the first of them. */
    initialPrompts: optional(array(message, 0, limits.messages)),
    /** Functions that the model may call, where its template knows tools. */
    tools: optional(tools),
    /** A name instead of a temperature; "balanced" is what the model's author recommends. Default "balanced". */
    samplingMode: optional(samplingMode),
  });

/** What a page may set of one prompt of a session. */
export const pageSessionPromptOptions = (limits: Limits) =>
  object({
    ...sessionPromptFields(limits),
    /** Whether the answer begins with the last message, which is the assistant's. Default: where it is the assistant's. */
    prefix: optional(boolean()),
    /** Whether the model is told of the format, in the last message of the user. Default false. */
    describeFormat: optional(boolean()),
  });

const decideFields = {
  /** Whether what the model thinks of each option without the input is taken out. Default: true. */
  calibrate: optional(boolean()),
  /** As in `generate`. */
  adapter: optional(adapter),
} as const;

/** What a page may set of a decision. */
export const pageDecideOptions = object({
  ...decideFields,
  /** The id or name of the model that is asked; left out: the one that the person has chosen. */
  model: optional(text(1, 256)),
});

export const decideOptions = object({
  ...decideFields,
  /** KV prefixes are only reused between requests of the same partition. Default "". */
  partition: optional(text(0, 1024)),
});

export type SamplingMode = Infer<typeof samplingMode>;
export type Question = Infer<typeof questions>[number];
export type PageSessionOptions = Infer<ReturnType<typeof pageSessionOptions>>;
export type PageSessionPromptOptions = Infer<ReturnType<typeof pageSessionPromptOptions>>;
export type PageDecideOptions = Infer<typeof pageDecideOptions>;
export type PlainDecideOptions = Infer<typeof decideOptions>;
