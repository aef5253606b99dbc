/**
 * The text side of a loaded model: text and messages → token ids → text, stop ids, sampling defaults, stop strings.
 *
 * Everything here is pure and synchronous; it knows nothing of devices, storage or the engine.
 */
import { LlmError } from "../internal/errors";
import { type ChatOptions, mapTexts, renderChat } from "./chat";
import { type GenerationDefaults, parseGenerationConfig } from "./generation_config";
import { findReasoning, isOpened, type ReasoningMarks } from "./reasoning";
import { type ChatMessage, ChatTemplate, type Json, loadRareParts } from "./template";
import { Tokenizer, wellFormed } from "./tokenizer";
import { parseTokenizerConfig } from "./tokenizer_config";
import type { AddedToken } from "./tokenizer_json";
import type { TemplateTools } from "./tool_calls/index";
import type { Tool, ToolFormat } from "./tool_calls/types";
import { type TemplateInput, templateInput } from "./tool_prompt";

export { answerParser } from "./answer_parser";
export { StopStrings } from "./stop_strings";
export type { Delta, Tool, ToolCall, ToolCallParser, ToolChoice, ToolFormat } from "./tool_calls/types";
export type { ChatMessage, GenerationDefaults };

export interface TextModel {
  /**
   * Ids of `text` with the bos and eos of tokenizer.json's post-processor. Without `allowSpecial` the text of a
   * special token is ordinary text. Of a text with more than `most` ids the end is cut.
   */
  encode(text: string, options: { allowSpecial: boolean; most?: number }): number[];
  /**
   * Ids of the chat template's prompt, generation prompt included and nothing added to it, as
   * `apply_chat_template(tokenize=True)`. Control tokens inside message content, tools and calls are ordinary text.
   * `prepareTools` must have been awaited before the first request with tools or with calls in its messages.
   * Errors: invalid_request (the template refuses the messages or leaves one out, or there is none), invalid_package.
   */
  encodeChat(messages: readonly ChatMessage[], options?: ChatPromptOptions): ChatPrompt;
  /**
   * How this model calls tools; null where its template knows none. Loads what only tools need.
   * Errors: network.
   */
  prepareTools(): Promise<ToolFormat | null>;
  /** How this model marks its reasoning; null where its template knows none. */
  readonly reasoning: Reasoning | null;
  /** Contents of the special tokens: for `withReasoning` and other Formats. */
  readonly specialTokens: readonly string[];
  /** Text of the ids without special tokens; ids without a token are skipped. */
  decodeAll(ids: readonly number[]): string;
  /**
   * Incremental decodeAll: the pieces and the flush joined are equal to it, but for the special tokens in the texts of
   * `keep`, which stay in the text.
   */
  stream(keep?: readonly string[]): TokenStream;
  /** eos_token_id of generation_config.json and the eos_token of tokenizer_config.json: each of them stops. */
  readonly stopTokenIds: ReadonlySet<number>;
  /** stop_strings of generation_config.json: an answer ends before the first of them. */
  readonly stopStrings: readonly string[];
  /** The text of a special token, which `decodeAll` leaves out; null for every other id. */
  specialText(id: number): string | null;
  /** For what is about tokens and not about text. */
  readonly tokenizer: Tokenizer;
  /** One more than the largest id. A model's logits may be wider (padding) but not narrower. */
  readonly vocabSize: number;
  /** From generation_config.json; generation_config.ts says by which rule. */
  readonly defaults: GenerationDefaults;
}

export interface ChatPromptOptions {
  readonly tools?: readonly Tool[];
  /** Seen by the template, such as enable_thinking. */
  readonly variables?: Readonly<Record<string, Json>>;
  /** The last message, the assistant's, goes on: nothing comes after its content. A blank one is left out. */
  readonly continueFinal?: boolean;
}

export interface ChatPrompt {
  readonly tokenIds: number[];
  /** The model goes on with its reasoning, which the prompt has opened. */
  readonly isReasoning: boolean;
}

export interface Reasoning extends ReasoningMarks {
  /** What is put after the reasoning to end it. */
  readonly endIds: readonly number[];
}

export interface TokenStream {
  /** Text that is final with this token; never half a character. */
  push(id: number): string;
  flush(): string;
}

export interface TextFiles {
  readonly tokenizer: string;
  readonly tokenizerConfig: string;
  readonly chatTemplate: string | null;
  readonly generationConfig: string | null;
}

/** Values of a "type" of tokenizer.json. */
const RARE_MODELS = /"(?:Unigram|WordPiece|Precompiled)"/;

/** Before createTextModel: loads the parts of the text part that these files call for. Errors: network, and those of createTextModel. */
export async function prepareTextModel(files: TextFiles): Promise<void> {
  const source = files.chatTemplate ?? parseTokenizerConfig(files.tokenizerConfig).chatTemplate;
  try {
    await loadRareParts(source ?? "");
    if (RARE_MODELS.test(files.tokenizer)) await import("./rare_models");
  } catch {
    throw new LlmError("network", "A part of the runtime that this model's text needs could not be loaded. Try again.");
  }
}

