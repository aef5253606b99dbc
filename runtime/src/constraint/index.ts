/**
 * Constraints: a Format becomes an automaton with a stack over bytes, and that gives masks of tokens.
 *
 * Loaded with the first request that has one. docs/constraints.md says what is supported.
 */
import { compileFormat } from "./compile";
import { type Compiled, RunningConstraint } from "./constraint";
import type { Constraint } from "./format";
import { Masks } from "./masks";
import { readFormat } from "./read_format";
import { buildVocabulary, type VocabularySource } from "./vocabulary";

export type { Constraint, Format } from "./format";
export type { VocabularySource } from "./vocabulary";

/** Formats that requests ask for again need not be compiled again. */
const KEPT = 8;

/** Makes constraints for one model. */
export class Constraints {
  private readonly vocabulary;
  private readonly kept = new Map<string, Compiled>();

  constructor(source: VocabularySource) {
    this.vocabulary = buildVocabulary(source);
  }

  /** Errors: not_supported with path and keyword, invalid_request. */
  compile(given: unknown): Constraint {
    const { vocabulary, kept } = this;
    const format = readFormat(given);
    const key = JSON.stringify(format);
    let compiled = kept.get(key);
    kept.delete(key);
    if (!compiled || compiled.program.machine.isFull) {
      const program = compileFormat(format, {
        generating: true,
        formats: "assert",
        tokenOf: (content) => vocabulary.idOf(content),
      });
      compiled = { program, masks: new Masks(vocabulary, program.machine), vocabulary };
    }
    kept.set(key, compiled);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
    return new RunningConstraint(compiled);
  }
}

/**
 * Judges texts: whether one has the format, in whatever spelling, order of properties and white space. `formats`: as in
 * CompileOptions.
 */
export function judge(given: unknown, formats: "assert" | "ignore"): (text: string) => boolean {
  const { machine, start } = compileFormat(readFormat(given), { generating: false, formats, tokenOf: () => undefined });
  return (text) => {
    let state = start;
    for (const byte of new TextEncoder().encode(text)) {
      const next = machine.after(state, byte);
      if (!next) return false;
      state = next;
    }
    return state.complete;
  };
}
