/** Sets of code points as ascending ranges that do not touch: \d, \w, \s, \p{...}, and their algebra. */
import { LAST_CODE_POINT, type Range } from "../automaton/utf8";

export function normalized(ranges: readonly Range[]): Range[] {
  const result: [number, number][] = [];
  for (const [lo, hi] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && lo <= last[1] + 1) last[1] = Math.max(last[1], hi);
    else result.push([lo, hi]);
  }
  return result;
}

export function inverted(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  let from = 0;
  for (const [lo, hi] of normalized(ranges)) {
    if (from < lo) result.push([from, lo - 1]);
    from = hi + 1;
  }
  if (from <= LAST_CODE_POINT) result.push([from, LAST_CODE_POINT]);
  return result;
}

export const DIGITS: readonly Range[] = [[0x30, 0x39]];
export const WORD: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
export const LINE_ENDS: readonly Range[] = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
/** WhiteSpace and LineTerminator of ECMAScript. */
export const SPACES: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

const properties = new Map<string, Range[] | null>();

/** The code points of \p{name}, as this JavaScript engine knows them; null where there is no such property. */
export function property(name: string): Range[] | null {
  const kept = properties.get(name);
  if (kept !== undefined) return kept;
  let found: Range[] | null = null;
  if (/^[A-Za-z0-9_]+(=[A-Za-z0-9_]+)?$/.test(name)) {
    try {
      const runs = new RegExp(`\\p{${name}}+`, "gu");
      found = [];
      for (let block = 0; block <= LAST_CODE_POINT; block += 0x10000) {
        let text = "";
        for (let code = block; code < block + 0x10000; code += 0x1000)
          text += String.fromCodePoint(...Array.from({ length: 0x1000 }, (_, i) => (code + i) & ~0));
        // Surrogates cannot be in text; alone they are no code points of a pair here, since they ascend.
        for (const { 0: run } of text.matchAll(runs)) {
          const points = Array.from(run);
          found.push([points[0]!.codePointAt(0)!, points.at(-1)!.codePointAt(0)!]);
        }
      }
      found = normalized(found);
    } catch {
      found = null;
    }
  }
  properties.set(name, found);
  return found;
}

let groups: Map<number, number[]> | null = null;

/** All that a class matches with the flag i. Without the flag u, no ASCII letter is another form of one that is not. */
export function caseless(ranges: readonly Range[], unicode: boolean): Range[] {
  groups ??= caseGroups();
  const extra: Range[] = [];
  const has = (code: number) => ranges.some(([lo, hi]) => lo <= code && code <= hi);
  for (const members of groups.values()) {
    for (const member of members) {
      if (members.some((other) => (unicode || member < 0x80 === other < 0x80) && has(other)))
        extra.push([member, member]);
    }
  }
  return normalized([...ranges, ...extra]);
}

/** Code points that differ in case only, by simple folding: those beyond 0x1ffff have no case. */
function caseGroups(): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (let code = 0; code < 0x20000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const character = String.fromCodePoint(code);
    const upper = character.toUpperCase();
    const single = upper.length === character.length ? upper : character;
    const folded = single.toLowerCase();
    const key = (folded.length === character.length ? folded : single).codePointAt(0)!;
    const members = found.get(key);
    if (members) members.push(code);
    else found.set(key, [code]);
  }
  for (const [key, members] of found) if (members.length === 1) found.delete(key);
  return found;
}
