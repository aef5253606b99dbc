/** Numbers and origins as people read them. */
import type { DeviceInfo, Progress } from "@nomoat/runtime";

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = -1;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function formatCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)}B`;
  if (count >= 1e6) return `${Math.round(count / 1e6)}M`;
  if (count >= 1e3) return `${Math.round(count / 1e3)}k`;
  return String(count);
}

const PHASES: Record<Progress["phase"], string> = {
  download: "Downloading",
  load: "Loading into memory",
  compile: "Preparing the device",
};

export function formatProgress({ phase, loaded, total }: Progress): string {
  const amount = phase === "compile" ? `${loaded} of ${total}` : `${formatBytes(loaded)} of ${formatBytes(total)}`;
  return `${PHASES[phase]}: ${amount}`;
}

/** "WebGPU · nvidia ampere", "CPU · wasm, 2 threads". */
export function formatDevice({ device, adapter, threads }: DeviceInfo): string {
  if (device === "webgpu") return `WebGPU · ${adapter}`;
  return threads === null ? `CPU · ${device}` : `CPU · ${device}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}

/** "host" for https, the full origin otherwise, so that an unusual scheme or port is always seen. */
export function formatOrigin(origin: string): string {
  return origin.startsWith("https://") ? origin.slice("https://".length) : origin;
}
