/**
 * Opens a WebGPU device and turns what can go wrong with it into typed errors.
 *
 * Owns the GPUDevice until `destroy`. The GPU object is a parameter, so the same code runs in a page, a worker,
 * an extension, and in Node with the npm package webgpu.
 */
import { LlmError } from "../../internal/errors";
import { isSoftware, requestAdapter } from "./adapter";

/** What a kernel variant is chosen by. */
export interface Capabilities {
  readonly features: ReadonlySet<string>;
  /** 0 where the adapter does not say. */
  readonly subgroupMinSize: number;
  readonly limits: Readonly<Record<LimitName, number>>;
}

export interface Device {
  readonly gpu: GPUDevice;
  /** Human-readable adapter, e.g. "google swiftshader (software)". */
  readonly adapter: string;
  readonly software: boolean;
  readonly capabilities: Capabilities;
  /** Why the device cannot be used any more; null while it can. */
  readonly failure: LlmError | null;
  /** Resolves with `failure` when the device is lost or reports an error that no scope caught. Never rejects. */
  readonly failed: Promise<LlmError>;
  /** Waits for GPU work: settles like `work`, but rejects with `failure` as soon as there is one. */
  guard<T>(work: Promise<T>): Promise<T>;
  /**
   * Runs `create` and waits until the device has accepted what it made.
   * Errors: out_of_memory; internal for what the device calls invalid; the device's failure.
   */
  create<T>(what: string, create: () => T): Promise<T>;
  destroy(): void;
}

export interface DeviceOptions {
  /** Features not to ask for although the adapter has them; for comparing kernel variants. */
  readonly withoutFeatures?: readonly string[];
}

const FEATURES = ["subgroups", "shader-f16", "timestamp-query"] as const;
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "minUniformBufferOffsetAlignment",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;
export type LimitName = (typeof LIMITS)[number];
const ANNOUNCEMENT_MS = 200;

/** Opens the fastest adapter with its maximum limits. Errors: unsupported_device. */
export async function openDevice(gpu: GPU | undefined, options: DeviceOptions = {}): Promise<Device> {
  if (!gpu) throw unsupported("This browser has no WebGPU (or the page is not a secure context).");
  const adapter = await requestAdapter(gpu);
  if (!adapter) throw unsupported("WebGPU found no adapter: the GPU or its driver is blocked or missing.");

  const without = options.withoutFeatures ?? [];
  const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name) && !without.includes(name));
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (thrown) {
    throw unsupported(
      `The adapter refused to open a device: ${thrown instanceof Error ? thrown.message : "no reason given"}.`,
    );
  }
  return watch(device, adapter.info);
}

/** The WebGPU classes are absent from Node's globals, hence the name. */
function isOutOfMemory(error: object): boolean {
  return error.constructor.name === "GPUOutOfMemoryError";
}

function watch(gpu: GPUDevice, info: GPUAdapterInfo): Device {
  let failure: LlmError | null = null;
  const pending = new Set<(error: LlmError) => void>();
  let announce: (error: LlmError) => void;
  const failed = new Promise<LlmError>((resolve) => {
    announce = resolve;
  });
  const fail = (error: LlmError) => {
    failure ??= error;
    announce(failure);
    for (const reject of pending) reject(failure);
    pending.clear();
  };
  gpu.lost.then((lost) => {
    const why = lost.message || "the browser gave no reason";
    fail(
      new LlmError("device_lost", `The GPU device was lost: ${why}. The next request opens it again.`, {
        reason: String(lost.reason),
      }),
    );
  });
  gpu.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    if (isOutOfMemory(error)) fail(new LlmError("out_of_memory", `The GPU ran out of memory: ${error.message}`));
    else fail(new LlmError("internal", `WebGPU reported an error: ${error.message}`));
  });

  const guard = <T>(work: Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      if (failure) return reject(failure);
      pending.add(reject);
      work.then(
        (value) => {
          pending.delete(reject);
          resolve(value);
        },
        (thrown) => {
          // Work is refused a moment before the loss of the device is announced, and the loss is the better answer.
          setTimeout(() => {
            pending.delete(reject);
            reject(failure ?? LlmError.from(thrown));
          }, ANNOUNCEMENT_MS);
        },
      );
    });
  const create = async <T>(what: string, make: () => T) => {
    gpu.pushErrorScope("validation");
    gpu.pushErrorScope("out-of-memory");
    let made: T;
    let errors: Promise<(GPUError | null)[]>;
    try {
      made = make();
    } finally {
      errors = Promise.all([gpu.popErrorScope(), gpu.popErrorScope()]);
    }
    const [outOfMemory, invalid] = await guard(errors);
    if (outOfMemory) throw new LlmError("out_of_memory", `The GPU has no memory for ${what}: ${outOfMemory.message}`);
    if (invalid) throw new LlmError("internal", `WebGPU refused ${what}: ${invalid.message}`);
    return made;
  };

  const limits = {} as Record<LimitName, number>;
  for (const name of LIMITS) limits[name] = gpu.limits[name];
  const words = [info.vendor, info.architecture || info.description].filter(Boolean).join(" ") || "unnamed adapter";
  const software = isSoftware(info);
  return {
    gpu,
    adapter: software ? `${words} (software)` : words,
    software,
    capabilities: { features: new Set(gpu.features), subgroupMinSize: info.subgroupMinSize ?? 0, limits },
    get failure() {
      return failure;
    },
    failed,
    guard,
    create,
    destroy: () => gpu.destroy(),
  };
}

function unsupported(message: string): LlmError {
  return new LlmError("unsupported_device", message);
}
