/**
 * The tokens of a model as a tree of their bytes, in order: node 0 is the root, the descendants of node i are the nodes up to
 * end[i]. So a mask is one pass over arrays, which jumps over whatever does not fit.
 */

/** What a tokenizer says of its tokens. */
export interface VocabularySource {
  /** Tokens of the model's logits. */
  readonly size: number;
  /** Bytes of a token in the middle of a text; null: a special token, or no token. */
  bytesOf(id: number): Uint8Array | null;
  /** The token of this content, special ones included. */
  idOf(content: string): number | undefined;
  /** Tokens of a text as the tokenizer would have them. */
  encode(text: string): readonly number[];
  readonly endIds: ReadonlySet<number>;
  /** Spaces that the first token of an answer loses at its front. */
  readonly droppedSpaces: number;
}

export interface Vocabulary extends VocabularySource {
  /** (nodes): the last byte of the node's path */
  readonly bytes: Uint8Array;
  /** (nodes) */
  readonly depths: Uint16Array;
  /** (nodes): the first node behind those below it */
  readonly ends: Int32Array;
  /** (nodes): a token with exactly these bytes; -1: none */
  readonly tokens: Int32Array;
  /** (size): another token with the same bytes; -1: none */
  readonly same: Int32Array;
  /** Bytes of the longest token. */
  readonly longest: number;
}

/** Longer tokens, which no tokenizer has, are never chosen. */
const MAX_TOKEN_BYTES = 1024;

export function buildVocabulary(source: VocabularySource): Vocabulary {
  const { size, endIds, droppedSpaces } = source;
  const all = new Array<Uint8Array | null>(size).fill(null);
  const keyed: string[] = [];
  for (let id = 0; id < size; id++) {
    const bytes = endIds.has(id) ? null : source.bytesOf(id);
    all[id] = bytes;
    if (!bytes || bytes.length === 0 || bytes.length > MAX_TOKEN_BYTES) continue;
    // A string with a unit for each byte sorts like the bytes; the id is behind it.
    keyed.push(`${String.fromCharCode(...bytes)}\u{ffff}${id}`);
  }
  keyed.sort((a, b) => (a < b ? -1 : 1));
  const capacity = 1 + keyed.reduce((sum, key) => sum + key.indexOf("\u{ffff}"), 0);
  const bytes = new Uint8Array(capacity);
  const depths = new Uint16Array(capacity);
  const ends = new Int32Array(capacity);
  const tokens = new Int32Array(capacity).fill(-1);
  const same = new Int32Array(size).fill(-1);
  // The path to the node that was added last.
  const path = [0];
  let count = 1;
  let before = "";
  let longest = 1;
  // What begins with a text comes before the text itself, whose node then is there already.
  for (const key of keyed) {
    const length = key.indexOf("\u{ffff}");
    const text = key.slice(0, length);
    longest = Math.max(longest, length);
    let shared = 0;
    while (shared < length && shared < before.length && text[shared] === before[shared]) shared++;
    while (path.length > shared + 1) ends[path.pop()!] = count;
    for (let i = shared; i < length; i++) {
      bytes[count] = text.charCodeAt(i);
      depths[count] = i + 1;
      path.push(count++);
    }
    const id = Number(key.slice(length + 1));
    const node = path.at(-1)!;
    same[id] = tokens[node]!;
    tokens[node] = id;
    before = text;
  }
  while (path.length > 0) ends[path.pop()!] = count;
  return {
    size,
    bytes: bytes.slice(0, count),
    depths: depths.slice(0, count),
    ends: ends.slice(0, count),
    tokens: tokens.slice(0, count),
    same,
    longest,
    bytesOf: (id) => all[id] ?? null,
    idOf: (content) => source.idOf(content),
    encode: (text) => source.encode(text),
    endIds,
    droppedSpaces,
  };
}
