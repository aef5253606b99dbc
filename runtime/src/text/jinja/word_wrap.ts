/** Lines of a width, as Python's textwrap.wrap breaks them (Lib/textwrap.py): the words of a line, and how they fill lines. */
import { strip } from "./text_methods";
import { points } from "./values";
import { charge, STEP } from "./work";

export interface Wrapping {
  readonly width: number;
  readonly breakLongWords: boolean;
  readonly breakOnHyphens: boolean;
}

const GAP = "[\\t-\\r ]";
const WORD = "[\\p{L}\\p{N}_]";
const LETTER = "(?:(?!\\p{Nd})[\\p{L}\\p{N}_])";
const PUNCTUATED = "[\\p{L}\\p{N}_!\"'&.,?]";
const DASHES = `(?<=${PUNCTUATED})-{2,}(?=${WORD})`;
const HYPHEN = `-(?:(?<=${LETTER}{2}-)|(?<=${LETTER}-${LETTER}-))(?=${LETTER}-?${LETTER})`;
/** A gap, a dash between words, or a word up to a hyphen that may be broken after, a gap or a dash. */
const CHUNK = new RegExp(
  `${GAP}+|${DASHES}|(?:(?!${GAP}).)+?(?:${HYPHEN}|(?=${GAP}|$)|(?<=${PUNCTUATED})(?=-{2,}${WORD}))`,
  "gsu",
);
const PLAIN_CHUNK = new RegExp(`${GAP}+|(?:(?!${GAP}).)+`, "gsu");

/** `text` has no line ends. Lines without the gaps at which it is broken; none where there is nothing but gaps. */
export function wrapped(text: string, { width, breakLongWords, breakOnHyphens }: Wrapping): string[] {
  charge(text.length * STEP);
  const chunks = (text.match(breakOnHyphens ? CHUNK : PLAIN_CHUNK) ?? []).map((chunk) => [...points(chunk)]).reverse();
  const isGap = (chunk: readonly string[] | undefined) => chunk !== undefined && strip(chunk.join("")) === "";
  const lines: string[] = [];
  while (chunks.length > 0) {
    charge(STEP);
    const line: string[][] = [];
    let length = 0;
    if (lines.length > 0 && isGap(chunks.at(-1))) chunks.pop();
    while (chunks.length > 0 && length + chunks.at(-1)!.length <= width) {
      line.push(chunks.pop()!);
      length += line.at(-1)!.length;
    }
    const long = chunks.at(-1);
    if (long && long.length > width) {
      if (breakLongWords) {
        const room = width - length;
        const hyphen = breakOnHyphens ? long.slice(0, room).lastIndexOf("-") : -1;
        const end = hyphen > 0 && long.slice(0, hyphen).some((c) => c !== "-") ? hyphen + 1 : room;
        line.push(long.slice(0, end));
        chunks[chunks.length - 1] = long.slice(end);
      } else if (line.length === 0) line.push(chunks.pop()!);
    }
    if (isGap(line.at(-1))) line.pop();
    if (line.length > 0) lines.push(line.flat().join(""));
  }
  return lines;
}
