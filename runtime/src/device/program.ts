/**
 * program.json as the runtime sees it. Field names are those of program.schema.json; tables keyed by name are Maps,
 * so that no name of an untrusted file can meet a property of Object.
 */
import type { Expression } from "./expression";

export type Dtype = "uint32" | "int32" | "float32" | "float16" | "bfloat16";
export const ITEM_BYTES: Readonly<Record<Dtype, number>> = { uint32: 4, int32: 4, float32: 4, float16: 2, bfloat16: 2 };

export type FloatDtype = "float32" | "float16" | "bfloat16";
/** Values as they are, in C order. */
export interface PlainScheme {
  readonly bits: 16 | 32;
  readonly dtype: FloatDtype;
}
/** Unsigned integers in groups along the columns, whose tail is padded to a whole group. */
export interface GroupedScheme {
  readonly bits: 4 | 8;
  readonly group_size: number;
  readonly scale_dtype: FloatDtype;
  /** value = (q - zero) * scale; null: value = q * scale + minimum, and a minimum is stored beside each scale. */
  readonly zero: number | null;
}
/** How a matrix (rows, columns) is stored. `"dtype" in scheme` tells which. */
export type Scheme = PlainScheme | GroupedScheme;

export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly nbytes: number;
}
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly data: Uint8Array<ArrayBuffer>;
}
export type BufferKind = "input" | "state" | "kv_cache" | "recurrent_state" | "scratch" | "output";
export interface BufferSpec {
  readonly name: string;
  readonly kind: BufferKind;
  readonly dtype: Dtype;
  readonly shape: readonly Expression[];
}
export interface Uniform {
  readonly name: string;
  readonly type: "i32" | "u32" | "f32";
  readonly value: Expression;
}
export interface Binding {
  readonly argument: string;
  readonly access: "read" | "read_write";
}
export interface Kernel {
  readonly hash: string;
  readonly name: string;
  readonly entry_point: string;
  readonly workgroup_size: readonly [number, number, number];
  readonly bindings: readonly Binding[];
  readonly uniforms: readonly Uniform[];
  readonly workgroup_bytes: number;
}
export interface Variant {
  readonly features: readonly string[];
  readonly subgroup_min_size: number;
  readonly kernel: string;
  readonly grid: readonly [Expression, Expression, Expression];
}

/**
 * What an operator computes, whichever kernel does it. Arguments and formulas: docs/program-interface.md; that the
 * steps give arrays of the shapes that follow from it: definition_rules.ts.
 */
export type Definition =
  | EmbedDefinition
  | RmsNormDefinition
  | LinearDefinition
  | RopeAppendDefinition
  | AttentionDefinition
  | SamplingDefinition
  | OpaqueDefinition;
export interface EmbedDefinition {
  readonly op: "embed";
  readonly rows: number;
  readonly columns: number;
  readonly scheme: Scheme;
}
export interface RmsNormDefinition {
  readonly op: "rms_norm";
  readonly columns: number;
  readonly eps: number;
}
export interface LinearDefinition {
  readonly op: "linear";
  /** Rows and columns of the stored matrix; with swiglu the first half of its rows are gate rows. */
  readonly rows: number;
  readonly columns: number;
  readonly scheme: Scheme;
  /** null: no norm is folded in. */
  readonly norm_eps: number | null;
  readonly bias: boolean;
  readonly residual: boolean;
  readonly swiglu: boolean;
}
/** Queries, keys and values of one layer, and the pages that hold its keys and values. */
export interface CacheLayout {
  readonly heads: number;
  readonly kv_heads: number;
  readonly head_dim: number;
  readonly page_size: number;
}
export interface RopeAppendDefinition extends CacheLayout {
  readonly op: "rope_append";
  /** Factor on cosine and sine. */
  readonly attention_scaling: number;
  /** Dynamic NTK scaling. */
  readonly dynamic: {
    readonly theta: number;
    readonly factor: number;
    readonly max_position_embeddings: number;
  } | null;
}
export interface AttentionDefinition extends CacheLayout {
  readonly op: "attention";
}
/** A part of sample_greedy or sample, which a device may do as a whole. */
export interface SamplingDefinition {
  readonly op: "sampling";
}
/** Only its variants say what it computes: a device with kernels of its own refuses the program. */
export interface OpaqueDefinition {
  readonly op: "opaque";
}

export interface OperatorSpec {
  readonly name: string;
  readonly definition: Definition;
  readonly arguments: readonly string[];
  readonly variants: readonly Variant[];
}
export interface Step {
  readonly operator: string;
  readonly arguments: ReadonlyMap<string, string>;
}
export interface Program {
  readonly vocab_size: number;
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly context_length: number;
  readonly prefill_chunk: number;
  readonly page_size: number;
  readonly quantization: string;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly buffers: ReadonlyMap<string, BufferSpec>;
  readonly kernels: ReadonlyMap<string, Kernel>;
  readonly operators: ReadonlyMap<string, OperatorSpec>;
  /** prefill, decode, sample_greedy, sample; and any the program adds. */
  readonly functions: ReadonlyMap<string, readonly Step[]>;
}
