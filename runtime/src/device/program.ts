/**
 * program.json as the runtime sees it. Field names are those of program.schema.json; tables keyed by name are Maps,
 * so that no name of an untrusted file can meet a property of Object.
 */
import type { Expression } from "./expression";

export type Dtype = "uint32" | "int32" | "float32" | "float16" | "bfloat16";
export const ITEM_BYTES: Readonly<Record<Dtype, number>> = { uint32: 4, int32: 4, float32: 4, float16: 2, bfloat16: 2 };

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
export type BufferKind = "input" | "state" | "kv_cache" | "scratch" | "output";
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
export interface OperatorSpec {
  readonly name: string;
  readonly arguments: readonly string[];
  readonly variants: readonly Variant[];
}
export interface Step {
  readonly operator: string;
  readonly arguments: ReadonlyMap<string, string>;
}
export interface Program {
  readonly vocab_size: number;
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
