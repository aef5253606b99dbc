/** What a model runs on, as people read it. */
import type { DeviceInfo } from "@nomoat/runtime";

/** "WebGPU · nvidia ampere", "CPU · wasm, 2 threads". */
export function formatDevice({ device, adapter, threads }: DeviceInfo): string {
  if (device === "webgpu") return `WebGPU · ${adapter}`;
  return threads === null ? `CPU · ${device}` : `CPU · ${device}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}
