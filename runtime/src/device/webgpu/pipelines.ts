/**
 * Compute pipelines from WGSL text. Every module is checked against its content hash, and all pipelines of a
 * program are compiled at the same time.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { LlmError } from "../../internal/errors";
import type { Kernel } from "../program";
import type { Device } from "./device";
import { COMPUTE_STAGE } from "./gpu_flags";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/**
 * Compiles the kernels. `text` gives the WGSL of a hash.
 * Errors: integrity (the text is not what the hash names), invalid_package (WGSL that does not compile),
 * unsupported_device (the driver cannot compile valid WGSL).
 */
export async function compilePipelines(
  device: Device,
  kernels: ReadonlyMap<string, Kernel>,
  text: (hash: string) => Promise<string>,
  onProgress: (compiled: number, total: number) => void,
): Promise<Map<string, Pipeline>> {
  let compiled = 0;
  onProgress(0, kernels.size);
  const layouts = new Map<string, GPUBindGroupLayout>();
  const pipelines = await Promise.all(
    [...kernels.values()].map(async (kernel): Promise<[string, Pipeline]> => {
      const code = await text(kernel.hash);
      requireHash(kernel.hash, code);
      const pipeline = await compile(device, kernel, code, layouts);
      compiled += 1;
      onProgress(compiled, kernels.size);
      return [kernel.hash, pipeline];
    }),
  );
  return new Map(pipelines);
}

function requireHash(hash: string, code: string): void {
  const actual = bytesToHex(sha256(utf8ToBytes(code))).slice(0, 16);
  if (actual !== hash) {
    throw new LlmError("integrity", `The kernel ${hash} has the content hash ${actual}: the package was changed.`);
  }
}

async function compile(
  device: Device,
  kernel: Kernel,
  code: string,
  layouts: Map<string, GPUBindGroupLayout>,
): Promise<Pipeline> {
  const { gpu } = device;
  // The scope takes the error that an invalid module raises beside the rejection of its pipeline.
  gpu.pushErrorScope("validation");
  const signature = `${kernel.bindings.map(({ access }) => access).join()}|${kernel.uniforms.length > 0}`;
  const layout = layouts.get(signature) ?? createLayout(gpu, kernel);
  layouts.set(signature, layout);
  const module = gpu.createShaderModule({ label: kernel.name, code });
  const pipeline = gpu.createComputePipelineAsync({
    label: kernel.name,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: kernel.entry_point },
  });
  const scope = gpu.popErrorScope();
  try {
    const [ready] = await device.guard(Promise.all([pipeline, scope]));
    return { pipeline: ready, layout };
  } catch (thrown) {
    if (device.failure) throw device.failure;
    const { messages } = await device.guard(module.getCompilationInfo());
    const first = messages.find(({ type }) => type === "error");
    const where = first
      ? `line ${first.lineNum}: ${first.message}`
      : thrown instanceof Error
        ? thrown.message
        : "no reason given";
    const internal = (thrown as { reason?: unknown }).reason === "internal";
    throw new LlmError(
      internal ? "unsupported_device" : "invalid_package",
      `The kernel ${kernel.name} (${kernel.hash}) does not compile: ${where}`,
    );
  }
}

function createLayout(gpu: GPUDevice, kernel: Kernel): GPUBindGroupLayout {
  const entries: GPUBindGroupLayoutEntry[] = kernel.bindings.map(({ access }, binding) => ({
    binding,
    visibility: COMPUTE_STAGE,
    buffer: { type: access === "read" ? "read-only-storage" : "storage" },
  }));
  if (kernel.uniforms.length > 0) {
    entries.push({ binding: entries.length, visibility: COMPUTE_STAGE, buffer: { type: "uniform" } });
  }
  return gpu.createBindGroupLayout({ entries });
}
