/** The package's entry `./contract`: the declarations and their validator, for whoever checks requests before the engine does. */

export { type ChatRequest, chatRequest } from "./chat";
export type { ChatCompletion, ChatCompletionChunk } from "./chat_answer";
export { budgetOf, type Checked, check, type Problem } from "./check";
export { generateOptions, type PlainGenerateOptions, prompt } from "./generate";
export type { Limits } from "./limits";
export { type MemoryCall, type MemoryResults, memoryCall, memoryItem } from "./memory";
export type { Message } from "./messages";
export * from "./primordials";
export {
  array,
  choice,
  countedText,
  either,
  type FieldData,
  type Infer,
  integer,
  object,
  optional,
  type Rule,
  type RuleData,
  text,
} from "./rules";
export {
  pageDecideOptions,
  pageSessionOptions,
  pageSessionPromptOptions,
  questions,
  sessionInput,
} from "./sessions";
