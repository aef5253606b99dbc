/**
 * Which log-probabilities of which tokens after which others, as a tree, so that what several have in common is computed
 * once.
 *
 * A branch is computed after its ancestors. Its logits are wanted where some token after it is; a token that nothing
 * comes after is only looked up in the logits before it.
 */

/** Log-probabilities wanted of the tokens [from, length) of `tokens`, each after all the tokens before it. */
export interface Path {
  readonly tokens: readonly number[];
  readonly from: number;
  /** Wants also that of an end after the last token: of any token that ends an answer. */
  readonly ends: boolean;
}

export interface Branch {
  /** Tokens after those of the ancestors; at least one but in the root. */
  readonly edge: readonly number[];
  /** Logits after the edge are wanted: this token's, or the end's, log-probability for the path of this index. */
  readonly wanted: readonly Wanted[];
  readonly next: readonly Branch[];
}

export interface Wanted {
  readonly path: number;
  /** Null: the end. */
  readonly token: number | null;
}

/** The paths' tree, whose root has what all have in common. `paths`: from is 1 to length, or less where it ends. */
export function scoreTree(paths: readonly Path[]): Branch {
  const wants = paths.map(({ tokens, from, ends }, path) => {
    const wanted = new Map<number, Wanted>();
    for (let at = from; at < tokens.length; at++) wanted.set(at, { path, token: tokens[at]! });
    if (ends) wanted.set(tokens.length, { path, token: null });
    // Nothing needs to be computed after the last logits.
    return { tokens: tokens.slice(0, Math.max(...wanted.keys(), 0)), wanted };
  });
  return grow(wants, 0);
}

interface Want {
  readonly tokens: readonly number[];
  /** By the number of tokens before. */
  readonly wanted: ReadonlyMap<number, Wanted>;
}

/** All `wants` have the same tokens before `start`. */
function grow(wants: readonly Want[], start: number): Branch {
  const [first] = wants;
  let end = start;
  const wantedAt = (at: number) => wants.flatMap(({ wanted }) => wanted.get(at) ?? []);
  // Nobody wants logits after no tokens.
  while (first && (end === start || wantedAt(end).length === 0)) {
    const token = first.tokens[end];
    if (token === undefined || wants.some(({ tokens }) => tokens[end] !== token)) break;
    end += 1;
  }
  const groups = new Map<number, Want[]>();
  for (const want of wants) {
    const token = want.tokens[end];
    if (token === undefined) continue;
    const group = groups.get(token);
    if (group) group.push(want);
    else groups.set(token, [want]);
  }
  return {
    edge: first ? first.tokens.slice(start, end) : [],
    wanted: end > 0 ? wantedAt(end) : [],
    next: [...groups.values()].map((group) => grow(group, end)),
  };
}
