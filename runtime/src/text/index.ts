/**
 * The text side of a loaded model: text and messages → token ids → text, stop ids, sampling defaults, stop strings.
 *
 * Everything here is pure and synchronous; it knows nothing of devices, storage or the engine.
 */
import { LlmError } from "../internal/errors";
import { renderChat, type Variables } from "./chat";
import { cutAfterFinal } from "./continue_final";
import { type GenerationDefaults, parseGenerationConfig } from "./generation_config";
import { strip } from "./jinja/text_methods";
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
   * With `continueFinal` the prompt ends with the last message, the assistant's, so that the answer goes on with it.
   * Errors: invalid_request (the template refuses the messages, or there is none), invalid_package.
   */
  encodeChat(messages: readonly ChatMessage[], options?: EncodeChatOptions): { tokenIds: number[] };
  /** Text of the ids without special tokens; ids without a token are skipped. */
  decodeAll(ids: readonly number[]): string;
  /** What a token adds to a text, as UTF-8, which may be a part of a character; of a special token its content. */
  tokenBytes(id: number): Uint8Array;
  /** Incremental decodeAll: the pieces and the flush joined are equal to it. */
  stream(): TokenStream;
  /** eos_token_id of generation_config.json and the eos_token of tokenizer_config.json: each of them stops. */
  readonly stopTokenIds: ReadonlySet<number>;
  /** The text of a special token, which `decodeAll` leaves out; null for every other id. */
  specialText(id: number): string | null;
  /** One more than the largest id. A model's logits may be wider (padding) but not narrower. */
  readonly vocabSize: number;
  /** From generation_config.json; generation_config.ts says by which rule. */
  readonly defaults: GenerationDefaults;
}

export interface EncodeChatOptions {
  /** What the template sees beside the messages, such as tools. */
  readonly variables?: Variables;
  /** Whether the answer goes on with the last message. A blank one is left out. */
  readonly continueFinal?: boolean;
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
    encodeChat(messages, { variables = {}, continueFinal = false } = {}) {
      if (template === null) {
        const names = config.templateNames.join(", ");
        throw new LlmError(
          "invalid_request",
          `This model has no chat template${names && ` named default, only ${names}`}, so messages cannot be made into ` +
            "a prompt. Pass a string with raw: true, or compile it with --chat-template.",
        );
      }
      const clean = messages.map((message) => ({ ...message, content: wellFormed(message.content) }));
      const final = (continueFinal && clean.at(-1)?.content) || "";
      const goesOn = strip(final) !== "";
      const given = continueFinal && !goesOn ? clean.slice(0, -1) : clean;
      const all = goesOn ? { ...variables, add_generation_prompt: false } : variables;
      const prompt = renderChat(template, given, tokenizer.addedTokens, isAlwaysControl, all);
      const { text, guard } = goesOn ? cutAfterFinal(prompt, final) : prompt;
      return { tokenIds: tokenizer.encode(wellFormed(text), guard) };
    },
    decodeAll(ids) {
      const one = stream();
      return ids.map((id) => one.push(id)).join("") + one.flush();
    },
    tokenBytes: (id) => tokenizer.tokenBytes(id),
    stream,
    stopTokenIds,
    specialText: (id) => tokenizer.specialText(id),
    vocabSize: tokenizer.vocabSize,
    defaults: generation.defaults,
  };
}
