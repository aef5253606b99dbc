/** Text → token ids → text with the results of the Python package `tokenizers`, from a checked tokenizer.json. */
import { AddedTokens, type Guard } from "./added_tokens";
import { Bpe } from "./bpe";
import { buildDecoder, type DecoderFactory, type DecodeStream } from "./decode";
import { buildNormalizer } from "./normalize";
import { buildPostProcessor, type PostProcessor } from "./post_process";
import { buildPreTokenizer, type PreTokenizer } from "./pre_tokenize";
import { rarely } from "./rare_parts";
import { type AddedToken, parseTokenizerJson } from "./tokenizer_json";

export class Tokenizer {
  readonly addedTokens: readonly AddedToken[];
  readonly vocabSize: number;
  /** The decoder's part of tokenizer.json, which has been checked. */
  readonly decoder: unknown;
  private readonly splitter: AddedTokens;
  private readonly preTokenize: PreTokenizer;
  private readonly words: { encode(word: string, ids: number[]): void };
  private readonly postProcess: PostProcessor;
  private readonly newDecoder: DecoderFactory;
  /** (vocab_size) token of each id; holes where an id has none */
  private readonly tokens: (string | undefined)[];
  private readonly specialContents: ReadonlySet<string>;
  private readonly vocab: ReadonlyMap<string, number>;

  constructor(json: string) {
    const parts = parseTokenizerJson(json);
    this.addedTokens = parts.addedTokens;
    this.vocabSize = parts.vocabSize;
    this.vocab = parts.model.vocab;
    const special = parts.addedTokens.filter((token) => token.special);
    this.specialContents = new Set(special.map((token) => token.content));
    this.splitter = new AddedTokens(parts.addedTokens, buildNormalizer(parts.normalizer));
    this.preTokenize = buildPreTokenizer(parts.preTokenizer);
    const { model } = parts;
    const unreachable = new Set(special.map((token) => token.id));
    if (model.type === "BPE") this.words = new Bpe(model, parts.vocabSize, unreachable);
    else
      this.words = model.type === "Unigram" ? rarely.unigram(model, unreachable) : rarely.wordPiece(model, unreachable);
    this.postProcess = buildPostProcessor(parts.postProcessor);
    this.newDecoder = buildDecoder(parts.decoder);
    this.decoder = parts.decoder;
    this.tokens = new Array<string | undefined>(parts.vocabSize).fill(undefined);
    for (const [token, id] of parts.model.vocab) this.tokens[id] = token;
    for (const { id, content } of parts.addedTokens) this.tokens[id] = content;
  }

  /** The id of an added token or of an entry of the vocabulary. */
  idOf(content: string): number | undefined {
    return this.addedTokens.find((token) => token.content === content)?.id ?? this.vocab.get(content);
  }

  /** Ids without the post-processor's bos and eos. Lone surrogates count as U+FFFD. */
  encode(text: string, guard: Guard | null): number[] {
    const ids: number[] = [];
    for (const section of this.splitter.split(text, guard)) {
      if ("id" in section) ids.push(section.id);
      else for (const word of this.preTokenize(section.text, section.atStart)) this.words.encode(word, ids);
    }
    return ids;
  }

  /**
   * `encode` and then bos, eos as tokenizer.json's post-processor says. At most `most` ids: the end of the text is cut,
   * as by transformers' truncation, and never what the post-processor adds.
   */
  encodeWithSpecialTokens(text: string, guard: Guard | null, most: number): number[] {
    const added = this.postProcess([]).length;
    return this.postProcess(this.encode(text, guard).slice(0, Math.max(0, most - added)));
  }

  /** The token to feed to a decoder; null for special tokens and ids that have none. */
  visibleToken(id: number): string | null {
    const token = this.tokens[id];
    return token === undefined || this.specialContents.has(token) ? null : token;
  }

  /** The text of a special token; null for every other id. */
  specialText(id: number): string | null {
    const token = this.tokens[id];
    return token !== undefined && this.specialContents.has(token) ? token : null;
  }

  newDecodeStream(): DecodeStream {
    return this.newDecoder();
  }
}

/** UTF-16 that came from a page may hold half a pair; Python text cannot. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}
