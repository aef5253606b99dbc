/**
 * GPU kernels as data: what the library's record (webgpu/library.gen.ts) and a package's own kernels have in common.
 * Field names are those of the JSON. Expressions are over the symbols of a definition (definition.ts); those of grids
 * and uniforms also over n.
 */
import type { Expression } from "./expression";

export interface Binding {
  /** An argument of the operator or one of its scratch arrays. */
  readonly argument: string;
  readonly access: "read" | "read_write";
}
export interface Uniform {
  readonly name: string;
  readonly type: "i32" | "u32" | "f32";
  readonly value: Expression;
}
/** A pipeline-overridable constant. */
export interface KernelConstant {
  readonly name: string;
  readonly type: "i32" | "f32";
  readonly value: Expression;
}
export interface KernelVariant {
  readonly name: string;
  /** 0: not for this definition. */
  readonly when: Expression;
  readonly requires: { readonly features: readonly string[]; readonly subgroup_min_size: number };
  /** Content hash of the WGSL. */
  readonly kernel: string;
  readonly entry_point: string;
  readonly workgroup_size: readonly [number, number, number];
  readonly workgroup_bytes: number;
  readonly bindings: readonly Binding[];
  readonly constants: readonly KernelConstant[];
  readonly uniforms: readonly Uniform[];
  readonly grid: readonly [Expression, Expression, Expression];
}
/** One dispatch; the first variant that suits the definition and that the device can run does it. */
export interface Stage {
  readonly name: string;
  /** 0: the definition needs no such dispatch. Absent: it always does. */
  readonly when?: Expression;
  readonly variants: readonly KernelVariant[];
}
/** An array that lives from the first to the last stage of one step. `length` counts values. */
export interface ScratchSpec {
  readonly name: string;
  readonly dtype: "uint32" | "int32" | "float32";
  readonly length: Expression;
}
/** How a GPU computes an operator. */
export interface GpuOperator {
  readonly scratch: readonly ScratchSpec[];
  readonly stages: readonly Stage[];
}
