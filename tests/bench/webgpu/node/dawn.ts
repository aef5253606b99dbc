/** Dawn's WebGPU in Node, from its native module, with a count of the calls that cost a page time. */
import { createRequire } from "node:module";

type Counts = Record<string, number>;

/** Calls so far, by the report's names. */
export const calls: Counts = {};

const COUNTED: Readonly<Record<string, readonly [report: string, method: string][]>> = {
  GPUQueue: [
    ["submits", "submit"],
    ["writes", "writeBuffer"],
  ],
  GPUDevice: [
    ["bind_groups", "createBindGroup"],
    ["buffers", "createBuffer"],
    ["encoders", "createCommandEncoder"],
  ],
  GPUCommandEncoder: [["passes", "beginComputePass"]],
  GPUComputePassEncoder: [["dispatches", "dispatchWorkgroups"]],
  GPUBuffer: [["maps", "mapAsync"]],
};

interface DawnModule {
  create(options: readonly string[]): GPU;
  readonly globals: Record<string, { prototype: Record<string, (...given: unknown[]) => unknown> }>;
}

// Dawn's objects live as long as the GPU object that made them.
const kept: GPU[] = [];

/** `module`: path of dawn.node. */
export function openDawn(module: string, options: readonly string[]): GPU {
  const { create, globals } = createRequire(import.meta.url)(module) as DawnModule;
  Object.assign(globalThis, globals);
  for (const [name, methods] of Object.entries(COUNTED)) {
    const { prototype } = globals[name]!;
    for (const [report, method] of methods) {
      const original = prototype[method]!;
      calls[report] = 0;
      prototype[method] = function (this: unknown, ...given: unknown[]) {
        calls[report]! += 1;
        return original.apply(this, given);
      };
    }
  }
  const gpu = create(options);
  kept.push(gpu);
  return gpu;
}

/** Calls for each of `units` since `before`, a copy of `calls`. */
export function callsPer(units: number, before: Counts): Counts {
  return Object.fromEntries(
    Object.entries(calls).map(([name, count]) => [name, Number(((count - before[name]!) / units).toFixed(3))]),
  );
}

/** What the adapter is, as the report says it. */
export async function describeAdapter(gpu: GPU): Promise<object> {
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("WebGPU found no adapter: there is no Vulkan driver, or it does not start.");
  const { info, limits } = adapter;
  return {
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    device: info.device,
    subgroup_min_size: info.subgroupMinSize ?? 0,
    subgroup_max_size: info.subgroupMaxSize ?? 0,
    features: [...adapter.features].sort(),
    max_storage_buffer_binding_bytes: limits.maxStorageBufferBindingSize,
    max_workgroup_bytes: limits.maxComputeWorkgroupStorageSize,
    max_storage_buffers: limits.maxStorageBuffersPerShaderStage,
    node: process.version,
  };
}
