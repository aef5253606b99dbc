/** Follows an answer token by token while it thinks: counts the tokens, and says what ends it when they are too many. */
import type { TokenStream } from "../text/index";
import type { ReasoningSplitter } from "../text/reasoning_splitter";

export class ReasoningWatch {
  /** Tokens of reasoning so far, those of its marks among them. */
  tokens = 0;

  /** `most`: tokens of reasoning that are allowed; null: any number. `endIds`: what ends it. */
  constructor(
    private readonly stream: TokenStream,
    private readonly splitter: ReasoningSplitter,
    private readonly most: number | null,
    private readonly endIds: readonly number[],
  ) {}

  /** The ids that must follow now; null: whatever the model says. */
  end(): readonly number[] | null {
    if (this.most === null || this.tokens < this.most || !this.splitter.inside) return null;
    return this.endIds;
  }

  /** Takes the next token of the answer. */
  take(id: number): void {
    const before = this.splitter.inside;
    this.splitter.push(this.stream.push(id));
    if (before || this.splitter.inside) this.tokens += 1;
  }
}
