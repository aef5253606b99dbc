/**
 * Finds added tokens ("<|im_end|>", "</s>", runs of spaces...) in text, before and after normalization, with the
 * rules of `AddedVocabulary` of the Python library: leftmost, then longest; single_word, lstrip, rstrip.
 *
 * Text that comes from a user is guarded: a control token is not found where its match touches such text.
 */
import { type Normalizer, trimEnd } from "./normalize";
import type { AddedToken } from "./tokenizer_json";

/** A found token, or text (normalized) to be pre-tokenized. */
export type Section = { readonly id: number } | { readonly text: string; readonly atStart: boolean };

export interface Guard {
  /** Half-open ranges of UTF-16 positions that come from a user, ascending, not overlapping. */
  readonly spans: readonly (readonly [number, number])[];
  readonly isControl: (token: AddedToken) => boolean;
}

interface TrieNode {
  readonly children: Map<number, TrieNode>;
  token: AddedToken | null;
}

type Range = { readonly start: number; readonly end: number; readonly token: AddedToken | null };

export class AddedTokens {
  private readonly before: TrieNode;
  private readonly after: TrieNode;
  private readonly normalizedTokens: readonly AddedToken[];

  constructor(
    tokens: readonly AddedToken[],
    private readonly normalizer: Normalizer | null,
  ) {
    this.normalizedTokens = tokens.filter((token) => token.normalized);
    const plain = tokens.filter((token) => !token.normalized);
    this.before = buildTrie(plain.map((token) => [token.content, token]));
    this.after = buildTrie(
      this.normalizedTokens.map((token) => [normalizer === null ? token.content : normalizer(token.content), token]),
    );
  }

  split(value: string, guard: Guard | null): Section[] {
    const sections: Section[] = [];
    const refused = (token: AddedToken, start: number, end: number): boolean =>
      guard !== null && touches(guard.spans, start, end) && guard.isControl(token);
    for (const range of find(value, this.before, refused)) {
      if (range.token !== null) sections.push({ id: range.token.id });
      else this.splitNormalized(value, range, guard, sections);
    }
    return sections;
  }

  private splitNormalized(value: string, range: Range, guard: Guard | null, sections: Section[]): void {
    const raw = value.slice(range.start, range.end);
    const veil = guard === null ? null : this.veil(raw, range.start, guard);
    const masked = veil === null ? raw : veil.text;
    const normalized = this.normalizer === null ? masked : this.normalizer(masked);
    for (const { start, end, token } of find(normalized, this.after, () => false)) {
      if (token !== null) sections.push({ id: token.id });
      else {
        const part = normalized.slice(start, end);
        sections.push({ text: veil === null ? part : veil.lift(part), atStart: range.start === 0 && start === 0 });
      }
    }
  }

  /**
   * Positions do not survive normalization, so where a control token is only looked for after it, the first and last
   * characters of such tokens are replaced in guarded text by private characters that no token contains, and put back
   * once the tokens are found. Null where nothing needs it, which is so for nearly every tokenizer.
   */
  private veil(raw: string, offset: number, guard: Guard): { text: string; lift: (part: string) => string } | null {
    if (!touches(guard.spans, offset, offset + raw.length)) return null;
    const ends = edgeCharacters(this.normalizedTokens.filter(guard.isControl));
    return ends.size === 0 ? null : veilText(raw, offset, guard.spans, ends);
  }
}

/** The first and last UTF-16 unit of each token. */
export function edgeCharacters(tokens: readonly AddedToken[]): Set<string> {
  const edges = new Set<string>();
  for (const { content } of tokens) edges.add(content[0]!).add(content[content.length - 1]!);
  return edges;
}

/**
 * Replaces the UTF-16 units in `veiled` inside the spans by as many private-use characters that do not occur in `raw`;
 * `lift` puts them back. Positions stay. Null in the absurd case that not enough private characters are free.
 */
export function veilText(
  raw: string,
  offset: number,
  spans: Guard["spans"],
  veiled: ReadonlySet<string>,
): { text: string; lift: (part: string) => string } | null {
  const used = new Set(raw.match(/[\ue000-\uf8ff]/g) ?? []);
  const to = new Map<string, string>();
  const from = new Map<string, string>();
  let next = 0xe000;
  for (const character of veiled) {
    while (used.has(String.fromCharCode(next))) next++;
    if (next > 0xf8ff) return null;
    const stand = String.fromCharCode(next++);
    to.set(character, stand);
    from.set(stand, character);
  }
  let text = "";
  let position = 0;
  for (const [start, end] of spans) {
    const first = Math.max(start - offset, position);
    const last = Math.min(end - offset, raw.length);
    if (last <= first) continue;
    text += raw.slice(position, first);
    for (let index = first; index < last; index++) text += to.get(raw[index]!) ?? raw[index];
    position = last;
  }
  text += raw.slice(position);
  return { text, lift: (part) => part.replace(/[\ue000-\uf8ff]/g, (stand) => from.get(stand) ?? stand) };
}

function touches(spans: Guard["spans"], start: number, end: number): boolean {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle]![1] <= start) low = middle + 1;
    else high = middle;
  }
  return low < spans.length && spans[low]![0] < end;
}

function buildTrie(entries: readonly (readonly [string, AddedToken])[]): TrieNode {
  const root: TrieNode = { children: new Map(), token: null };
  for (const [content, token] of entries) {
    if (content === "") continue;
    let node = root;
    for (let index = 0; index < content.length; index++) {
      const unit = content.charCodeAt(index);
      let child = node.children.get(unit);
      if (child === undefined) {
        child = { children: new Map(), token: null };
        node.children.set(unit, child);
      }
      node = child;
    }
    node.token = token;
  }
  return root;
}

/** Cuts `value` into tokens and what is between them; nothing empty. */
function find(
  value: string,
  trie: TrieNode,
  refused: (token: AddedToken, start: number, end: number) => boolean,
): Range[] {
  const ranges: Range[] = [];
  let done = 0;
  let position = 0;
  while (position < value.length) {
    const token = longestMatch(value, position, trie);
    if (token === null) {
      position++;
      continue;
    }
    let start = position;
    let end = position + token.length;
    position = end;
    const found = token.token;
    if (refused(found, start, end) || (found.singleWord && insideWord(value, start, end))) continue;
    if (found.lstrip) start = Math.max(trimEnd(value.slice(done, start)).length + done, done);
    if (found.rstrip) end += /^\p{White_Space}*/u.exec(value.slice(end))![0].length;
    if (done < start) ranges.push({ start: done, end: start, token: null });
    ranges.push({ start, end, token: found });
    done = end;
    position = Math.max(position, end);
  }
  if (done < value.length) ranges.push({ start: done, end: value.length, token: null });
  return ranges;
}

function longestMatch(value: string, start: number, trie: TrieNode): { token: AddedToken; length: number } | null {
  let node: TrieNode | undefined = trie;
  let longest: { token: AddedToken; length: number } | null = null;
  for (let index = start; index < value.length; index++) {
    node = node.children.get(value.charCodeAt(index));
    if (node === undefined) break;
    if (node.token !== null) longest = { token: node.token, length: index + 1 - start };
  }
  return longest;
}

const WORD = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

function insideWord(value: string, start: number, end: number): boolean {
  const before = start === 0 ? "" : (Array.from(value.slice(Math.max(0, start - 2), start)).at(-1) ?? "");
  const after = end === value.length ? "" : String.fromCodePoint(value.codePointAt(end)!);
  return WORD.test(before) || WORD.test(after);
}
