/**
 * The one place that knows which devices there are: opens an executor for a program on a chosen one. Which one to
 * choose is the engine's. The code of a device is loaded when it is first opened, so a page downloads that of its own.
 */

import { LlmError } from "../internal/errors";
import type { DeviceFacts, DeviceSources, Executor, OpenOptions } from "./executor";
import type { Program } from "./program";
import type { VectorIndex, VectorIndexOptions } from "./vectors";
import { findAdapter } from "./webgpu/adapter";

export interface Devices {
  /** The adapter that WebGPU would run on; null where it has none. */
  webgpuAdapter(): Promise<{ readonly software: boolean } | null>;
  /**
   * Loads a program. On failure nothing stays open.
   * Errors: unsupported_device, out_of_memory, integrity, invalid_package, aborted, and what the sources throw.
   */
  open(kind: DeviceFacts["kind"], program: Program, sources: DeviceSources, options: OpenOptions): Promise<Executor>;
}

/** The devices of this environment, with the GPU object that it has. */
export function systemDevices(gpu: GPU | undefined): Devices {
  return {
    webgpuAdapter: () => findAdapter(gpu),
    async open(kind, program, sources, options) {
      if (kind === "webgpu") {
        const { openWebGpuExecutor } = await loaded(import("./webgpu/executor"));
        return openWebGpuExecutor(gpu, program, sources, options);
      }
      const { openWasmExecutor } = await loaded(import("./wasm/executor"));
      const { weights, derived } = sources;
      return openWasmExecutor(program, { weights, cache: derived }, options);
    },
  };
}

/** On the CPU, where what is multiplied lies. Errors: unsupported_device, out_of_memory, network. */
export async function openVectorIndex(options: VectorIndexOptions): Promise<VectorIndex> {
  const { openWasmVectorIndex } = await loaded(import("./wasm/vector_index"));
  return openWasmVectorIndex(options);
}

async function loaded<T>(module: Promise<T>): Promise<T> {
  try {
    return await module;
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new LlmError("network", `The code of this device could not be loaded: ${reason}. Try again.`);
  }
}
