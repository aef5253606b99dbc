/**
 * The text side of a loaded model: text and messages → token ids → text, stop ids, sampling defaults, stop strings.
 *
 * Everything here is pure and synchronous; it knows nothing of devices, storage or the engine.
 */
import { LlmError } from "../internal/errors";
import { renderChat } from "./chat";
import { type GenerationDefaults, parseGenerationConfig } from "./generation_config";
import { type ChatMessage, ChatTemplate, loadRareParts } from "./template";
import { Tokenizer, wellFormed } from "./tokenizer";
import { parseTokenizerConfig } from "./tokenizer_config";
import type { AddedToken } from "./tokenizer_json";

export { StopStrings } from "./stop_strings";
export type { ChatMessage, GenerationDefaults };

export interface TextModel {
  /**
   * Ids of `text` with the bos and eos of tokenizer.json's post-processor. Without `allowSpecial` the text of a
   * special token is ordinary text. Of a text with more than `most` ids the end is cut.
   */
  encode(text: string, options: { allowSpecial: boolean; most?: number }): number[];
  /**
   * Ids of the chat template's prompt, generation prompt included and nothing added to it, as
   * `apply_chat_template(tokenize=True)`. Control tokens inside message content are ordinary text.
   * Errors: invalid_request (the template refuses the messages, or there is none), invalid_package.
   */
  encodeChat(messages: readonly ChatMessage[]): { tokenIds: number[] };
  /** Text of the ids without special tokens; ids without a token are skipped. */
  decodeAll(ids: readonly number[]): string;
  /** Incremental decodeAll: the pieces and the flush joined are equal to it. */
  stream(): TokenStream;
  /** eos_token_id of generation_config.json and the eos_token of tokenizer_config.json: each of them stops. */
  readonly stopTokenIds: ReadonlySet<number>;
  /** The text of a special token, which `decodeAll` leaves out; null for every other id. */
  specialText(id: number): string | null;
  /** For what is about tokens and not about text. */
  readonly tokenizer: Tokenizer;
  /** One more than the largest id. A model's logits may be wider (padding) but not narrower. */
  readonly vocabSize: number;
  /** From generation_config.json; generation_config.ts says by which rule. */
  readonly defaults: GenerationDefaults;
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

/** Before createTextModel: loads the parts of the text part that these files call for. Errors: network, and those of createTextModel. */
export async function prepareTextModel(files: TextFiles): Promise<void> {
  const source = files.chatTemplate ?? parseTokenizerConfig(files.tokenizerConfig).chatTemplate;
  try {
    await loadRareParts(source ?? "");
  } catch {
    throw new LlmError("network", "A part of the runtime that the chat template needs could not be loaded. Try again.");
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

  const stream = (): TokenStream => {
    const decoder = tokenizer.newDecodeStream();
    return {
      push(id) {
        const token = tokenizer.visibleToken(id);
        return token === null ? "" : decoder.push(token);
      },
      flush: () => decoder.end(),
    };
  };

  return {
    encode(text, { allowSpecial, most = Number.POSITIVE_INFINITY }) {
      const clean = wellFormed(text);
      const guard = allowSpecial ? null : { spans: [[0, clean.length] as const], isControl: isAlwaysControl };
      return tokenizer.encodeWithSpecialTokens(clean, guard, most);
    },
    encodeChat(messages) {
      if (template === null) {
        const names = config.templateNames.join(", ");
        throw new LlmError(
          "invalid_request",
          `This model has no chat template${names && ` named default, only ${names}`}, so messages cannot be made into ` +
            "a prompt. Pass a string with raw: true, or compile it with --chat-template.",
        );
      }
      const clean = messages.map(({ role, content }) => ({ role, content: wellFormed(content) }));
      const { text, guard } = renderChat(template, clean, tokenizer.addedTokens, isAlwaysControl);
      return { tokenIds: tokenizer.encode(wellFormed(text), guard) };
    },
    decodeAll(ids) {
      const one = stream();
      return ids.map((id) => one.push(id)).join("") + one.flush();
    },
    stream,
    stopTokenIds,
    specialText: (id) => tokenizer.specialText(id),
    tokenizer,
    vocabSize: tokenizer.vocabSize,
    defaults: generation.defaults,
  };
}
