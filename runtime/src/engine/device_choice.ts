/**
 * Which devices to try for a model, in order, and on which failures the next one is tried.
 *
 * "auto" is WebGPU on a GPU and wasm otherwise: a software adapter runs shaders on the same CPU, many times slower. It
 * is taken where wasm cannot run at all.
 */
import type { DeviceKind } from "../api/types";
import type { Devices } from "../device/open";
import type { ErrorCode, LlmError } from "../internal/errors";

/** Of the device, not of the model: another device may do. */
const DEVICE_ERRORS: readonly ErrorCode[] = ["unsupported_device", "out_of_memory", "device_lost"];

export async function devicesToTry(wanted: DeviceKind | "auto", devices: Devices): Promise<readonly DeviceKind[]> {
  if (wanted !== "auto") return [wanted];
  const adapter = await devices.webgpuAdapter();
  if (!adapter) return ["wasm"];
  return adapter.software ? ["wasm", "webgpu"] : ["webgpu", "wasm"];
}

export function isOfDevice(error: LlmError): boolean {
  return DEVICE_ERRORS.includes(error.code);
}
