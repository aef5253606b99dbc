/**
 * How large a constraint may become. A schema, a pattern or a grammar comes from a page and is hostile until it is
 * compiled: each of them can stand for exponentially more than it says.
 */
import { LlmError } from "../internal/errors";

export const LIMITS = {
  /** JSON values in a Format, schemas included. */
  values: 50_000,
  /** Levels of nesting of a Format or a schema, and of groups of a pattern or a grammar. */
  depth: 100,
  /** UTF-16 units of one pattern or grammar. */
  sourceLength: 100_000,
  /** Alternatives of one type that one value may have. */
  shapes: 512,
  /** Sets of schemas that one value may have to satisfy together. */
  nodes: 50_000,
  nfaStates: 50_000,
  dfaStates: 20_000,
  /** Steps of building automata, for all of one constraint. */
  automatonSteps: 20_000_000,
  /** minItems and the like where something is counted element by element. */
  count: 10_000,
  /** Ways in which one answer so far can be read. */
  readings: 1024,
  /** Steps that one mask may take. */
  maskSteps: 20_000_000,
  /** States kept before those that are no longer needed are dropped. */
  keptStates: 50_000,
} as const;

/** What a constraint cannot have: the path of what is at fault, and the keyword or construct. */
export function notSupported(path: string, keyword: string, what: string): LlmError {
  return new LlmError("not_supported", `responseFormat: ${path}: ${what}`, { path, keyword });
}

/** What no constraint of this kind may be: the caller's mistake. */
export function malformed(path: string, expected: string): LlmError {
  return new LlmError("invalid_request", `responseFormat: ${path} must be ${expected}.`, { path });
}

export function tooLarge(path: string, what: string): LlmError {
  return notSupported(path, "size", `${what}. Make it simpler.`);
}
