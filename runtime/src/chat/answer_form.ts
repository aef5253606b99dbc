/**
 * What an answer consists of: content, thoughts and tool calls, and the constraint that holds it to that.
 *
 * One place decides it for a request, from the model's template and what is asked for.
 */
import type { ResponseFormat } from "../contract/generate";
import type { Json } from "../contract/rules";
import { LlmError } from "../internal/errors";
import type { ChatPlan } from "./plan";

export type Delta =
  | { readonly type: "content" | "reasoning"; readonly text: string }
  | {
      readonly type: "tool_call";
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments?: string;
    };

/** Of one answer. */
export interface AnswerParser {
  push(text: string): readonly Delta[];
  end(): readonly Delta[];
}

export interface AnswerForm {
  /** What the template sees beside the messages. */
  readonly variables: Readonly<Record<string, Json>>;
  readonly format: ResponseFormat | null;
  parser(): AnswerParser;
}

/** Errors: not_supported, invalid_request. */
export function answerFormOf({ tools, reasoning, options }: ChatPlan): AnswerForm {
  if (tools) throw new LlmError("not_supported", "chat: tools are not supported yet.", { path: "tools" });
  if (reasoning.enabled !== null || reasoning.maxTokens !== null)
    throw new LlmError("not_supported", "chat: reasoning is not supported yet.", { path: "reasoning" });
  return { variables: {}, format: options.responseFormat ?? null, parser: () => CONTENT };
}

const CONTENT: AnswerParser = {
  push: (text) => (text ? [{ type: "content", text }] : []),
  end: () => [],
};
