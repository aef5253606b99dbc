/** Patterns as automata. */
import type { Dfa, Work } from "../automaton/dfa";
import { Nfa } from "../automaton/nfa";
import { LAST_CODE_POINT } from "../automaton/utf8";
import { LIMITS, tooLarge } from "../limits";
import { parseRegex } from "./parse";
import type { Pattern } from "./syntax";

/** Texts that match as a whole. */
export function wholeMatch(source: string, flags: string, work: Work, path: string): Dfa {
  return compilePattern(parseRegex(source, flags, path), work, path);
}

/** Texts in which the pattern is found, as JSON Schema reads it. */
export function search(source: string, work: Work, path: string): Dfa {
  const anything: Pattern = {
    kind: "repeat",
    item: { kind: "class", ranges: [[0, LAST_CODE_POINT]] },
    min: 0,
    max: Number.POSITIVE_INFINITY,
  };
  const found = parseSearched(source, path);
  return compilePattern({ kind: "sequence", items: [anything, found, anything] }, work, path);
}

/** JSON Schema asks for the flag u; a pattern that is only right without it is read without it. */
function parseSearched(source: string, path: string): Pattern {
  try {
    new RegExp(source, "u");
  } catch {
    return parseRegex(source, "", path);
  }
  return parseRegex(source, "u", path);
}

export function compilePattern(pattern: Pattern, work: Work, path: string): Dfa {
  const nfa = new Nfa(path);
  const start = nfa.state();
  return nfa.determinize(start, add(nfa, pattern, start), work);
}

/** Adds the pattern behind `from`; the state behind it. */
function add(nfa: Nfa, pattern: Pattern, from: number): number {
  switch (pattern.kind) {
    case "class": {
      const to = nfa.state();
      nfa.onCodePoints(from, to, pattern.ranges);
      return to;
    }
    case "sequence":
      return pattern.items.reduce((at, item) => add(nfa, item, at), from);
    case "choice": {
      const to = nfa.state();
      for (const item of pattern.items) {
        const begin = nfa.state();
        nfa.silently(from, begin);
        nfa.silently(add(nfa, item, begin), to);
      }
      return to;
    }
    case "repeat": {
      const { item, min, max } = pattern;
      if (min > LIMITS.count || (max !== Number.POSITIVE_INFINITY && max > LIMITS.count))
        throw tooLarge(nfa.path, `more than ${LIMITS.count} repetitions`);
      let at = from;
      for (let i = 0; i < min; i++) at = add(nfa, item, at);
      const to = nfa.state();
      if (max === Number.POSITIVE_INFINITY) {
        const loop = nfa.state();
        nfa.silently(at, loop);
        nfa.silently(add(nfa, item, loop), loop);
        nfa.silently(loop, to);
        return to;
      }
      for (let i = min; i < max; i++) {
        nfa.silently(at, to);
        at = add(nfa, item, at);
      }
      nfa.silently(at, to);
      return to;
    }
    case "start":
    case "end": {
      const to = nfa.state();
      nfa.silently(from, to, pattern.kind === "start" ? "at_start" : "at_end");
      return to;
    }
  }
}
