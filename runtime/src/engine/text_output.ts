/** Turns sampled token ids into the text of one answer: detokenized, ended before a stop string, sent in pieces. */
import { StopStrings, type TextModel, type TokenStream } from "../text/index";

export class TextOutput {
  private readonly stream: TokenStream;
  private readonly stopTexts: readonly string[];
  private readonly stops: StopStrings;
  private pending = "";
  private stopped = false;

  /** Stops are the caller's and the model's own. `sendPiece` gets each non-empty piece. */
  constructor(
    private readonly text: TextModel,
    stopTexts: readonly string[],
    private readonly sendPiece: (piece: string) => void,
  ) {
    this.stream = text.stream();
    this.stopTexts = [...stopTexts, ...text.stopStrings];
    this.stops = new StopStrings(this.stopTexts);
  }

  /** Takes the next id. True: the answer ends with it, by a stop id or a stop string. */
  push(id: number): boolean {
    if (this.text.stopTokenIds.has(id)) return true;
    // A special token never shows in the text, so it is looked for by itself.
    const special = this.text.specialText(id);
    if (special !== null && this.stopTexts.includes(special)) return true;
    this.add(this.stream.push(id));
    return this.stopped;
  }

  /** Sends what has become final since the last time. */
  send(): void {
    if (this.pending) this.sendPiece(this.pending);
    this.pending = "";
  }

  /** Sends all that is left; to be called once, at the end. */
  flush(): void {
    if (!this.stopped) {
      this.add(this.stream.flush());
      if (!this.stopped) this.pending += this.stops.flush();
    }
    this.send();
  }

  private add(piece: string): void {
    const { text, stopped } = this.stops.push(piece);
    this.pending += text;
    this.stopped = stopped;
  }
}
