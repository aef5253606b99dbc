/**
 * The text part as `nomoat compile` runs it, in a V8 without a browser (compiler/nomoat_compiler/text_check): one JSON
 * job in, one JSON result out. Built into one script by vite.check.config.ts; no page downloads it.
 */
import "./web_globals";
import "../text/jinja/rare";
import "../text/rare_models";
import { LlmError, type WireError } from "../internal/errors";
import { createTextModel, type TextFiles } from "../text/index";
import { type ChatMessage, ChatTemplate } from "../text/template";
import { parseTokenizerConfig } from "../text/tokenizer_config";

interface Job {
  readonly files: Omit<TextFiles, "tokenizer">;
  readonly conversations: readonly (readonly ChatMessage[])[];
  readonly texts: readonly string[];
}

type Attempt<T> = { readonly value: T } | { readonly error: WireError };

function attempt<T>(run: () => T): Attempt<T> {
  try {
    return { value: run() };
  } catch (thrown) {
    return { error: LlmError.from(thrown).toWire() };
  }
}

/** `job` and the result are JSON, `tokenizer` is tokenizer.json. The result is an error where the files cannot be loaded. */
function check(job: string, tokenizer: string): string {
  const { files, conversations, texts } = JSON.parse(job) as Job;
  const result = attempt(() => {
    const model = createTextModel({ ...files, tokenizer });
    const config = parseTokenizerConfig(files.tokenizerConfig);
    const source = files.chatTemplate ?? config.chatTemplate;
    const template = source === null ? null : new ChatTemplate(source, config.specialTokens);
    const encoded = texts.map((text) => attempt(() => model.encode(text, { allowSpecial: true })));
    return {
      rendered: template && conversations.map((messages) => attempt(() => template.render(messages))),
      chats: template && conversations.map((messages) => attempt(() => model.encodeChat(messages).tokenIds)),
      encoded,
      decoded: encoded.map((ids) => ("value" in ids ? attempt(() => model.decodeAll(ids.value)) : ids)),
    };
  });
  return JSON.stringify(result);
}

Object.assign(globalThis, { check });
