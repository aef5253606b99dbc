/**
 * What may be asked of `chat.completions.create`: OpenAI's request, with its names, and what we add to it.
 *
 * null is the same as left out, as in OpenAI's API. `refused`: known fields that cannot be honoured, in any value that
 * asks for something. `ignored`: fields for OpenAI's own books and caches, on which no answer depends.
 * docs/decisions/0160-chat-completions.md says why each is where it is.
 */
import { adapter, logitBias, MAX_TOP_LOGPROBS, minP, penalty, repetitionPenalty, stop, topK, topP } from "./generate";
import type { Limits } from "./limits";
import { message } from "./messages";
import {
  array,
  boolean,
  choice,
  countedText,
  either,
  type Infer,
  ignored,
  integer,
  jsonObject,
  nullable,
  number,
  object,
  optional,
  refused,
  text,
  unsupported,
  variants,
} from "./rules";

const MAX_TOOLS = 128;
const MAX_SEED = Number.MAX_SAFE_INTEGER;

export const tool = variants("type", {
  function: object({
    type: choice("function"),
    function: object({
      name: text(1, 64),
      description: optional(countedText()),
      /** JSON Schema of the arguments; left out: no arguments. */
      parameters: optional(jsonObject()),
      strict: nullable(boolean()),
    }),
  }),
  custom: unsupported(),
});
export const tools = array(tool, 0, MAX_TOOLS);

export const toolChoice = either(
  choice("none", "auto", "required"),
  variants("type", {
    function: object({ type: choice("function"), function: object({ name: text(1, 64) }) }),
    allowed_tools: unsupported(),
    custom: unsupported(),
  }),
);

export const chatResponseFormat = variants("type", {
  text: object({ type: choice("text") }),
  json_object: object({ type: choice("json_object") }),
  json_schema: object({
    type: choice("json_schema"),
    json_schema: object({
      name: text(1, 64),
      description: optional(countedText()),
      schema: optional(either(boolean(), jsonObject())),
      strict: nullable(boolean()),
    }),
  }),
  regex: object({ type: choice("regex"), pattern: countedText(), flags: optional(text(0, 16)) }),
  grammar: object({ type: choice("grammar"), ebnf: countedText() }),
});

export const chatRequest = ({ messages, maxTokens, temperature, choices }: Limits) =>
  object({
    /** The conversation. Where the last message is the assistant's, the answer goes on with it. */
    messages: array(message, 1, messages),
    /** The loaded model's id or name; left out: the loaded model. */
    model: nullable(text(1, 256)),
    /** Whether the answer comes in chunks. */
    stream: nullable(boolean()),
    /** With `stream`; `include_usage`: a last chunk without choices has the usage. */
    stream_options: nullable(object({ include_usage: optional(boolean()), include_obfuscation: optional(boolean()) })),
    /** Most tokens of each answer, with those of its thoughts; default: what is left of the context. */
    max_completion_tokens: nullable(integer(1, maxTokens)),
    /** The older name of it. */
    max_tokens: nullable(integer(1, maxTokens)),
    /** 0 is greedy. Default: what the model's author recommends, else 0.7. */
    temperature: nullable(number(0, temperature)),
    /** The most likely tokens whose probabilities add up to this are kept. Default: the author's, else 0.95. */
    top_p: nullable(topP),
    /** Answers to the one prompt, which is computed once. */
    n: nullable(integer(1, choices)),
    /** Each answer ends before the first of these. */
    stop: nullable(stop),
    /** Same seed, request and program: same answers. */
    seed: nullable(integer(-MAX_SEED, MAX_SEED)),
    /** Whether each choice has the log probabilities of its tokens, of the model's distribution before bias, penalties, temperature and filters. */
    logprobs: nullable(boolean()),
    /** With logprobs: so many of the likeliest tokens at each place. */
    top_logprobs: nullable(integer(0, MAX_TOP_LOGPROBS)),
    /** Added to the logits of tokens, by their ids. */
    logit_bias: nullable(logitBias),
    /** Taken from the logit of every token that prompt or answer have. */
    presence_penalty: nullable(penalty),
    /** The same for each time that it occurs. */
    frequency_penalty: nullable(penalty),
    /** What the answer must be. A schema is always kept to, whatever `strict` says. */
    response_format: nullable(chatResponseFormat),
    /** Functions that the model may call, where its template knows tools. */
    tools: optional(tools),
    /** Whether it may, must or must not call one. Default: auto where there are tools. */
    tool_choice: nullable(toolChoice),
    /** Whether it may call several at once. Default: true. */
    parallel_tool_calls: nullable(boolean()),
    /** How long it may think: none; at most 128, 512, 2048, 8192 or 32768 tokens; max: without limit. */
    reasoning_effort: nullable(choice("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    /** Ours: whether it thinks, and for at most how many tokens. */
    reasoning: nullable(object({ enabled: optional(boolean()), max_tokens: optional(integer(0, maxTokens)) })),
    /** Ours: so many of the most likely tokens are kept; 0 is off. */
    top_k: nullable(topK),
    /** Ours: tokens at least this likely, of the likeliest one's probability, are kept. */
    min_p: nullable(minP),
    /** Ours: divides what speaks for a token that prompt or answer have; 1 is off. */
    repetition_penalty: nullable(repetitionPenalty),
    /** Ours: adapters that run along, by name, or with weights. */
    adapter: nullable(adapter),

    user: ignored(),
    metadata: ignored(),
    service_tier: ignored(),
    safety_identifier: ignored(),
    prompt_cache_key: ignored(),
    prompt_cache_options: ignored(),
    prompt_cache_retention: ignored(),
    prediction: ignored(),
    store: refused(choice(false)),
    modalities: refused(array(choice("text"), 1, 1)),
    verbosity: refused(choice("medium")),
    audio: refused(),
    moderation: refused(),
    web_search_options: refused(),
    functions: refused(),
    function_call: refused(),
  });

export type ChatRequest = Infer<ReturnType<typeof chatRequest>>;
export type Tool = Infer<typeof tool>;
export type ToolChoice = Infer<typeof toolChoice>;
