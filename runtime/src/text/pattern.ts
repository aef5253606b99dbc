/** Patterns of tokenizer.json: {"String": ...} or {"Regex": ...} in Oniguruma's dialect. */
import { LlmError } from "../internal/errors";
import { fromOniguruma } from "./oniguruma";
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
    return new RegExp(fromOniguruma(source), "gv");
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    throw new LlmError(
      "invalid_package",
      `tokenizer.json: ${path} must be a regular expression that can be translated: ${reason}.`,
      { path },
    );
  }
}

export function escapeLiteral(literal: string): string {
  return literal.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
