/**
 * Turns sampled token ids into the text of one answer: detokenized, ended before a stop string, sent in pieces.
 *
 * With each piece go the log probabilities, where there are any, of the tokens whose text has begun by its end.
 */
import type { TokenLogprob } from "../contract/chat_answer";
import { StopStrings, type TextModel, type TokenStream } from "../text/index";

export type SendPiece = (piece: string, logprobs: readonly TokenLogprob[]) => void;

export class TextOutput {
  private readonly stream: TokenStream;
  private readonly stopTexts: readonly string[];
  private readonly stops: StopStrings;
  private pending = "";
  private stopped = false;
  /** UTF-16 units detokenized, and sent. */
  private written = 0;
  private sent = 0;
  /** Tokens that have not been sent, and where their text begins. */
  private readonly unsent: { readonly start: number; readonly logprob: TokenLogprob }[] = [];

  /**
   * Stops are the caller's and the model's own. `sendPiece` gets each piece that is not empty. `keep`: contents of
   * special tokens that stay in the text.
   */
  constructor(
    private readonly text: TextModel,
    stopTexts: readonly string[],
    private readonly sendPiece: SendPiece,
    keep: readonly string[] = [],
  ) {
    this.stream = text.stream(keep);
    this.stopTexts = [...stopTexts, ...text.stopStrings];
    this.stops = new StopStrings(this.stopTexts);
  }

  /** Takes the next id. True: the answer ends with it, by a stop id or a stop string. */
  push(id: number, logprob: TokenLogprob | null = null): boolean {
    if (this.text.stopTokenIds.has(id)) return true;
    // A special token never shows in the text, so it is looked for by itself.
    const special = this.text.specialText(id);
    if (special !== null && this.stopTexts.includes(special)) return true;
    if (logprob) this.unsent.push({ start: this.written, logprob });
    const piece = this.stream.push(id);
    this.written += piece.length;
    this.add(piece);
    return this.stopped;
  }

  /** Sends what has become final since the last time. */
  send(all = false): void {
    this.sent += this.pending.length;
    const logprobs: TokenLogprob[] = [];
    while (this.unsent.length > 0 && (all || this.unsent[0]!.start < this.sent))
      logprobs.push(this.unsent.shift()!.logprob);
    if (this.pending || logprobs.length > 0) this.sendPiece(this.pending, logprobs);
    this.pending = "";
  }

  /** Sends all that is left; to be called once, at the end. */
  flush(): void {
    if (!this.stopped) {
      this.add(this.stream.flush());
      if (!this.stopped) this.pending += this.stops.flush();
    }
    // Tokens of a stop string are no part of the answer.
    this.send(!this.stopped);
  }

  private add(piece: string): void {
    const { text, stopped } = this.stops.push(piece);
    this.pending += text;
    this.stopped = stopped;
  }
}
