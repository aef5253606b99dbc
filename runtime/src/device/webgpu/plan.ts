/**
 * A program fitted to one device: the kernel variant of every operator, the size of every buffer, and the steps of
 * every function with their bindings resolved. Nothing is allocated here; what does not fit is refused here.
 */
import { LlmError } from "../../internal/errors";
import type { Expression } from "../expression";
import type { Kernel, OperatorSpec, Program, Variant } from "../program";
import { bufferBytes, pagesPerSequence, symbolRanges } from "../program_rules";
import type { Capabilities } from "./device";

export interface PlannedStep {
  readonly kernel: Kernel;
  readonly grid: readonly [Expression, Expression, Expression];
  /** Buffer, parameter or constant at storage binding 0, 1, ... */
  readonly targets: readonly string[];
}

export interface Plan {
  readonly program: Program;
  readonly functions: ReadonlyMap<string, readonly PlannedStep[]>;
  /** The kernels that the functions use on this device, by hash. */
  readonly kernels: ReadonlyMap<string, Kernel>;
  /** Bytes to allocate by name: parameters and constants rounded up to 16, buffers; kv_cache not included. */
  readonly fixedBytes: ReadonlyMap<string, number>;
  /** Bytes of one page by name of the kv_cache buffer. */
  readonly pageBytes: ReadonlyMap<string, number>;
  /** Most pages the cache may have: what two full sequences need, or less where one buffer would pass the limits. */
  readonly maxPages: number;
}

/** Errors: unsupported_device where a buffer or every variant of an operator passes the device's limits. */
export function planFor(program: Program, capabilities: Capabilities): Plan {
  const { limits } = capabilities;
  const maxBytes = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  const fixedBytes = new Map<string, number>();
  const pageBytes = new Map<string, number>();
  for (const { name, nbytes } of program.parameters.values()) fixedBytes.set(name, roundUp(nbytes, 16));
  for (const { name, data } of program.constants.values()) fixedBytes.set(name, roundUp(data.byteLength, 16));
  for (const buffer of program.buffers.values()) {
    const bytes = bufferBytes(buffer, program);
    if (buffer.kind === "kv_cache") pageBytes.set(buffer.name, bytes);
    else fixedBytes.set(buffer.name, roundUp(bytes, 4));
  }
  for (const [name, bytes] of [...fixedBytes, ...pageBytes]) {
    if (bytes > maxBytes) {
      throw unsupported(
        `${name} needs a buffer of ${bytes} bytes, and this device allows ${maxBytes}. Use a smaller model or a shorter context.`,
        {
          requested: bytes,
          limit: maxBytes,
        },
      );
    }
  }

  const chosen = new Map<string, Variant>();
  for (const operator of program.operators.values())
    chosen.set(operator.name, chooseVariant(operator, program, capabilities));
  const functions = new Map<string, PlannedStep[]>();
  const kernels = new Map<string, Kernel>();
  for (const [name, steps] of program.functions) {
    functions.set(
      name,
      steps.map((step) => {
        const variant = chosen.get(step.operator)!;
        const kernel = program.kernels.get(variant.kernel)!;
        kernels.set(kernel.hash, kernel);
        return {
          kernel,
          grid: variant.grid,
          targets: kernel.bindings.map(({ argument }) => step.arguments.get(argument)!),
        };
      }),
    );
  }
  const largestPage = Math.max(...pageBytes.values());
  const maxPages = Math.min(
    symbolRanges(program).kv_pages[1],
    Math.floor(maxBytes / largestPage),
    2 * pagesPerSequence(program),
  );
  return { program, functions, kernels, fixedBytes, pageBytes, maxPages };
}

/** The first variant that the device can run. */
function chooseVariant(operator: OperatorSpec, program: Program, capabilities: Capabilities): Variant {
  let obstacle = "";
  for (const variant of operator.variants) {
    obstacle = obstacleTo(variant, program.kernels.get(variant.kernel)!, capabilities);
    if (!obstacle) return variant;
  }
  throw unsupported(`This device cannot run ${operator.name}: ${obstacle}.`, { operator: operator.name });
}

function obstacleTo(variant: Variant, kernel: Kernel, { features, subgroupMinSize, limits }: Capabilities): string {
  const missing = variant.features.find((feature) => !features.has(feature));
  if (missing) return `it needs the feature ${missing}`;
  if (subgroupMinSize < variant.subgroup_min_size)
    return `it needs subgroups of at least ${variant.subgroup_min_size}, not ${subgroupMinSize}`;
  const [x, y, z] = kernel.workgroup_size;
  if (
    x > limits.maxComputeWorkgroupSizeX ||
    y > limits.maxComputeWorkgroupSizeY ||
    z > limits.maxComputeWorkgroupSizeZ ||
    x * y * z > limits.maxComputeInvocationsPerWorkgroup
  ) {
    return `it needs workgroups of ${x}×${y}×${z}, and the limit is ${limits.maxComputeInvocationsPerWorkgroup} invocations`;
  }
  if (kernel.workgroup_bytes > limits.maxComputeWorkgroupStorageSize) {
    return `it needs ${kernel.workgroup_bytes} bytes of workgroup memory, and the limit is ${limits.maxComputeWorkgroupStorageSize}`;
  }
  if (kernel.bindings.length > limits.maxStorageBuffersPerShaderStage) {
    return `it binds ${kernel.bindings.length} storage buffers, and the limit is ${limits.maxStorageBuffersPerShaderStage}`;
  }
  return "";
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function unsupported(message: string, detail: Record<string, string | number>): LlmError {
  return new LlmError("unsupported_device", message, detail);
}
