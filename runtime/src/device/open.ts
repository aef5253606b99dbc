/**
 * The one place that knows which devices there are: opens an executor for a program on a chosen one. Which one to
 * choose is the engine's.
 */
import type { DeviceFacts, DeviceSources, Executor, OpenOptions } from "./executor";
import type { Program } from "./program";
import { openWasmExecutor } from "./wasm/executor";
import { findAdapter } from "./webgpu/device";
import { openWebGpuExecutor } from "./webgpu/executor";

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
    open(kind, program, sources, options) {
      if (kind === "webgpu") return openWebGpuExecutor(gpu, program, sources, options);
      const { weights, derived } = sources;
      return openWasmExecutor(program, { weights, cache: derived }, options);
    },
  };
}
