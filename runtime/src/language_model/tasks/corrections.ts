/** What was changed between a text and its corrected form, as replacements of parts of the text. */

export interface Correction {
  /** UTF-16 units of the text, the end not included; equal where something is only added. */
  readonly startIndex: number;
  readonly endIndex: number;
  readonly correction: string;
}

/** Cells of the table of common subsequences: beyond that the middle is one correction. */
const MOST_CELLS = 4_000_000;

/**
 * Replacements in order that do not touch, which make `corrected` of `text`. Words, spaces and other characters are
 * compared as wholes; among the ways to keep the most of them the first is taken.
 */
export function correctionsOf(text: string, corrected: string): readonly Correction[] {
  const [before, after] = [partsOf(text), partsOf(corrected)];
  let from = 0;
  while (from < before.length && before[from] === after[from]) from += 1;
  let [to, toAfter] = [before.length, after.length];
  while (to > from && toAfter > from && before[to - 1] === after[toAfter - 1]) {
    to -= 1;
    toAfter -= 1;
  }
  const start = before.slice(0, from).join("").length;
  return changes(before.slice(from, to), after.slice(from, toAfter), start);
}

function partsOf(text: string): readonly string[] {
  return text.match(/[\p{L}\p{M}\p{N}_]+|\s+|./gsu) ?? [];
}

function changes(before: readonly string[], after: readonly string[], start: number): readonly Correction[] {
  const kept = commonLengths(before, after);
  const width = after.length + 1;
  const found: Correction[] = [];
  let [i, j, at] = [0, 0, start];
  while (i < before.length || j < after.length) {
    const startIndex = at;
    let correction = "";
    while (i < before.length || j < after.length) {
      const [one, other] = [before[i], after[j]];
      if (one !== undefined && one === other && kept) break;
      const [drop, add] = kept ? [kept[(i + 1) * width + j] ?? -1, kept[i * width + j + 1] ?? -1] : [0, 0];
      if (one !== undefined && (other === undefined || drop >= add)) {
        at += one.length;
        i += 1;
      } else {
        correction += other;
        j += 1;
      }
    }
    if (at > startIndex || correction !== "") found.push({ startIndex, endIndex: at, correction });
    if (i < before.length && before[i] === after[j]) {
      at += before[i]!.length;
      i += 1;
      j += 1;
    }
  }
  return found;
}

/** uint32 ((before + 1) · (after + 1)): the length of the longest common subsequence from there on. Null: too large. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array | null {
  const width = after.length + 1;
  if ((before.length + 1) * width > MOST_CELLS) return null;
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        before[i] === after[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
  return lengths;
}
