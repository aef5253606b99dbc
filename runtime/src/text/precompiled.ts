/**
 * SentencePiece's precompiled normalizer: a double-array trie of texts to replace, and the texts that replace them.
 *
 * As the Python package `tokenizers` does it: grapheme by grapheme; one that is shorter than six bytes and begins with
 * an entry becomes that entry's replacement, of any other each character is looked up by itself.
 * Layout: uint32 size of the trie in bytes, the trie (uint32 units), replacements that end with a zero byte.
 */
import { tokenizerReader } from "./tokenizer_json";

export function buildPrecompiled(base64: unknown, path: string): (text: string) => string {
  const encoded = tokenizerReader.string(base64, path, 8_000_000);
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  } catch {
    return tokenizerReader.fail(path, "base64");
  }
  if (bytes.length === 0) return (text) => text;
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (size < 4 || size % 4 !== 0 || size + 4 > bytes.length) tokenizerReader.fail(path, "a trie that fits the data");
  const units = size / 4;
  const unit = (index: number): number => (index < units ? view.getUint32(4 + 4 * index, true) : 0);
  const offset = (value: number): number => (value >>> 10) << ((value & 512) >>> 6);
  const decoder = new TextDecoder("utf-8", {});
  const encoder = new TextEncoder();

  /** The replacement of the shortest entry that begins the text; null where none does. */
  const lookUp = (text: string): string | null => {
    let node = offset(unit(0));
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return null;
      node ^= byte;
      const value = unit(node);
      if ((value & 0x800000ff) !== byte) return null;
      node ^= offset(value);
      if ((value >>> 8) & 1) {
        const start = 4 + size + (unit(node) & 0x7fffffff);
        const end = bytes.indexOf(0, start);
        return decoder.decode(bytes.subarray(start, end < 0 ? bytes.length : end));
      }
    }
    return null;
  };
  const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
  return (text) => {
    let result = "";
    for (const { segment } of graphemes.segment(text)) {
      const whole = encoder.encode(segment).length < 6 ? lookUp(segment) : null;
      if (whole !== null) result += whole;
      else for (const character of segment) result += lookUp(character) ?? character;
    }
    return result;
  };
}
