/**
 * The CPU's launch plan of an operator as data: the shape of the tables in lowering.gen.ts. What everything means, and
 * the symbols of its expressions: compiler/nomoat_compiler/operators/cpu/lowering.py.
 */
import type { Expression } from "../operator_declaration";

/** In double precision, over the fields of a definition. */
export type Real = number | string | readonly ["log", Real] | readonly ["+" | "-" | "*" | "/", Real, Real];

export type Word = { readonly float32: Real } | { readonly int32: Expression };

/** Memory that calls use beside the program's arrays. */
export type Memory =
  /** Within a step of the program. */
  | { readonly kind: "scratch"; readonly name: string; readonly nbytes: Expression; readonly per_thread: boolean }
  /** In the place of the buffer `argument`, whose contents the CPU keeps in another form. */
  | { readonly kind: "form"; readonly name: string; readonly argument: string; readonly nbytes: Expression }
  /** Of all steps with the same arguments and fields `key`. */
  | { readonly kind: "table"; readonly name: string; readonly key: readonly string[]; readonly nbytes: Expression }
  /** Written when the program is loaded; zeros where `when` is 0. */
  | { readonly kind: "numbers"; readonly name: string; readonly values: readonly Word[]; readonly when: Expression };

export interface LoweringCall {
  readonly when: Expression;
  /** `{symbol}` is filled in. */
  readonly kernel: string;
  readonly arguments: readonly Expression[];
  /** A call for each `most` of `of` things, with the symbols first and count. */
  readonly groups?: { readonly of: Expression; readonly most: number };
}

export interface LoweringStep {
  readonly when: Expression;
  readonly calls: readonly LoweringCall[];
  /** A table: a function makes these calls once for each. */
  readonly once?: string;
}

export interface Lowering {
  /** No barrier stands behind the last step where an `op` follows whose `argument` is what this one writes. */
  readonly join?: { readonly op: string; readonly argument: string };
  /** A matrix whose halves the image has as integers, in the format int16. */
  readonly fixed?: string;
  readonly refusals: readonly { readonly when: Expression; readonly has: string }[];
  readonly memory: readonly Memory[];
  readonly steps: readonly LoweringStep[];
}
