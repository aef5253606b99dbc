/** What every checkpoint offers: the same as compiler/nomoat_compiler/checkpoint/checkpoint.py, as the rules ask for it. */
import type { Value } from "./python";

/** A kind of float, or of ggml's blocks. */
export type Kind = string;

export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly kind: Kind;
}

/** Rows as they lie in the file, one after another. */
export interface Rows {
  readonly kind: Kind;
  readonly rows: number;
  readonly columns: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The rules read the fields under these names. */
export interface Checkpoint {
  readonly config: Map<string, Value>;
  readonly source: string;
  readonly source_format: string;
  readonly license: string | null;
  readonly quantization: string | null;
  /** Hugging Face's names, sorted. */
  names(): string[];
  /** Errors: invalid_checkpoint where there is no such tensor. */
  stored(name: string): StoredTensor;
  read(name: string, start: number, stop: number): Promise<Rows>;
  /** tokenizer.json and what belongs to it, as far as there. */
  tokenizerFiles(): Map<string, Uint8Array<ArrayBuffer>>;
}
