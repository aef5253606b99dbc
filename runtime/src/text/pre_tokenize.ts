/**
 * Pre-tokenizers of tokenizer.json: text → the words that are merged separately, as in the Python library.
 */
import { compilePattern, compileRegex, escapeLiteral } from "./pattern";
import { asObject, flag, text, tokenizerReader } from "./tokenizer_json";

/** `atStart`: the text is the beginning of what the caller wants to encode. */
export type PreTokenizer = (text: string, atStart: boolean) => string[];

type Behavior = "Removed" | "Isolated" | "MergedWithPrevious" | "MergedWithNext" | "Contiguous";
const BEHAVIORS: readonly Behavior[] = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"];

/** GPT-2's pattern, which ByteLevel applies unless use_regex is false. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const PUNCTUATION = "[\\p{P}!-/:-@\\[-`{-~]";

export function buildPreTokenizer(json: unknown, path = "pre_tokenizer"): PreTokenizer {
  if (json === null || json === undefined) return (value) => [value];
  const config = asObject(json, path);
  switch (config.type) {
    case "Sequence": {
      const parts = tokenizerReader
        .array(config.pretokenizers, `${path}.pretokenizers`, 0, 64)
        .map((part, index) => buildPreTokenizer(part, `${path}.pretokenizers[${index}]`));
      return (value, atStart) =>
        parts.reduce<string[]>(
          (words, part) => words.flatMap((word, index) => part(word, atStart && index === 0)),
          [value],
        );
    }
    case "ByteLevel": {
      const prefixSpace = flag(config, "add_prefix_space", true, path);
      const pattern = flag(config, "use_regex", true, path) ? compileRegex(GPT2, path) : null;
      return (value) => {
        const prefixed = prefixSpace && !value.startsWith(" ") ? ` ${value}` : value;
        const words = pattern === null ? [prefixed] : split(prefixed, pattern, "Isolated", false);
        return words.map(toByteCharacters);
      };
    }
    case "Split": {
      const pattern = compilePattern(config.pattern, `${path}.pattern`);
      const behavior = tokenizerReader.oneOf(config.behavior, `${path}.behavior`, BEHAVIORS);
      const invert = flag(config, "invert", false, path);
      return (value) => split(value, pattern, behavior, invert);
    }
    case "Metaspace": {
      const replacement = text(config, "replacement", "▁", path);
      const legacy = flag(config, "add_prefix_space", true, path) ? "always" : "never";
      const scheme = tokenizerReader.oneOf(config.prepend_scheme ?? legacy, `${path}.prepend_scheme`, [
        "always",
        "first",
        "never",
      ]);
      const pattern = flag(config, "split", true, path) ? new RegExp(escapeLiteral(replacement), "gu") : null;
      return (value, atStart) => {
        let marked = value.replaceAll(" ", () => replacement);
        const prepend = scheme === "always" || (scheme === "first" && atStart);
        if (prepend && !marked.startsWith(replacement)) marked = replacement + marked;
        return pattern === null ? [marked] : split(marked, pattern, "MergedWithNext", false);
      };
    }
    case "Digits": {
      const behavior = flag(config, "individual_digits", false, path) ? "Isolated" : "Contiguous";
      return (value) => split(value, /\p{N}/gu, behavior, false);
    }
    case "Punctuation": {
      const behavior = tokenizerReader.oneOf(config.behavior ?? "Isolated", `${path}.behavior`, BEHAVIORS);
      const pattern = new RegExp(PUNCTUATION, "gu");
      return (value) => split(value, pattern, behavior, false);
    }
    case "Whitespace": {
      const pattern = compileRegex("\\w+|[^\\w\\s]+", path);
      return (value) => split(value, pattern, "Removed", true);
    }
    case "WhitespaceSplit":
      return (value) => split(value, /\p{White_Space}/gu, "Removed", false);
    case "BertPreTokenizer":
      return (value) =>
        split(value, /\p{White_Space}/gu, "Removed", false).flatMap((word) =>
          split(word, new RegExp(PUNCTUATION, "gu"), "Isolated", false),
        );
    default:
      return tokenizerReader.fail(
        `${path}.type`,
        "one of Sequence, ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer (others cannot be reproduced exactly)",
        config.type,
      );
  }
}

/** `NormalizedString::split` of the Python library: `pattern` finds delimiters, or with `invert` what is between them. */
function split(value: string, pattern: RegExp, behavior: Behavior, invert: boolean): string[] {
  const pieces: { text: string; delimiter: boolean }[] = [];
  const add = (start: number, end: number, matched: boolean): void => {
    if (end > start) pieces.push({ text: value.slice(start, end), delimiter: matched !== invert });
  };
  let position = 0;
  for (const match of value.matchAll(pattern)) {
    const end = match.index + match[0].length;
    add(position, match.index, false);
    add(match.index, end, true);
    position = end;
  }
  add(position, value.length, false);

  switch (behavior) {
    case "Isolated":
      return pieces.map((piece) => piece.text);
    case "Removed":
      return pieces.filter((piece) => !piece.delimiter).map((piece) => piece.text);
    case "Contiguous": {
      const words: string[] = [];
      let previous = false;
      for (const { text, delimiter } of pieces) {
        if (delimiter === previous && words.length > 0) words[words.length - 1] += text;
        else words.push(text);
        previous = delimiter;
      }
      return words;
    }
    case "MergedWithPrevious":
      return mergeDelimiters(pieces, (left, right) => left + right);
    case "MergedWithNext":
      return mergeDelimiters(pieces.reverse(), (right, left) => left + right).reverse();
  }
}

/** A delimiter joins the piece before it, unless that piece is itself a delimiter or there is none. */
function mergeDelimiters(
  pieces: readonly { text: string; delimiter: boolean }[],
  join: (before: string, delimiter: string) => string,
): string[] {
  const words: string[] = [];
  let previous = false;
  for (const { text, delimiter } of pieces) {
    if (delimiter && !previous && words.length > 0) words[words.length - 1] = join(words[words.length - 1]!, text);
    else words.push(text);
    previous = delimiter;
  }
  return words;
}

const utf8 = new TextEncoder();

function toByteCharacters(word: string): string {
  let characters = "";
  for (const byte of utf8.encode(word)) characters += BYTE_CHARACTERS[byte];
  return characters;
}

/** (256) GPT-2's printable character for each byte: itself where printable, else from U+0100 on, in order. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(printable ? byte : next++);
  });
})();
