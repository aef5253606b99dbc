/** program.json version 3 as it was read: a plan, symbolic in the model's configuration, and what fills it in. */
import type { Expression, Symbols } from "./expression";
import type { Dtype, OwnOperator, Scheme } from "./program";

/** Items once for each layer from `from` to `to` - 1, with the symbols `layer` and `layer.<attribute>`. */
export interface Repeat<T> {
  readonly from: Expression;
  readonly to: Expression;
  readonly items: readonly T[];
}
export type Items<T> = readonly (T | Repeat<T>)[];

/** In the shape of a buffer also the largest value of an expression over all layers. */
export type ShapeExpression =
  | number
  | string
  | readonly ["max_layers", Expression]
  | readonly [string, ShapeExpression, ShapeExpression];

/** Names are templates: `{layer}` and `{layer.<attribute>}` stand for integers. */
export interface PlanTensor {
  readonly name: string;
  readonly kind: string;
  readonly shape: readonly Expression[];
  /** 0: the model does not have it. */
  readonly when: Expression;
  readonly sources: readonly { readonly name: string; readonly rows: Expression }[];
}
export interface PlanConstant {
  readonly name: string;
  readonly dtype: "float32" | "int32";
  readonly shape: readonly Expression[];
}
export interface PlanBuffer {
  readonly name: string;
  readonly kind: "scratch" | "output" | "kv_cache" | "recurrent_state";
  readonly dtype: Dtype;
  readonly shape: readonly ShapeExpression[];
  readonly when: Expression;
}
/** A number or symbol, for fields that are no integers; an expression for the others. */
export type PlanField = Expression | boolean | null;
export interface PlanStep {
  readonly op: string;
  /** Of an opaque operator; else empty. */
  readonly name: string;
  readonly fields: ReadonlyMap<string, PlanField>;
  readonly arguments: ReadonlyMap<string, string>;
  readonly when: Expression;
}
export interface Plan {
  readonly tensors: Items<PlanTensor>;
  readonly constants: Items<PlanConstant>;
  readonly buffers: Items<PlanBuffer>;
  readonly functions: ReadonlyMap<string, Items<PlanStep>>;
}

/** Opaque operators by name: their arguments, in order, and those that they write. */
export interface OpaqueArguments {
  readonly names: readonly string[];
  readonly written: ReadonlySet<string>;
}

export interface ProgramFile {
  readonly vocab_size: number;
  readonly context_length: number;
  readonly prefill_chunk: number;
  readonly page_size: number;
  readonly quantization: string;
  /** The model's numbers and booleans. */
  readonly modelSymbols: Symbols;
  readonly layerCount: number;
  /** Values of each attribute, layer by layer. */
  readonly layers: ReadonlyMap<string, readonly number[]>;
  readonly plan: Plan;
  readonly schemes: readonly Scheme[];
  /** Index into schemes by name template: one, or one for each repetition, null where the tensor is absent. */
  readonly tensorSchemes: ReadonlyMap<string, number | readonly (number | null)[]>;
  /** Base64 by name. */
  readonly constants: ReadonlyMap<string, string>;
  readonly opaque: ReadonlyMap<string, OpaqueArguments>;
  readonly ownOperators: ReadonlyMap<string, OwnOperator>;
}
