/**
 * A program as the devices see it: an instance of the plan of program.json (program_file.ts) for one model. Field names
 * are those of the JSON; tables keyed by name are Maps, so that no name of an untrusted file can meet a property of
 * Object.
 */
import type { Expression, Symbols } from "./expression";
import type { GpuOperator } from "./kernel";
import type { KnownDefinition } from "./operators.gen";

export type Dtype = "uint32" | "int32" | "float32" | "float16" | "bfloat16";
export const ITEM_BYTES: Readonly<Record<Dtype, number>> = { uint32: 4, int32: 4, float32: 4, float16: 2, bfloat16: 2 };

export type FloatDtype = "float32" | "float16" | "bfloat16";
/** Values as they are, in C order. */
export interface PlainScheme {
  readonly bits: 16 | 32;
  readonly dtype: FloatDtype;
}
/** Integers of scales, times a float32 of each 256 columns. */
export type ScaleDtype = FloatDtype | "int8" | "uint8" | "uint4";
export type Codebook = "iq4_nl" | "mxfp4";
/** Unsigned integers in groups along the columns, whose tail is padded to a whole group. */
export interface GroupedScheme {
  readonly bits: 2 | 3 | 4 | 5 | 6 | 8;
  readonly group_size: number;
  readonly scale_dtype: ScaleDtype;
  /** value = (q - zero) * scale, or codebook[q] * scale */
  readonly zero?: number;
  readonly codebook?: Codebook;
  /** value = q * scale + minimum, and a minimum is stored beside each scale. */
  readonly minimum?: true;
}
/** How a matrix (rows, columns) is stored. `"dtype" in scheme` tells which. */
export type Scheme = PlainScheme | GroupedScheme;

/** A stored array of the weights. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: Dtype;
  readonly nbytes: number;
}
/** A logical tensor of the model, and the stored arrays that hold it, by role. */
export interface TensorSpec {
  readonly name: string;
  readonly kind: string;
  readonly shape: readonly number[];
  readonly scheme: Scheme;
  readonly parameters: ReadonlyMap<string, string>;
  /** Tensors of the checkpoint whose rows it takes, one after the other. */
  readonly sources: readonly { readonly name: string; readonly rows: number }[];
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
  /** Over n; kv_pages or state_slots only as the whole first dimension of a buffer of that kind. */
  readonly shape: readonly Expression[];
}

/** What an operator computes, whichever kernel does it: the fields of its declaration (operators.gen.ts). */
export type Definition = KnownDefinition | OpaqueDefinition;
/** Only the package's own kernels say what it computes: a device that has only its library refuses the program. */
export interface OpaqueDefinition {
  readonly op: "opaque";
  readonly name: string;
}

export interface OperatorSpec {
  readonly name: string;
  readonly definition: Definition;
  /** Names of its arrays: the declared arguments, w_scale after a grouped w. */
  readonly arguments: readonly string[];
  /** Those that it writes; it only reads the others. */
  readonly written: ReadonlySet<string>;
}
export interface Step {
  readonly operator: string;
  readonly arguments: ReadonlyMap<string, string>;
}
/** Kernels that the package brings for one definition. */
export interface OwnOperator extends GpuOperator {
  readonly definition: Definition;
  /** They are for prefill, else for the functions of one token. */
  readonly prefill: boolean;
}
/** Whether some operator has kernels in the package only. */
export function needsOwnPrograms(program: Pick<Program, "operators">): boolean {
  return [...program.operators.values()].some(({ definition }) => definition.op === "opaque");
}

export interface Program {
  readonly vocab_size: number;
  readonly context_length: number;
  readonly prefill_chunk: number;
  readonly page_size: number;
  readonly quantization: string;
  /** The model's numbers by Hugging Face's name, booleans as 0 and 1. */
  readonly symbols: Symbols;
  /** Some layer remembers a sequence in a slot of recurrent_state buffers. */
  readonly recurrent: boolean;
  readonly tensors: ReadonlyMap<string, TensorSpec>;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly buffers: ReadonlyMap<string, BufferSpec>;
  readonly operators: ReadonlyMap<string, OperatorSpec>;
  /** prefill, decode, any that the plan adds, sample_greedy, sample, mask_logits. */
  readonly functions: ReadonlyMap<string, readonly Step[]>;
  /** By ownKey: definition.ts. */
  readonly ownOperators: ReadonlyMap<string, OwnOperator>;
}
