/** WordPiece of one word (BERT): the longest token that begins it, then the longest that goes on, or one unknown token. */
import type { WordPieceModel } from "./tokenizer_json";

export class WordPiece {
  constructor(
    private readonly model: WordPieceModel,
    private readonly unreachable: ReadonlySet<number>,
  ) {}

  /** Appends the token ids of `word` to `ids`. */
  encode(word: string, ids: number[]): void {
    const { vocab, unkToken, prefix, maxCharacters } = this.model;
    const characters = Array.from(word);
    const found: number[] = [];
    for (let start = 0; start < characters.length; ) {
      let end = characters.length > maxCharacters ? start : characters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = vocab.get((start > 0 ? prefix : "") + characters.slice(start, end).join(""));
        if (id !== undefined && !this.unreachable.has(id)) break;
      }
      if (end === start) {
        ids.push(vocab.get(unkToken)!);
        return;
      }
      found.push(id!);
      start = end;
    }
    for (const id of found) ids.push(id);
  }
}
