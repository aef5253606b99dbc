/**
 * Reads tokenizer.json (the file of the Python package `tokenizers`) into checked parts.
 *
 * BPE (byte-level or SentencePiece style with byte fallback), Unigram and WordPiece models. Anything this reader or the parts built from it cannot reproduce exactly is refused with
 * `invalid_package`: a tokenizer that is nearly right gives wrong answers without an error.
 */
import { LlmError } from "../internal/errors";
import { Reader } from "../internal/reader";

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly singleWord: boolean;
}

export interface BpeModel {
  readonly type: "BPE";
  readonly vocab: ReadonlyMap<string, number>;
  /** (merges, 3) ids, in order of rank: two tokens, and what they become. */
  readonly merges: Int32Array;
  readonly unkToken: string | null;
  readonly fuseUnk: boolean;
  readonly byteFallback: boolean;
  readonly ignoreMerges: boolean;
  readonly continuingSubwordPrefix: string;
  readonly endOfWordSuffix: string;
}

export interface WordPieceModel {
  readonly type: "WordPiece";
  readonly vocab: ReadonlyMap<string, number>;
  readonly unkToken: string;
  /** Before a token that goes on with a word. */
  readonly prefix: string;
  readonly maxCharacters: number;
}

export interface UnigramModel {
  readonly type: "Unigram";
  readonly vocab: ReadonlyMap<string, number>;
  /** (vocab_size) logarithm of each piece's probability */
  readonly scores: readonly number[];
  readonly unkId: number;
  readonly byteFallback: boolean;
}

export interface TokenizerParts {
  readonly model: BpeModel | WordPieceModel | UnigramModel;
  readonly addedTokens: readonly AddedToken[];
  /** One more than the largest id of vocabulary and added tokens. */
  readonly vocabSize: number;
  /** Still JSON; normalize.ts, pre_tokenize.ts, post_process.ts and decode.ts build from these. */
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly postProcessor: unknown;
  readonly decoder: unknown;
}

/** Larger ids than this would only make tables huge; the largest vocabularies in use have some 260,000 entries. */
const MAX_ID = 4_194_303;

export const tokenizerReader = new Reader("invalid_package", "tokenizer.json");

export function parseTokenizerJson(json: string): TokenizerParts {
  const read = tokenizerReader;
  const root = asObject(parseJson(json, "tokenizer.json"), "the file");
  const addedTokens = read.array(root.added_tokens ?? [], "added_tokens", 0, 65_536).map(readAddedToken);
  const model = readModel(asObject(root.model, "model"));
  let vocabSize = 0;
  for (const id of model.vocab.values()) vocabSize = Math.max(vocabSize, id + 1);
  for (const { id } of addedTokens) vocabSize = Math.max(vocabSize, id + 1);
  return {
    model,
    addedTokens,
    vocabSize,
    normalizer: root.normalizer ?? null,
    preTokenizer: root.pre_tokenizer ?? null,
    postProcessor: root.post_processor ?? null,
    decoder: root.decoder ?? null,
  };
}

/** JSON.parse with `invalid_package` in place of SyntaxError. */
export function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new LlmError("invalid_package", `${file} must be JSON; it cannot be parsed. The package is damaged.`, {
      path: file,
    });
  }
}

export function asObject(value: unknown, path: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    tokenizerReader.fail(path, "an object", value);
  return value as Record<string, unknown>;
}

/** A key that is absent or null counts as `fallback`, as in the Python library. */
export function flag(object: Record<string, unknown>, key: string, fallback: boolean, path: string): boolean {
  return object[key] == null ? fallback : tokenizerReader.boolean(object[key], `${path}.${key}`);
}

export function text(object: Record<string, unknown>, key: string, fallback: string, path: string): string {
  return object[key] == null ? fallback : tokenizerReader.string(object[key], `${path}.${key}`, 100_000);
}

