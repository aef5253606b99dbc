/**
 * What is reasoning and what is answer, while it is generated, and the constraint of an answer behind reasoning. Loaded
 * with the first chat request, which is why it stands apart from reasoning.ts.
 */
import type { Format } from "../constraint/format";
import { markerFormat, sequence } from "./marker_format";
import type { ReasoningMarks } from "./reasoning";
import type { Delta } from "./tool_calls/types";

/** The constraint of the answer alone, with free reasoning before it. */
export function withReasoning(
  format: Format,
  { open, close }: ReasoningMarks,
  opened: boolean,
  specials: readonly string[],
): Format {
  const mark = (text: string): Format => markerFormat(text, specials);
  const space: Format = { type: "regex", pattern: "[ \\n]{0,4}" };
  const rest = sequence([{ type: "text", without: [close] }, mark(close), space, format]);
  return opened ? rest : { type: "choice", items: [sequence([mark(open), rest]), format] };
}

/**
 * Cuts generated text into reasoning and content. Reasoning may begin only where no content has come yet, so that an
 * answer about `<think>` stays an answer. Whitespace around the marks belongs to them.
 */
export class ReasoningSplitter {
  private held = "";
  private isInside: boolean;
  private hasReasoned: boolean;
  private hasAnswered = false;
  /** The part between two marks has text. */
  private hasBegun = false;

  constructor(
    private readonly marks: ReasoningMarks,
    opened: boolean,
  ) {
    this.isInside = opened;
    this.hasReasoned = opened;
  }

  /** Whether what comes next is reasoning, as far as the text so far tells: what a budget counts. */
  get inside(): boolean {
    return this.isInside;
  }

  push(text: string): Delta[] {
    this.held += text;
    const deltas: Delta[] = [];
    for (;;) {
      const found = this.nextMark();
      if (found === null) {
        const end = this.held.length - this.heldBack();
        this.give(this.held.slice(0, end), deltas);
        this.held = this.held.slice(end);
        return deltas;
      }
      this.give(this.held.slice(0, found.at).trimEnd(), deltas);
      this.held = this.held.slice(found.at + found.mark.length);
      this.isInside = found.mark === this.marks.open;
      this.hasReasoned ||= this.isInside;
      this.hasBegun = false;
    }
  }

  end(): Delta[] {
    const deltas: Delta[] = [];
    this.give(this.held, deltas);
    this.held = "";
    return deltas;
  }

  private give(text: string, deltas: Delta[]): void {
    const piece = this.hasBegun || !this.hasReasoned ? text : text.trimStart();
    if (piece === "") return;
    this.hasBegun = true;
    if (!this.isInside) this.hasAnswered = true;
    deltas.push({ type: this.isInside ? "reasoning" : "content", text: piece });
  }

  /** The marks that count here. */
  private wanted(): readonly string[] {
    const { open, close, around } = this.marks;
    if (this.isInside) return [close];
    return [...(this.hasAnswered ? [] : [open]), ...(this.hasReasoned ? around : [])];
  }

  private nextMark(): { at: number; mark: string } | null {
    let first: { at: number; mark: string } | null = null;
    for (const mark of this.wanted()) {
      const at = this.held.indexOf(mark);
      const isLate = mark === this.marks.open && this.held.slice(0, Math.max(at, 0)).trim() !== "";
      if (at >= 0 && !isLate && (first === null || at < first.at)) first = { at, mark };
    }
    return first;
  }

  /** The end that may be the beginning of a mark, and the whitespace before it. */
  private heldBack(): number {
    const wanted = this.wanted();
    if (wanted.length === 0) return 0;
    const longest = Math.max(...wanted.map((mark) => partOf(mark, this.held)));
    return this.held.length - this.held.slice(0, this.held.length - longest).trimEnd().length;
  }
}

/** Length of the longest proper beginning of `mark` with which `text` ends. */
export function partOf(mark: string, text: string): number {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
