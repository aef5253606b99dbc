/**
 * What an answer consists of: content, reasoning and tool calls, how they are told apart while it comes, and the Format
 * that holds it to that. One place decides it, from what the model's template knows and what a request asks for.
 */
import type { Format } from "../constraint/format";
import { LlmError } from "../internal/errors";
import {
  answerParser,
  type TextModel,
  type Tool,
  type ToolCallParser,
  type ToolChoice,
  type ToolFormat,
} from "../text/index";
import { ReasoningSplitter, withReasoning } from "../text/reasoning_splitter";
import { ReasoningWatch } from "./reasoning_watch";

export interface ToolUse {
  readonly tools: readonly Tool[];
  readonly choice: ToolChoice;
  readonly parallel: boolean;
}

/** What a request asks of the form of its answer. */
export interface AnswerWish {
  /** null: no tools are offered. */
  readonly tools: ToolUse | null;
  /** Of the answer itself; null: free. */
  readonly format: Format | null;
  /** Most tokens of reasoning; null: as many as the model likes. */
  readonly reasoningTokens: number | null;
}

export interface AnswerForm {
  readonly format: Format | null;
  /** Special tokens that parsers must see. */
  readonly keep: readonly string[];
  parser(): ToolCallParser;
  /** null: the model does not think. */
  watch(): ReasoningWatch | null;
}

/**
 * `opened`: the prompt has opened the reasoning. Errors: not_supported where the model calls no tools, network, and those
 * of the tool's schemas.
 */
export async function answerFormOf(text: TextModel, wish: AnswerWish, opened: boolean): Promise<AnswerForm> {
  const { reasoning } = text;
  const { tools: use, reasoningTokens } = wish;
  const calls = use && (await toolFormatOf(text));
  const free = answerFormat(calls, use, wish.format);
  const thinks = reasoning !== null && reasoningTokens !== 0;
  const marks = reasoning ? [reasoning.open, reasoning.close, ...reasoning.around] : [];
  const splitter = () => reasoning && new ReasoningSplitter(reasoning, opened);
  return {
    format: free && thinks ? withReasoning(free, reasoning, opened, text.specialTokens) : free,
    keep: [...(calls?.markers ?? []), ...marks],
    parser: () => answerParser(splitter(), calls?.parser(use!.tools) ?? null),
    watch: () => reasoning && new ReasoningWatch(text.stream(marks), splitter()!, reasoningTokens, reasoning.endIds),
  };
}

/** Errors: not_supported, network. */
async function toolFormatOf(text: TextModel): Promise<ToolFormat> {
  const format = await text.prepareTools();
  if (format) return format;
  throw new LlmError(
    "not_supported",
    "This model's chat template knows no tools: leave tools out, or load another model.",
    {
      path: "tools",
    },
  );
}

/** An answer is of the wished form, or calls tools where it may. */
function answerFormat(calls: ToolFormat | null, use: ToolUse | null, format: Format | null): Format | null {
  if (!calls || !use) return format;
  const { tools, choice, parallel } = use;
  if (!format || choice !== "auto") return calls.format(tools, choice, parallel);
  const required = calls.format(tools, "required", parallel);
  return required ? { type: "choice", items: [format, required] } : format;
}
