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

/** "Downloading: 12 MB of 491 MB · 8.0 MB/s · 1 min left". `bytesPerS`: null where it is not known yet. */
export function formatProgress({ phase, loaded, total }: Progress, bytesPerS: number | null = null): string {
  const amount = phase === "compile" ? `${loaded} of ${total}` : `${formatBytes(loaded)} of ${formatBytes(total)}`;
  const rate = bytesPerS
    ? ` · ${formatBytes(Math.round(bytesPerS))}/s · ${formatDuration((total - loaded) / bytesPerS)} left`
    : "";
  return `${PHASES[phase]}: ${amount}${rate}`;
}

/** "40 s", "3 min", "2 h": as exact as a guess is. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
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
