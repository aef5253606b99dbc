/**
 * What the runtime knows of an operator: the shape of the tables in operators.gen.ts, which are generated from the
 * declarations in compiler/nomoat_compiler/operators. What kinds and roles mean: declaration.py there.
 */
import type { BufferKind, Dtype } from "./program";

/** An integer expression over a definition's symbols: see expression.ts. */
export type Expression = number | string | readonly [string, Expression, Expression];

export interface FieldDeclaration {
  readonly name: string;
  /** A key of INTEGER_KINDS or NUMBER_KINDS, "boolean" or "scheme". */
  readonly kind: string;
  readonly nullable: boolean;
}

export type Role =
  | "activations"
  | "vector"
  | "matrix"
  | "frequencies"
  | "cache"
  | "recurrent"
  | "embedding"
  | "token_ids"
  | "fixed";

export interface ArgumentDeclaration {
  readonly name: string;
  readonly role: Role;
  /** Values (per token); rows of a matrix. */
  readonly size: Expression;
  /** Columns of a matrix. */
  readonly columns: Expression;
  readonly written: boolean;
  /** 0: the definition has no such argument. */
  readonly when: Expression;
}

export interface RuleDeclaration {
  /** Over the definition's symbols and `prefill`; must not be 0. */
  readonly require: Expression;
  readonly message: string;
}

export interface OperatorDeclaration {
  readonly fields: readonly FieldDeclaration[];
  readonly arguments: readonly ArgumentDeclaration[];
  readonly rules: readonly RuleDeclaration[];
}

export interface FixedBuffer {
  readonly name: string;
  readonly kind: BufferKind;
  readonly dtype: Dtype;
  /** Only programs with the function decode have it. */
  readonly ofDecode: boolean;
  /** Over vocab_size, context_length, page_size and prefill_chunk. */
  readonly length: Expression;
}
