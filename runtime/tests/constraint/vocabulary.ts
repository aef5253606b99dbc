// A vocabulary of all single bytes and the given words; special tokens after them, and one that ends texts.
import type { VocabularySource } from "../../src/constraint/index";

export function vocabularyOf(words: readonly string[], special: readonly string[] = [], droppedSpaces = 0) {
  const encoder = new TextEncoder();
  const tokens = [
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    ...words.map((word) => encoder.encode(word)),
  ];
  const specialIds = new Map(special.map((content, i) => [content, tokens.length + i]));
  const end = tokens.length + special.length;
  const source: VocabularySource = {
    size: end + 1,
    bytesOf: (id) => tokens[id] ?? null,
    idOf: (content) => specialIds.get(content) ?? (words.includes(content) ? 256 + words.indexOf(content) : undefined),
    // Longest word first, as a tokenizer of these words might.
    encode: (text) => {
      const ids: number[] = [];
      let bytes = encoder.encode(text);
      while (bytes.length > 0) {
        let best = bytes[0]!;
        for (let id = 256; id < tokens.length; id++) {
          const token = tokens[id]!;
          if (token.length > tokens[best]!.length && token.every((byte, i) => bytes[i] === byte)) best = id;
        }
        ids.push(best);
        bytes = bytes.slice(tokens[best]!.length);
      }
      return ids;
    },
    endIds: new Set([end]),
    droppedSpaces,
  };
  return { source, end, idOf: (content: string) => source.idOf(content)! };
}
