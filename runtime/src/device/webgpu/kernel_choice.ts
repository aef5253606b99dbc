/** Which kernel of a stage runs on a device: the first that suits the definition and that the device can run. */
import { LlmError } from "../../internal/errors";
import { evaluate, leavesRange, type SymbolRanges, type Symbols, substitute } from "../expression";
import type { KernelVariant, Stage } from "../kernel";
import type { Capabilities } from "./device";

const SYMBOL_OF_CALL = ["n"];
const CONSTANT_RANGE = { i32: [-(2 ** 31), 2 ** 31 - 1], f32: [-3.4e38, 3.4e38] } as const;

/** A kernel with its numbers: what is left open is n. */
export interface ChosenKernel {
  readonly variant: KernelVariant;
  readonly constants: Readonly<Record<string, number>>;
  readonly uniforms: KernelVariant["uniforms"];
  readonly grid: KernelVariant["grid"];
}

export interface Wish {
  /** Of the definition, and of the slice of its matrix. */
  readonly symbols: Symbols;
  readonly ranges: SymbolRanges;
  /** The matrix is bound in slices. */
  readonly sliced: boolean;
  /** Names of variants that must not be chosen: their answers were wrong here. */
  readonly excluded: ReadonlySet<string>;
}

/** Errors: unsupported_device; `what` names the operator. */
export function chooseKernel(stage: Stage, wish: Wish, capabilities: Capabilities, what: string): ChosenKernel {
  let obstacle = "there is no kernel for its numbers";
  for (const variant of stage.variants) {
    if (evaluate(variant.when, wish.symbols) === 0) continue;
    const found = obstacleTo(variant, wish, capabilities);
    if (found === null) return fill(variant, wish.symbols);
    obstacle = found;
  }
  throw new LlmError("unsupported_device", `This device cannot run ${what}: ${obstacle}. Use the CPU.`, {
    operator: what,
  });
}

function fill(variant: KernelVariant, symbols: Symbols): ChosenKernel {
  const open = (value: KernelVariant["grid"][number]) => substitute(value, symbols, SYMBOL_OF_CALL);
  const [x, y, z] = variant.grid;
  return {
    variant,
    constants: Object.fromEntries(variant.constants.map(({ name, value }) => [name, evaluate(value, symbols)])),
    uniforms: variant.uniforms.map((uniform) => ({ ...uniform, value: open(uniform.value) })),
    grid: [open(x), open(y), open(z)],
  };
}

function obstacleTo(variant: KernelVariant, wish: Wish, { features, subgroupMinSize, limits }: Capabilities) {
  if (wish.excluded.has(variant.name)) return "its kernels compute wrong numbers here";
  const missing = variant.requires.features.find((feature) => !features.has(feature));
  if (missing) return `it needs the feature ${missing}`;
  if (subgroupMinSize < variant.requires.subgroup_min_size)
    return `it needs subgroups of at least ${variant.requires.subgroup_min_size}, not ${subgroupMinSize}`;
  const [x, y, z] = variant.workgroup_size;
  if (
    x > limits.maxComputeWorkgroupSizeX ||
    y > limits.maxComputeWorkgroupSizeY ||
    z > limits.maxComputeWorkgroupSizeZ ||
    x * y * z > limits.maxComputeInvocationsPerWorkgroup
  ) {
    return `it needs workgroups of ${x}×${y}×${z}, and the limit is ${limits.maxComputeInvocationsPerWorkgroup} invocations`;
  }
  if (variant.workgroup_bytes > limits.maxComputeWorkgroupStorageSize)
    return `it needs ${variant.workgroup_bytes} bytes of workgroup memory, and the limit is ${limits.maxComputeWorkgroupStorageSize}`;
  if (variant.bindings.length > limits.maxStorageBuffersPerShaderStage)
    return `it binds ${variant.bindings.length} storage buffers, and the limit is ${limits.maxStorageBuffersPerShaderStage}`;
  if (wish.sliced && !variant.constants.some(({ value }) => value === "first_row"))
    return "its matrix is too large for one buffer, and its kernel reads no slices";
  for (const { name, type, value } of variant.constants) {
    const [low, high] = CONSTANT_RANGE[type];
    const number = evaluate(value, wish.symbols);
    if (number < low || number > high) return `its constant ${name} would be ${number}`;
  }
  for (const extent of variant.grid) {
    const open = substitute(extent, wish.symbols, SYMBOL_OF_CALL);
    const beyond = leavesRange(open, wish.ranges, 1, limits.maxComputeWorkgroupsPerDimension);
    if (beyond !== null)
      return `it needs ${beyond} workgroups, and the limit is ${limits.maxComputeWorkgroupsPerDimension}`;
  }
  return null;
}