/** Errors: `invalid_package` for whatever the files break, and for tokenizers that cannot be reproduced exactly. */
export function createTextModel(files: TextFiles): TextModel {
  try {
    return build(files);
  } catch (error) {
    if (error instanceof LlmError) throw error;
    // Hostile JSON can still exhaust the stack (nested sequences) or memory; that too is the package's fault.
    const reason = error instanceof Error ? error.message : "unknown reason";
    throw new LlmError("invalid_package", `The tokenizer files cannot be used: ${reason}.`);
  }
}

async function loadTools(
  template: ChatTemplate,
  specials: readonly string[],
  stops: readonly string[],
): Promise<TemplateTools> {
  let part: typeof import("./tool_calls/index");
  try {
    part = await import("./tool_calls/index");
  } catch {
    throw new LlmError("network", "A part of the runtime that tools need could not be loaded. Try again.");
  }
  return part.templateTools(template, specials, stops);
}

function build(files: TextFiles): TextModel {
  const tokenizer = new Tokenizer(files.tokenizer);
  const config = parseTokenizerConfig(files.tokenizerConfig);
  const generation = parseGenerationConfig(files.generationConfig);
  const source = files.chatTemplate ?? config.chatTemplate;
  const template = source === null ? null : new ChatTemplate(source, config.specialTokens);

  const stopTokenIds = new Set(generation.eosTokenIds);
  const eosToken = config.specialTokens.eos_token;
  const eosId = eosToken === undefined ? undefined : tokenizer.idOf(eosToken);
  if (eosId !== undefined) stopTokenIds.add(eosId);
  const isAlwaysControl = (token: AddedToken): boolean => token.special || stopTokenIds.has(token.id);

  const specialTokens = tokenizer.addedTokens.filter((token) => token.special).map((token) => token.content);
  const marks = source === null ? null : findReasoning(source);
  const reasoning = marks === null ? null : { ...marks, endIds: tokenizer.encode(`\n${marks.close}\n\n`, null) };
  const stops = tokenizer.addedTokens.filter((token) => stopTokenIds.has(token.id)).map((token) => token.content);
  let tools: TemplateTools | null = null;

  const stream = (keep: readonly string[] = []): TokenStream => {
    const decoder = tokenizer.newDecodeStream();
    return {
      push(id) {
        const special = tokenizer.specialText(id);
        const isKept = special !== null && keep.some((text) => text.includes(special));
        const token = isKept ? special : tokenizer.visibleToken(id);
        return token === null ? "" : decoder.push(token);
      },
      flush: () => decoder.end(),
    };
  };

  const goesOnReasoning = (text: string, { messages }: TemplateInput, options: ChatOptions): boolean => {
    if (marks === null || template === null) return false;
    if (options.continueFinal) return isOpened(marks, messages.at(-1)?.content ?? "");
    // What the prompt has beside the messages.
    const without = template.render(messages, { ...options.variables, add_generation_prompt: false });
    let same = 0;
    while (same < without.length && without[same] === text[same]) same++;
    return isOpened(marks, text.slice(same));
  };

  return {
    encode(text, { allowSpecial, most = Number.POSITIVE_INFINITY }) {
      const clean = wellFormed(text);
      const guard = allowSpecial ? null : { spans: [[0, clean.length] as const], isControl: isAlwaysControl };
      return tokenizer.encodeWithSpecialTokens(clean, guard, most);
    },
    encodeChat(given, { tools: offered = [], variables = {}, continueFinal: goesOn = false } = {}) {
      if (template === null) {
        const names = config.templateNames.join(", ");
        throw new LlmError(
          "invalid_request",
          `This model has no chat template${names && ` named default, only ${names}`}, so messages cannot be made into ` +
            "a prompt. Pass a string with raw: true, or compile the model with --chat-template and the format that it " +
            "was trained with: chatml, llama2, vicuna, alpaca, …",
        );
      }
      // An answer of which nothing is there begins as any answer does.
      const isBlank = goesOn && (given.at(-1)?.content ?? "").trim() === "";
      const messages = isBlank ? given.slice(0, -1) : given;
      const continueFinal = goesOn && !isBlank;
      const hasCalls = messages.some((message) => message.role === "tool" || (message.tool_calls ?? []).length > 0);
      if (tools === null && (hasCalls || offered.length > 0)) {
        throw new LlmError("internal", "encodeChat: tools need prepareTools first.");
      }
      const clean = messages.map((message) => mapTexts(message, wellFormed));
      const named = mapTexts(offered, wellFormed);
      const input = templateInput(template.source, tools?.messages(clean, named) ?? clean, named);
      const options = { variables: { ...variables, ...input.variables }, continueFinal };
      const { text, guard } = renderChat(template, input.messages, tokenizer.addedTokens, isAlwaysControl, options);
      return {
        tokenIds: tokenizer.encode(wellFormed(text), guard),
        isReasoning: goesOnReasoning(text, input, options),
      };
    },
    async prepareTools() {
      if (template === null) return null;
      tools ??= await loadTools(template, specialTokens, stops);
      return tools.format;
    },
    reasoning,
    specialTokens,
    decodeAll(ids) {
      const one = stream();
      return ids.map((id) => one.push(id)).join("") + one.flush();
    },
    stream,
    stopTokenIds,
    stopStrings: generation.stopStrings,
    specialText: (id) => tokenizer.specialText(id),
    tokenizer,
    vocabSize: tokenizer.vocabSize,
    defaults: generation.defaults,
  };
}
