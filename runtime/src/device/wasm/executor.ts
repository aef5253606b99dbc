/** NOTE stands in until the executor of wasm kernels is here; only its signature is final. */
import { LlmError } from "../../internal/errors";
import type { DerivedFiles } from "../../internal/files";
import type { Executor, OpenOptions, WeightStream } from "../executor";
import type { Program } from "../program";

export interface WasmSources {
  readonly weights: WeightStream;
  /** Where the repacked weights may be kept; null where nothing can be kept. */
  readonly cache: DerivedFiles | null;
}

/** Errors: unsupported_device. */
export async function openWasmExecutor(
  _program: Program,
  _sources: WasmSources,
  _options: OpenOptions = {},
): Promise<Executor> {
  throw new LlmError("unsupported_device", "This version of the runtime cannot run models on the CPU.");
}
