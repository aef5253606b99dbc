/** Normalizers of tokenizer.json: text → text before anything is split, with the results of the Python library. */
import { compilePattern } from "./pattern";
import { rarely } from "./rare_parts";
import { asObject, flag, text, tokenizerReader } from "./tokenizer_json";

export type Normalizer = (text: string) => string;

/** null gives null: a tokenizer without normalizer. */
export function buildNormalizer(json: unknown, path = "normalizer"): Normalizer | null {
  if (json === null || json === undefined) return null;
  const config = asObject(json, path);
  switch (config.type) {
    case "Sequence": {
      const parts = tokenizerReader
        .array(config.normalizers, `${path}.normalizers`, 0, 64)
        .map((part, index) => buildNormalizer(part, `${path}.normalizers[${index}]`));
      return (value) => parts.reduce((result, part) => (part === null ? result : part(result)), value);
    }
    case "NFC":
    case "NFD":
    case "NFKC":
    case "NFKD": {
      const form = config.type;
      return (value) => value.normalize(form);
    }
    case "Prepend": {
      const prepend = text(config, "prepend", "", path);
      return (value) => (value === "" ? "" : prepend + value);
    }
    case "Replace": {
      const pattern = compilePattern(config.pattern, `${path}.pattern`);
      const content = text(config, "content", "", path);
      // A function: in a replacement string "$&" would mean something.
      return (value) => value.replace(pattern, () => content);
    }
    case "Strip": {
      const left = flag(config, "strip_left", true, path);
      const right = flag(config, "strip_right", true, path);
      return (value) => {
        const start = left ? value.replace(/^\p{White_Space}+/u, "") : value;
        return right ? trimEnd(start) : start;
      };
    }
    case "StripAccents":
      return (value) => value.replace(/\p{M}/gu, "");
    case "Lowercase":
      return lowercase;
    case "Precompiled":
      return rarely.precompiled(config.precompiled_charsmap, `${path}.precompiled_charsmap`);
    case "BertNormalizer":
      return bert(config, path);
    default:
      return tokenizerReader.fail(
        `${path}.type`,
        "one of Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Strip, StripAccents, Lowercase, Precompiled, BertNormalizer (others cannot be reproduced exactly)",
        config.type,
      );
  }
}

/** Character by character, as in Rust: String.toLowerCase would turn a final Σ into ς. */
function lowercase(value: string): string {
  return value.replace(/\p{Changes_When_Lowercased}/gu, (character) => character.toLowerCase());
}

const HAN =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

const UNPRINTABLE = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\ufffd]/gu;

/** BERT: control characters go, every space is a space, Han characters stand alone, then accents and case go. */
function bert(config: Record<string, unknown>, path: string): Normalizer {
  const clean = flag(config, "clean_text", true, path);
  const han = flag(config, "handle_chinese_chars", true, path);
  const lower = flag(config, "lowercase", true, path);
  const accents = flag(config, "strip_accents", lower, path);
  return (value) => {
    let result = value;
    if (clean) result = result.replace(UNPRINTABLE, "").replace(/\p{White_Space}/gu, " ");
    if (han) result = result.replace(HAN, " $& ");
    if (accents) result = result.normalize("NFD").replace(/\p{Mn}/gu, "");
    return lower ? lowercase(result) : result;
  };
}

/** Linear also where a long run of spaces is followed by something else, which /\s+$/ is not. */
export function trimEnd(value: string): string {
  let end = value.length;
  while (end > 0 && /\p{White_Space}/u.test(value[end - 1]!)) end--;
  return value.slice(0, end);
}
