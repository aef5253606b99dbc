/**
 * What a value of one type may be: conjunctions whose parts are values' own schemas (Node). A schema is a union of them
 * for each type (form.ts); they are closed under "and" and "not".
 */
import type { Dfa } from "../automaton/dfa";
import type { Node } from "./nodes";
import type { NumberSet } from "./number_set";

/** Texts of `dfa` with min to max code points. */
export interface StringSet {
  readonly dfa: Dfa;
  readonly min: number;
  readonly max: number;
}

/** Which names of an object: exactly one, or those that an automaton accepts. */
export type Names = string | Dfa;

export interface ObjectShape {
  /** Every property with one of these names has a value of this kind. */
  readonly rules: readonly { readonly names: Names; readonly node: Node }[];
  readonly required: ReadonlySet<string>;
  /** For each: a property with one of these names has a value of this kind. */
  readonly needs: readonly { readonly names: Dfa; readonly node: Node }[];
  readonly min: number;
  readonly max: number;
}

/** min to max of the elements from the index `from` on are of this kind. */
export interface Contains {
  readonly node: Node;
  readonly from: number;
  readonly min: number;
  readonly max: number;
}

export interface ArrayShape {
  readonly prefix: readonly Node[];
  readonly rest: Node;
  readonly min: number;
  readonly max: number;
  readonly contains: readonly Contains[];
}

/** The values of a schema: a union. */
export interface Form {
  readonly null: boolean;
  readonly true: boolean;
  readonly false: boolean;
  readonly numbers: readonly NumberSet[];
  readonly strings: readonly StringSet[];
  readonly arrays: readonly ArrayShape[];
  readonly objects: readonly ObjectShape[];
}
