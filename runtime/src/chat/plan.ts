/** OpenAI's request → what the engine is asked, and what is told from what comes back. */
import { accept } from "../contract/accept";
import { type ChatRequest, chatRequest } from "../contract/chat";
import type { PlainEngineGenerateOptions, ResponseFormat } from "../contract/generate";
import { ENGINE_LIMITS } from "../contract/limits";
import { type PlainMessage, toPlainMessage } from "../contract/messages";
import type { ToolUse } from "../engine/answer_form";
import { LlmError } from "../internal/errors";

const REQUEST = chatRequest(ENGINE_LIMITS);
/** Tokens that a model may think for. */
const EFFORT_TOKENS = { minimal: 128, low: 512, medium: 2048, high: 8192, xhigh: 32768, max: null } as const;

export interface ChatPlan {
  readonly messages: readonly PlainMessage[];
  /** Of each choice, but for the seed. */
  readonly options: PlainEngineGenerateOptions;
  readonly choices: number;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly tools: ToolUse | null;
  readonly reasoning: Reasoning;
}

export interface Reasoning {
  /** null: as the model does by itself. */
  readonly enabled: boolean | null;
  /** null: without limit. */
  readonly maxTokens: number | null;
}

/** Errors: invalid_request, not_supported; `detail.path` is the field. */
export function planOf(value: unknown, partition: string | undefined): ChatPlan {
  const request = accept("chat", REQUEST, value, "request", "");
  const { messages, stream, stream_options: streaming } = request;
  if (streaming && !stream) throw invalid("stream_options", "stream_options needs stream: true");
  if (streaming?.include_obfuscation)
    throw new LlmError(
      "not_supported",
      "chat: stream_options.include_obfuscation is not supported here: leave it out.",
      {
        path: "stream_options.include_obfuscation",
      },
    );
  const last = messages.at(-1)!;
  if (last.role === "assistant" && last.tool_calls && last.tool_calls.length > 0)
    throw invalid("messages", "tool calls must be followed by a message of the role tool for each");
  return {
    messages: messages.map(toPlainMessage),
    options: optionsOf(request, partition),
    choices: request.n ?? 1,
    stream: stream ?? false,
    includeUsage: streaming?.include_usage ?? false,
    tools: toolsOf(request),
    reasoning: reasoningOf(request),
  };
}

function optionsOf(request: ChatRequest, partition: string | undefined): PlainEngineGenerateOptions {
  const { max_completion_tokens: most, max_tokens: alsoMost } = request;
  if (most && alsoMost && most !== alsoMost)
    throw invalid(
      "max_tokens",
      "max_tokens is the older name of max_completion_tokens, and they differ: give one of them",
    );
  const { logprobs, top_logprobs: top } = request;
  if (top && !logprobs) throw invalid("top_logprobs", "top_logprobs needs logprobs: true");
  return given({
    model: request.model,
    maxTokens: most ?? alsoMost,
    temperature: request.temperature,
    topP: request.top_p,
    topK: request.top_k,
    minP: request.min_p,
    repetitionPenalty: request.repetition_penalty,
    presencePenalty: request.presence_penalty,
    frequencyPenalty: request.frequency_penalty,
    logitBias: request.logit_bias,
    stop: request.stop,
    seed: request.seed,
    logprobs,
    topLogprobs: logprobs ? top : null,
    responseFormat: formatOf(request),
    adapter: request.adapter,
    partition,
  });
}

function formatOf({ response_format: format }: ChatRequest): ResponseFormat | null {
  if (!format || format.type === "text") return null;
  if (format.type === "json_object") return { type: "json" };
  if (format.type !== "json_schema") return format;
  const { schema = true } = format.json_schema;
  return { type: "schema", schema };
}

/** What must not be called need not be shown. */
function toolsOf({ tools = [], tool_choice: choice, parallel_tool_calls: parallel }: ChatRequest): ToolUse | null {
  if (tools.length === 0) {
    if (choice && choice !== "none") throw invalid("tool_choice", "tool_choice needs tools");
    return null;
  }
  const names = tools.map((tool) => tool.function.name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw invalid("tools", `two tools have the name ${twice}`);
  if (typeof choice === "object" && choice && !names.includes(choice.function.name))
    throw invalid("tool_choice", `tool_choice names ${choice.function.name}, which is none of the tools`);
  return choice === "none" ? null : { tools, choice: choice ?? "auto", parallel: parallel ?? true };
}

function reasoningOf({ reasoning, reasoning_effort: effort }: ChatRequest): Reasoning {
  if (reasoning && effort) throw invalid("reasoning", "give reasoning or reasoning_effort, not both");
  if (effort === "none") return { enabled: false, maxTokens: null };
  if (effort) return { enabled: true, maxTokens: EFFORT_TOKENS[effort] };
  return { enabled: reasoning?.enabled ?? null, maxTokens: reasoning?.max_tokens ?? null };
}

/** Without what is null or undefined. */
function given<T extends object>(options: { [K in keyof T]?: T[K] | null | undefined }): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value != null)) as T;
}

function invalid(path: string, problem: string): LlmError {
  return new LlmError("invalid_request", `chat: ${problem}.`, { path });
}
