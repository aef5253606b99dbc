/**
 * Patterns of tokenizer.json: {"String": ...} or {"Regex": ...} in Oniguruma's dialect.
 *
 * The translation of Oniguruma to JavaScript (\s, \d and \w are Unicode there, inline flags, nested classes, POSIX
 * brackets) is that of @huggingface/tokenizers, reached through its Split pre-tokenizer.
 */
import { SplitPreTokenizer } from "@huggingface/tokenizers";
import { LlmError } from "../internal/errors";
import { asObject, tokenizerReader } from "./tokenizer_json";

/** A global Unicode RegExp. Refuses with `invalid_package` what cannot be translated. */
export function compilePattern(json: unknown, path: string): RegExp {
  const config = asObject(json, path);
  if (typeof config.String === "string") return new RegExp(escapeLiteral(config.String), "gu");
  const source = tokenizerReader.string(config.Regex, `${path}.Regex`, 20_000);
  return compileRegex(source, path);
}

export function compileRegex(source: string, path: string): RegExp {
  try {
    const { pattern } = new SplitPreTokenizer({
      type: "Split",
      pattern: { Regex: source },
      behavior: "Isolated",
      invert: false,
    });
    if (pattern instanceof RegExp) return new RegExp(foldedLikeUnicode(source, pattern.source), "gu");
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    throw new LlmError(
      "invalid_package",
      `tokenizer.json: ${path} must be a regular expression that can be translated: ${reason}.`,
      { path },
    );
  }
  return tokenizerReader.fail(path, "a regular expression");
}

export function escapeLiteral(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/**
 * Inside (?i:...) the library folds ASCII letters only; Oniguruma also lets s match ſ (U+017F) and k match K (U+212A),
 * which decides where "'ſ" is split by the contractions of Llama 3.
 */
function foldedLikeUnicode(source: string, translated: string): string {
  if (!source.includes("(?i:")) return translated;
  return translated.replaceAll("[sS]", "[sS\u017F]").replaceAll("[kK]", "[kK\u212A]");
}
