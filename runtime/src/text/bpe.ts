/**
 * Byte-pair encoding of one word: symbols are merged in order of rank, equal ranks from left to right.
 *
 * Same result as `BPE.merge_word` and `Word::merge_all` of the Python package `tokenizers` (models/bpe), and like
 * it O(n log n) in the length of the word: SentencePiece-style tokenizers take a whole text as one word.
 */
import { type BpeModel, byteToken } from "./tokenizer_json";

/** Heap entries are rank · 2^27 + position in one double, so that the order of numbers is the order of merging. */
const POSITIONS = 2 ** 27;
const MAX_CACHED_WORDS = 20_000;
const MAX_CACHED_LENGTH = 32;

export class Bpe {
  private readonly vocab: ReadonlyMap<string, number>;
  private readonly idSpace: number;
  /** left id · idSpace + right id → rank */
  private readonly ranks = new Map<number, number>();
  /** (256) ids of <0x00>...<0xFF>, -1 where missing */
  private readonly byteIds = new Int32Array(256).fill(-1);
  private readonly cache = new Map<string, readonly number[]>();
  private readonly utf8 = new TextEncoder();

  /** Ids in `unreachable` are never the result of a merge: text must not become a control token by any route. */
  constructor(
    private readonly model: BpeModel,
    vocabSize: number,
    private readonly unreachable: ReadonlySet<number>,
  ) {
    this.vocab = model.vocab;
    this.idSpace = vocabSize;
    const { merges } = model;
    for (let at = 0; at < merges.length; at += 3) {
      // A pair listed twice has its last rank, as in the Python library.
      if (!unreachable.has(merges[at + 2]!)) this.ranks.set(merges[at]! * this.idSpace + merges[at + 1]!, at / 3);
    }
    for (let byte = 0; byte < 256; byte++) {
      this.byteIds[byte] = this.vocab.get(byteToken(byte)) ?? -1;
    }
  }

  /** Appends the token ids of `word` to `ids`. */
  encode(word: string, ids: number[]): void {
    if (word === "") return;
    let tokens = this.cache.get(word);
    if (tokens === undefined) {
      tokens = this.encodeUncached(word);
      if (word.length <= MAX_CACHED_LENGTH) {
        if (this.cache.size >= MAX_CACHED_WORDS) this.cache.clear();
        this.cache.set(word, tokens);
      }
    }
    for (const id of tokens) ids.push(id);
  }

  private encodeUncached(word: string): readonly number[] {
    if (this.model.ignoreMerges) {
      const id = this.vocab.get(word);
      if (id !== undefined && !this.unreachable.has(id)) return [id];
    }
    return this.merge(this.symbols(word));
  }

  /** One id per character; bytes or the unknown token where the vocabulary has no such character. */
  private symbols(word: string): number[] {
    const { continuingSubwordPrefix, endOfWordSuffix, byteFallback, unkToken, fuseUnk } = this.model;
    const unkId = unkToken === null ? undefined : this.vocab.get(unkToken);
    const ids: number[] = [];
    let pendingUnk = false;
    let start = 0;
    for (const character of word) {
      const end = start + character.length;
      let symbol = character;
      if (start > 0) symbol = continuingSubwordPrefix + symbol;
      if (end === word.length) symbol += endOfWordSuffix;
      start = end;
      const id = this.vocab.get(symbol);
      if (id !== undefined) {
        if (pendingUnk) ids.push(unkId!);
        pendingUnk = false;
        ids.push(id);
        continue;
      }
      if (byteFallback) {
        const bytes = Array.from(this.utf8.encode(symbol), (byte) => this.byteIds[byte]!);
        if (bytes.every((byteId) => byteId >= 0)) {
          ids.push(...bytes);
          continue;
        }
      }
      if (unkId === undefined) continue;
      if (pendingUnk && !fuseUnk) ids.push(unkId);
      pendingUnk = true;
    }
    if (pendingUnk) ids.push(unkId!);
    return ids;
  }

  private merge(symbols: number[]): number[] {
    const { ranks, idSpace } = this;
    const { merges } = this.model;
    const count = symbols.length;
    if (count < 2) return symbols;
    const previous = new Int32Array(count); // (count) index of the left neighbour, -1 at the start
    const next = new Int32Array(count); // (count) index of the right neighbour, -1 at the end
    for (let index = 0; index < count; index++) {
      previous[index] = index - 1;
      next[index] = index + 1 < count ? index + 1 : -1;
    }
    const heap = new MinHeap();
    const offer = (left: number, right: number): void => {
      const rank = ranks.get(symbols[left]! * idSpace + symbols[right]!);
      if (rank !== undefined) heap.push(rank * POSITIONS + left);
    };
    for (let index = 0; index + 1 < count; index++) offer(index, index + 1);

    for (let entry = heap.pop(); entry !== undefined; entry = heap.pop()) {
      const left = entry % POSITIONS;
      const right = symbols[left]! < 0 ? -1 : next[left]!;
      if (right < 0) continue;
      // The neighbours may have changed since this entry was made; it still counts when they merge to the same id.
      const rank = ranks.get(symbols[left]! * idSpace + symbols[right]!);
      const id = merges[3 * Math.floor(entry / POSITIONS) + 2]!;
      if (rank === undefined || merges[3 * rank + 2] !== id) continue;
      symbols[left] = id;
      symbols[right] = -1;
      const after = next[right]!;
      next[left] = after;
      if (after >= 0) previous[after] = left;
      if (previous[left]! >= 0) offer(previous[left]!, left);
      if (after >= 0) offer(left, after);
    }
    return symbols.filter((id) => id >= 0);
  }
}

class MinHeap {
  private readonly entries: number[] = [];

  push(value: number): void {
    const { entries } = this;
    let index = entries.length;
    entries.push(value);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (entries[parent]! <= value) break;
      entries[index] = entries[parent]!;
      index = parent;
    }
    entries[index] = value;
  }

  pop(): number | undefined {
    const { entries } = this;
    const top = entries[0];
    const value = entries.pop();
    const count = entries.length;
    if (count === 0 || value === undefined) return top;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= count) break;
      if (child + 1 < count && entries[child + 1]! < entries[child]!) child++;
      if (entries[child]! >= value) break;
      entries[index] = entries[child]!;
      index = child;
    }
    entries[index] = value;
    return top;
  }
}
