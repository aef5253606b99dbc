/**
 * What the logits say of single tokens: log probabilities of the model's distribution, and the caller's bias on it.
 *
 * Fetched with the first request that asks for one of them. Both need the row of logits on the host, a step at a time.
 */
import type { TokenLogprob, TopLogprob } from "../contract/chat_answer";
import { LlmError } from "../internal/errors";
import type { TextModel } from "../text/index";
import { type TokenBytes, tokenBytes } from "../text/token_bytes";

const utf8Encoder = new TextEncoder();
const utf8 = new TextDecoder();

export class TokenScores {
  private readonly known: TokenBytes | null;

  /** `top`: so many of the likeliest tokens at each place; null: no log probabilities. `bias`: added, by token id. */
  constructor(
    private readonly text: TextModel,
    private readonly top: number | null,
    private readonly bias: readonly (readonly [number, number])[],
  ) {
    this.known = bytesKnown(text);
  }

  /** Whether the logits must be changed before a token is drawn. */
  get biased(): boolean {
    return this.bias.length > 0;
  }

  /** float32 (vocab_size) → float32 (vocab_size) */
  addBias(logits: Float32Array): Float32Array<ArrayBuffer> {
    const biased = Float32Array.from(logits);
    for (const [id, value] of this.bias) biased[id]! += value;
    return biased;
  }

  /** Of the token `id` at the place of these logits, float32 (vocab_size). Null where nobody asked. */
  of(logits: Float32Array, id: number): TokenLogprob | null {
    if (this.top === null) return null;
    let largest = Number.NEGATIVE_INFINITY;
    for (const logit of logits) if (logit > largest) largest = logit;
    let sum = 0;
    for (const logit of logits) sum += Math.exp(logit - largest);
    const normalizer = largest + Math.log(sum);
    const entry = (token: number): TopLogprob => this.entry(token, logits[token]! - normalizer);
    return { ...entry(id), top_logprobs: largestOf(logits, this.top).map(entry) };
  }

  private entry(id: number, logprob: number): TopLogprob {
    const bytes = this.bytesOf(id);
    return { token: utf8.decode(bytes), logprob, bytes: bytes.length > 0 ? [...bytes] : null };
  }

  private bytesOf(id: number): Uint8Array {
    const { tokenizer } = this.text;
    const text = this.text.specialText(id) ?? tokenizer.visibleToken(id) ?? "";
    return this.known?.bytesOf(id) ?? utf8Encoder.encode(text);
  }
}

/** null: a token of this tokenizer stands for no bytes of its own. */
function bytesKnown({ tokenizer }: TextModel): TokenBytes | null {
  try {
    return tokenBytes(tokenizer);
  } catch (thrown) {
    if (thrown instanceof LlmError && thrown.code === "not_supported") return null;
    throw thrown;
  }
}

/** Indices of the largest values, largest first; of equal ones the first. */
function largestOf(values: Float32Array, count: number): readonly number[] {
  const best: number[] = [];
  for (let index = 0; index < values.length && count > 0; index++) {
    const value = values[index]!;
    if (best.length === count && !(value > values[best.at(-1)!]!)) continue;
    let at = best.length;
    while (at > 0 && value > values[best[at - 1]!]!) at--;
    best.splice(at, 0, index);
    best.length = Math.min(best.length, count);
  }
  return best;
}

/** The caller's bias by token id. Errors: invalid_request for an id that the model does not have. */
export function readBias(
  given: Readonly<Record<string, number>>,
  vocabSize: number,
): readonly (readonly [number, number])[] {
  return Object.entries(given).map(([key, value]) => {
    const id = Number(key);
    if (id < vocabSize) return [id, value] as const;
    const range = `0 to ${vocabSize - 1}`;
    throw new LlmError("invalid_request", `logitBias: the model's tokens are ${range}, and ${id} is none of them.`, {
      id,
    });
  });
}
