/**
 * Unigram segmentation (SentencePiece): the pieces of a text whose scores have the largest sum.
 *
 * Same result as `Unigram::encode_optimized` of the Python package `tokenizers`: of equal sums the first found stays,
 * a character that no piece covers costs ten more than the worst piece, and neighbouring unknown characters are one.
 */
import { byteToken, type UnigramModel } from "./tokenizer_json";

const UNKNOWN_PENALTY = 10;

export class Unigram {
  /** piece → id, of the pieces that text may become */
  private readonly pieces = new Map<string, number>();
  private readonly longest: number;
  private readonly unknownScore: number;
  private readonly utf8 = new TextEncoder();

  constructor(
    private readonly model: UnigramModel,
    unreachable: ReadonlySet<number>,
  ) {
    let longest = 0;
    let worst = Number.POSITIVE_INFINITY;
    for (const [piece, id] of model.vocab) {
      worst = Math.min(worst, model.scores[id]!);
      if (unreachable.has(id) && id !== model.unkId) continue;
      this.pieces.set(piece, id);
      longest = Math.max(longest, piece.length);
    }
    this.longest = longest;
    this.unknownScore = worst - UNKNOWN_PENALTY;
  }

  /** Appends the token ids of `word` to `ids`. */
  encode(word: string, ids: number[]): void {
    const { scores, unkId } = this.model;
    const size = word.length;
    const best = new Float64Array(size + 1); // (size + 1) sum of the scores up to each position
    const from = new Int32Array(size + 1).fill(-1); // (size + 1) where the last piece up to it begins
    const last = new Int32Array(size + 1); // (size + 1) that piece's id
    const offer = (start: number, end: number, id: number, score: number): void => {
      const sum = best[start]! + score;
      if (from[end]! >= 0 && sum <= best[end]!) return;
      best[end] = sum;
      from[end] = start;
      last[end] = id;
    };
    for (let start = 0; start < size; ) {
      const width = word.codePointAt(start)! > 0xffff ? 2 : 1;
      let single = false;
      const limit = Math.min(size, start + this.longest);
      for (let end = start + width; end <= limit; end += word.codePointAt(end)! > 0xffff ? 2 : 1) {
        const id = this.pieces.get(word.slice(start, end));
        if (id === undefined) continue;
        offer(start, end, id, scores[id]!);
        if (end === start + width) single = true;
      }
      if (!single) offer(start, start + width, unkId, this.unknownScore);
      start += width;
    }

    const found: [start: number, end: number, id: number][] = [];
    for (let end = size; end > 0; end = from[end]!) {
      const next = found.at(-1);
      if (last[end] === unkId && next?.[2] === unkId) next[0] = from[end]!;
      else found.push([from[end]!, end, last[end]!]);
    }
    for (const [start, end, id] of found.reverse()) {
      if (id === unkId) this.unknown(word.slice(start, end), ids);
      else ids.push(id);
    }
  }

  private unknown(text: string, ids: number[]): void {
    const { vocab, unkId, byteFallback } = this.model;
    const piece = this.pieces.get(text);
    const bytes =
      piece === undefined && byteFallback
        ? Array.from(this.utf8.encode(text), (byte) => vocab.get(byteToken(byte)))
        : [undefined];
    for (const id of bytes.includes(undefined) ? [piece ?? unkId] : bytes) ids.push(id!);
  }
}
