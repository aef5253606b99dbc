/**
 * What may be said about the form of an answer, and what an engine does with it.
 *
 * A Format is plain JSON: it crosses workers and ports, and is checked where it is compiled (compile.ts). A Constraint
 * is the state of one sequence under it.
 */

export type Format =
  /** One JSON value that is valid against the JSON Schema (2020-12, or draft 7 where `$schema` says so). */
  | { readonly type: "schema"; readonly schema: object | boolean }
  /** Any JSON object. */
  | { readonly type: "json" }
  /** The whole answer matches the pattern, in JavaScript's syntax. */
  | { readonly type: "regex"; readonly pattern: string; readonly flags?: string }
  /** An EBNF grammar whose first rule is `root`. */
  | { readonly type: "grammar"; readonly ebnf: string }
  | { readonly type: "literal"; readonly text: string }
  /** Exactly the token with this content; for special tokens, which no text can spell. */
  | { readonly type: "token"; readonly text: string }
  /** Any text in which none of these strings, or tokens of this content, occurs. */
  | { readonly type: "text"; readonly without: readonly string[] }
  | { readonly type: "sequence"; readonly items: readonly Format[] }
  | { readonly type: "choice"; readonly items: readonly Format[] }
  | { readonly type: "repeat"; readonly item: Format; readonly min: number; readonly max: number | null };

export interface Constraint {
  /** ceil(vocab_size / 32) words: bit i % 32 of word i / 32 is set where token i may follow. An end-of-text id may
   * follow exactly where `complete`. Shared between calls: the caller does not write to it. */
  mask(): Uint32Array<ArrayBuffer>;
  /** Takes what the answer begins with, before any token; false, and nothing is taken: it does not fit. */
  begin(text: string): boolean;
  /** Takes a token that mask() allows. */
  accept(id: number): void;
  /** Tokens that follow with certainty from here; may be empty. They are not accepted yet. */
  forced(): readonly number[];
  /** The answer may end here. */
  readonly complete: boolean;
  fork(): Constraint;
}
