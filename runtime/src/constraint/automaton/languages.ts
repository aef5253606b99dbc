/** Languages that need no pattern, and what can be made of several: the boolean algebra within UTF-8. */
import { LIMITS, tooLarge } from "../limits";
import { byteClasses } from "./byte_classes";
import { type Dfa, product, trimmed, Work } from "./dfa";
import { Nfa } from "./nfa";
import { encodeUtf8, LAST_CODE_POINT } from "./utf8";

/** What `judge` says of which automata accept, within UTF-8. */
export function combine(
  components: readonly Dfa[],
  judge: (accepted: readonly boolean[]) => boolean,
  work: Work,
  path: string,
): Dfa {
  const joint = product([ANY_TEXT, ...components], 0, work, path);
  const accepting = joint.accepted.map(([text, ...others]) => (text && judge(others) ? 1 : 0));
  return trimmed(joint.classes, joint.classCount, joint.table, accepting);
}

/** Exactly these texts. */
export function texts(all: Iterable<string>, path: string): Dfa {
  const table: Map<number, number>[] = [new Map()];
  const accepting = [0];
  const used = new Set<number>();
  for (const text of all) {
    let state = 0;
    for (const byte of encodeUtf8(text)) {
      used.add(byte);
      let next = table[state]!.get(byte);
      if (next === undefined) {
        if (table.length >= LIMITS.dfaStates * 4) throw tooLarge(path, "there are too many texts");
        next = table.push(new Map()) - 1;
        accepting.push(0);
        table[state]!.set(byte, next);
      }
      state = next;
    }
    accepting[state] = 1;
  }
  const { classes, count, first } = byteClasses([...used].map((byte) => [byte, byte] as const));
  const rows = table.flatMap((edges) => first.map((byte) => edges.get(byte) ?? -1));
  return trimmed(classes, count, rows, accepting);
}

/** Texts of `min` to `max` code points. */
export function lengths(min: number, max: number, work: Work, path: string): Dfa {
  const last = max === Number.POSITIVE_INFINITY ? min : max;
  if (last > LIMITS.count) throw tooLarge(path, "a length together with a pattern or format is too large");
  const nfa = new Nfa(path);
  const states = Array.from({ length: last + 1 }, () => nfa.state());
  const end = nfa.state();
  states.forEach((state, length) => {
    if (length >= min) nfa.silently(state, end);
    if (length < last) nfa.onCodePoints(state, states[length + 1]!, ANY_CODE_POINT);
  });
  if (max === Number.POSITIVE_INFINITY) nfa.onCodePoints(states[last]!, states[last]!, ANY_CODE_POINT);
  return nfa.determinize(states[0]!, end, work);
}

const ANY_CODE_POINT = [[0, LAST_CODE_POINT]] as const;

function anyText(): Dfa {
  const nfa = new Nfa("");
  const state = nfa.state();
  nfa.onCodePoints(state, state, ANY_CODE_POINT);
  return nfa.determinize(state, state, new Work());
}

/** Every text. Its states but the first stand inside of a character. */
export const ANY_TEXT: Dfa = anyText();
