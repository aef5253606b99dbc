/**
 * Compute pipelines from WGSL text and constants. A module is made once, however many pipelines it has; a text of the
 * package is checked against its content hash, the library's were when they were loaded. All pipelines of a program are
 * compiled at the same time.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { LlmError } from "../../internal/errors";
import type { Device } from "./device";
import { COMPUTE_STAGE } from "./gpu_flags";
import type { KernelTexts } from "./library";
import type { PipelineSpec } from "./plan";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export interface KernelSources {
  readonly library: () => Promise<KernelTexts>;
  /** The package's WGSL of a hash. */
  readonly own: (hash: string) => Promise<string>;
}

/**
 * Compiles the pipelines, by key.
 * Errors: integrity (a text is not what its hash names), invalid_package (WGSL of the package that does not compile),
 * unsupported_device (the driver cannot compile valid WGSL), and what the sources throw.
 */
export async function compilePipelines(
  device: Device,
  specs: ReadonlyMap<string, PipelineSpec>,
  sources: KernelSources,
  onProgress: (compiled: number, total: number) => void,
): Promise<Map<string, Pipeline>> {
  let compiled = 0;
  onProgress(0, specs.size);
  const modules = new Map<string, Promise<GPUShaderModule>>();
  const layouts = new Map<string, GPUBindGroupLayout>();
  const pipelines = await Promise.all(
    [...specs.values()].map(async (spec): Promise<[string, Pipeline]> => {
      const place = `${spec.own} ${spec.kernel}`;
      const module = modules.get(place) ?? makeModule(device, spec, sources);
      modules.set(place, module);
      const pipeline = await compile(device, spec, await module, layouts);
      compiled += 1;
      onProgress(compiled, specs.size);
      return [spec.key, pipeline];
    }),
  );
  return new Map(pipelines);
}

async function makeModule(device: Device, { kernel, own, name }: PipelineSpec, sources: KernelSources) {
  const code = own ? await sources.own(kernel) : (await sources.library()).get(kernel);
  if (code === undefined) throw new LlmError("integrity", `The GPU's kernel library lacks ${name} (${kernel}).`);
  if (own) requireHash(kernel, code);
  // The scope takes the error that an invalid module raises: its pipelines tell of it.
  device.gpu.pushErrorScope("validation");
  const module = device.gpu.createShaderModule({ label: name, code });
  device.gpu.popErrorScope().catch(() => undefined);
  return module;
}

function requireHash(hash: string, code: string): void {
  const actual = bytesToHex(sha256(utf8ToBytes(code))).slice(0, 16);
  if (actual !== hash) {
    throw new LlmError("integrity", `The kernel ${hash} has the content hash ${actual}: the package was changed.`);
  }
}

async function compile(
  device: Device,
  spec: PipelineSpec,
  module: GPUShaderModule,
  layouts: Map<string, GPUBindGroupLayout>,
): Promise<Pipeline> {
  const { gpu } = device;
  const signature = `${spec.access.join()}|${spec.hasUniforms}`;
  const layout = layouts.get(signature) ?? createLayout(gpu, spec);
  layouts.set(signature, layout);
  gpu.pushErrorScope("validation");
  const pipeline = gpu.createComputePipelineAsync({
    label: spec.name,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: spec.entryPoint, constants: spec.constants },
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
      internal || !spec.own ? "unsupported_device" : "invalid_package",
      `The kernel ${spec.name} (${spec.kernel}) does not compile: ${where}`,
    );
  }
}

function createLayout(gpu: GPUDevice, { access, hasUniforms }: PipelineSpec): GPUBindGroupLayout {
  const entries: GPUBindGroupLayoutEntry[] = access.map((each, binding) => ({
    binding,
    visibility: COMPUTE_STAGE,
    buffer: { type: each === "read" ? "read-only-storage" : "storage" },
  }));
  if (hasUniforms) entries.push({ binding: entries.length, visibility: COMPUTE_STAGE, buffer: { type: "uniform" } });
  return gpu.createBindGroupLayout({ entries });
}
