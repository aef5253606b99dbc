/** What tokenizer_config.json adds to tokenizer.json: the named special tokens and, in older files, the chat template. */
import { Reader } from "../internal/reader";
import { asObject, parseJson } from "./tokenizer_json";

export interface TokenizerConfig {
  /** bos_token, eos_token, unk_token, pad_token... → content */
  readonly specialTokens: Readonly<Record<string, string>>;
  readonly chatTemplate: string | null;
  /** Of the named templates where none is "default". */
  readonly templateNames: readonly string[];
}

const NAMES = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
const read = new Reader("invalid_package", "tokenizer_config.json");

export function parseTokenizerConfig(json: string): TokenizerConfig {
  const config = asObject(parseJson(json, "tokenizer_config.json"), "tokenizer_config.json");
  const specialTokens: Record<string, string> = {};
  for (const name of NAMES) {
    const value = config[name];
    if (value == null) continue;
    // Either the text or a serialized AddedToken.
    const content = typeof value === "string" ? value : asObject(value, name).content;
    specialTokens[name] = read.string(content, name, 10_000);
  }
  return { specialTokens, ...readTemplate(config.chat_template) };
}

/** One template, or a list of named ones of which "default" counts. */
function readTemplate(value: unknown): Pick<TokenizerConfig, "chatTemplate" | "templateNames"> {
  if (value == null || typeof value === "string") return { chatTemplate: value ?? null, templateNames: [] };
  const named = read.array(value, "chat_template", 0, 100).map((entry) => asObject(entry, "chat_template"));
  const found = named.find((entry) => entry.name === "default");
  if (found === undefined) return { chatTemplate: null, templateNames: named.map((entry) => String(entry.name)) };
  return { chatTemplate: read.string(found.template, "chat_template.template", 1_000_000), templateNames: [] };
}