/** SentencePiece's name for a byte that no other token holds: <0x0A>. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

function readAddedToken(value: unknown, index: number): AddedToken {
  const path = `added_tokens[${index}]`;
  const token = asObject(value, path);
  const content = tokenizerReader.string(token.content, `${path}.content`, 10_000);
  if (content === "") tokenizerReader.fail(`${path}.content`, "a non-empty string");
  const special = flag(token, "special", false, path);
  return {
    id: tokenizerReader.integer(token.id, `${path}.id`, 0, MAX_ID),
    content,
    special,
    normalized: flag(token, "normalized", !special, path),
    lstrip: flag(token, "lstrip", false, path),
    rstrip: flag(token, "rstrip", false, path),
    singleWord: flag(token, "single_word", false, path),
  };
}

function readModel(model: Record<string, unknown>): TokenizerParts["model"] {
  const read = tokenizerReader;
  if (model.type === "Unigram") return readUnigram(model);
  // Files written before the type was stored have merges and a vocabulary and nothing else to tell them by.
  if (model.type != null || !("merges" in model)) {
    read.oneOf(model.type, "model.type", ["BPE", "WordPiece", "Unigram"]);
  }
  const vocab = new Map<string, number>();
  const stored = asObject(model.vocab, "model.vocab");
  for (const token of Object.keys(stored)) {
    const id = stored[token];
    // Of a quarter of a million entries only those that are wrong are worth a path.
    const isId = Number.isInteger(id) && (id as number) >= 0 && (id as number) <= MAX_ID;
    if (!isId) read.integer(id, `model.vocab[${JSON.stringify(token.slice(0, 40))}]`, 0, MAX_ID);
    vocab.set(token, id as number);
  }
  if (model.type !== "WordPiece") return readBpe(model, vocab);
  const unkToken = text(model, "unk_token", "[UNK]", "model");
  if (!vocab.has(unkToken)) read.fail("model.unk_token", "in the vocabulary", unkToken);
  const prefix = text(model, "continuing_subword_prefix", "##", "model");
  const maxCharacters = read.integer(
    model.max_input_chars_per_word ?? 100,
    "model.max_input_chars_per_word",
    0,
    10_000,
  );
  return { type: "WordPiece", vocab, unkToken, prefix, maxCharacters };
}

function readUnigram(model: Record<string, unknown>): UnigramModel {
  const read = tokenizerReader;
  const vocab = new Map<string, number>();
  const scores = read.array(model.vocab, "model.vocab", 1, MAX_ID).map((entry, id) => {
    const [piece, score] = read.array(entry, `model.vocab[${id}]`, 2, 2);
    vocab.set(read.string(piece, `model.vocab[${id}][0]`, 10_000), id);
    return read.number(score, `model.vocab[${id}][1]`, -1e300, 1e300);
  });
  // Without an unknown token a text could have no ids at all; the library fails for it then.
  const unkId = read.integer(model.unk_id, "model.unk_id", 0, scores.length - 1);
  return { type: "Unigram", vocab, scores, unkId, byteFallback: flag(model, "byte_fallback", false, "model") };
}

function readBpe(model: Record<string, unknown>, vocab: ReadonlyMap<string, number>): BpeModel {
  const read = tokenizerReader;
  const prefix = text(model, "continuing_subword_prefix", "", "model");
  const pairs = read.array(model.merges, "model.merges", 0, MAX_ID);
  const merges = new Int32Array(3 * pairs.length);
  for (const [rank, merge] of pairs.entries()) {
    const [left, right, more] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    if (typeof left !== "string" || typeof right !== "string" || more !== undefined)
      return read.fail(`model.merges[${rank}]`, "a pair of tokens", merge);
    for (const [i, token] of [left, right, left + right.slice(prefix.length)].entries()) {
      const id = vocab.get(token);
      merges[3 * rank + i] = id ?? read.fail(`model.merges[${rank}]`, "made of tokens of the vocabulary", token);
    }
  }
  const unkToken = model.unk_token == null ? null : read.string(model.unk_token, "model.unk_token", 1000);
  if (unkToken !== null && !vocab.has(unkToken)) read.fail("model.unk_token", "in the vocabulary", unkToken);
  if (model.dropout != null && model.dropout !== 0) read.fail("model.dropout", "null or 0", model.dropout);
  return {
    type: "BPE",
    vocab,
    merges,
    unkToken,
    fuseUnk: flag(model, "fuse_unk", false, "model"),
    byteFallback: flag(model, "byte_fallback", false, "model"),
    ignoreMerges: flag(model, "ignore_merges", false, "model"),
    continuingSubwordPrefix: prefix,
    endOfWordSuffix: text(model, "end_of_word_suffix", "", "model"),
  };
}
