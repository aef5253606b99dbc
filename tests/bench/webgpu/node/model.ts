/**
 * A program on the GPU with synthetic weights: the only file of the benchmark that knows how the runtime reads a
 * program, plans it and makes an executor of the plan. Everything else uses the Executor interface.
 *
 * A plan is data, so functions are added to it before it is loaded: `decode` in its last variants, for comparison, and
 * each kernel by itself, for its time. They share the weights and the cache with the program's own.
 */
import { readFileSync } from "node:fs";
import { freemem } from "node:os";
import { join } from "node:path";
import type { Program, TensorSpec } from "../../../../runtime/src/device/program";
import { parseProgram } from "../../../../runtime/src/device/program_reader";
import { type Device, openDevice } from "../../../../runtime/src/device/webgpu/device";
import { WebGpuExecutor } from "../../../../runtime/src/device/webgpu/executor";
import { type LibraryOperators, loadLibrary } from "../../../../runtime/src/device/webgpu/library";
import { type Plan, type PlannedDispatch, planFor } from "../../../../runtime/src/device/webgpu/plan";
import { LlmError } from "../../../../runtime/src/internal/errors";
import { type Content, noise, stream } from "./synthetic_weights";

/** `decode` in the variants that need no feature. */
export const LAST_VARIANTS = "decode in last variants";

/** The steps of one function that run the same kernel, as a function of their own. */
export interface KernelGroup {
  readonly kernel: string;
  readonly function: string;
  readonly dispatches: readonly PlannedDispatch[];
  readonly calls: number;
  /** Of weights, in all calls. */
  readonly weightBytes: number;
}

export interface Model {
  readonly executor: WebGpuExecutor;
  readonly program: Pick<Program, "vocab_size" | "context_length" | "page_size" | "prefill_chunk">;
  readonly loadMs: number;
  readonly weightBytes: number;
  /** Every kernel with its numbers. */
  readonly chosen: readonly string[];
  readonly kernels: ReadonlyMap<string, readonly KernelGroup[]>;
  /** Makes room for `tokens` tokens and fills the cache with noise. Errors: out_of_memory. */
  prepareCache(tokens: number): Promise<void>;
}

/** Errors: unsupported_device, out_of_memory, and a variant that no operator has. */
export async function loadModel(
  gpu: GPU,
  folder: string,
  variant: string | null,
  profiled: readonly string[],
): Promise<Model> {
  const started = performance.now();
  const program = parseProgram(JSON.parse(readFileSync(join(folder, "program/program.json"), "utf8")));
  const device = await openDevice(gpu);
  const { operators } = await loadLibrary();
  const planWithout = (excluded: ReadonlySet<string>) => planFor(program, device.capabilities, operators, { excluded });
  const plan = planWithout(variant === null ? new Set() : variantsBut(operators, variant));
  const last = planWithout(variantsBut(operators, "last"));
  const kernels = new Map(profiled.map((name) => [name, kernelGroups(plan, name)]));
  const weightBytes = [...program.parameters.values()].reduce((sum, { nbytes }) => sum + nbytes, 0);
  requireMemory(device, weightBytes);
  const executor = await WebGpuExecutor.create(device, withFunctions(plan, last, [...kernels.values()].flat()), {
    kernel: (hash) => Promise.reject(new LlmError("invalid_package", `The kernel ${hash} is not the library's.`)),
    derived: null,
    weights: async (sink) => {
      for (const [index, { name, nbytes, content }] of storedArrays(program).entries())
        await stream(content, nbytes, index, (offset, bytes) => sink(name, offset, bytes));
    },
  });
  await executor.finished();
  return {
    executor,
    program,
    loadMs: performance.now() - started,
    weightBytes,
    chosen: chosenKernels(plan),
    kernels,
    prepareCache: (tokens) => prepareCache(executor, plan, tokens),
  };
}

/**
 * Names of the library's kernels to pass over, so that those of an ending are taken wherever a stage has one; for
 * "last" all that need a feature. Those that need none stay, since not every row is long enough for every variant.
 */
function variantsBut(operators: LibraryOperators, ending: string): Set<string> {
  const stages = [...operators.values()].flatMap((operator) => operator.stages);
  const variants = stages.flatMap((stage) => stage.variants);
  const names = new Set(variants.map(({ name }) => name));
  const wanted = (name: string) => name.replace(/_[^_]*$/, `_${ending}`);
  if (ending !== "last" && !variants.some(({ name }) => name.endsWith(`_${ending}`))) {
    throw new LlmError("invalid_request", `No kernel of the library ends in _${ending}.`);
  }
  const passedOver = variants.filter(({ name, requires }) => {
    if (requires.features.length === 0 && requires.subgroup_min_size === 0) return false;
    return ending === "last" || (name !== wanted(name) && names.has(wanted(name)));
  });
  return new Set(passedOver.map(({ name }) => name));
}

function chosenKernels(plan: Plan): string[] {
  return [...new Set([...plan.functions.values()].flat().map(nameOf))].sort();
}

/** The kernel, and those of its numbers by which a reader tells its uses apart. */
function nameOf({ pipeline: { name, constants } }: PlannedDispatch): string {
  const sizes = ["outputs", "columns", "vocab_size"].flatMap((size) => constants[size] ?? []);
  const parts = ["norm", "bias", "residual"].filter((part) => constants[`has_${part}`]);
  return [name, sizes.join("×"), ...parts].filter(Boolean).join(" ");
}

function kernelGroups(plan: Plan, name: string): KernelGroup[] {
  const groups = new Map<string, PlannedDispatch[]>();
  for (const dispatch of plan.functions.get(name)!) {
    const { key } = dispatch.pipeline;
    groups.set(key, [...(groups.get(key) ?? []), dispatch]);
  }
  return [...groups.values()].map((dispatches) => ({
    kernel: nameOf(dispatches[0]!),
    function: `${name}: ${dispatches[0]!.pipeline.key}`,
    dispatches,
    calls: dispatches.length,
    weightBytes: dispatches.reduce((sum, dispatch) => sum + bytesRead(plan, dispatch), 0),
  }));
}

function bytesRead(plan: Plan, { targets, looksUp }: PlannedDispatch): number {
  if (looksUp) return 0;
  return targets.reduce((sum, name) => sum + (plan.weightBuffers.has(name) ? plan.fixedBytes.get(name)! : 0), 0);
}

function withFunctions(plan: Plan, last: Plan, groups: readonly KernelGroup[]): Plan {
  const functions = new Map(plan.functions);
  functions.set(LAST_VARIANTS, last.functions.get("decode")!);
  for (const group of groups) functions.set(group.function, group.dispatches);
  // Of what lies between two stages, one choice of kernels may need more than another.
  const fixedBytes = new Map(plan.fixedBytes);
  for (const [name, bytes] of last.fixedBytes) fixedBytes.set(name, Math.max(bytes, fixedBytes.get(name) ?? 0));
  return { ...plan, functions, fixedBytes, pipelines: new Map([...last.pipelines, ...plan.pipelines]) };
}

/** A software adapter takes the machine's memory and ends the process, or others, where there is not enough. */
function requireMemory(device: Device, bytes: number): void {
  if (device.software && bytes > 0.7 * freemem()) {
    throw new LlmError(
      "out_of_memory",
      `The weights take ${(bytes / 1e9).toFixed(1)} GB, and ${(freemem() / 1e9).toFixed(1)} GB of memory are free.`,
    );
  }
}

interface StoredArray {
  readonly name: string;
  readonly nbytes: number;
  readonly content: Content;
}
function storedArrays(program: Program): StoredArray[] {
  return [...program.tensors.values()].flatMap((tensor) =>
    [...tensor.parameters].map(([role, name]) => ({
      name,
      nbytes: program.parameters.get(name)!.nbytes,
      content: contentOf(tensor, role),
    })),
  );
}

function contentOf({ scheme, shape }: TensorSpec, role: string): Content {
  if ("dtype" in scheme) return { kind: shape.length === 1 ? "ones" : "matrix", dtype: scheme.dtype };
  if (role === "q_weight") return { kind: "words" };
  const { scale_dtype: dtype, bits, minimum } = scheme;
  if (dtype === "int8" || dtype === "uint8" || dtype === "uint4") {
    throw new LlmError("invalid_request", `There are no synthetic weights with ${dtype} scales.`);
  }
  return { kind: "scales", dtype, bits, minimum: minimum === true };
}

async function prepareCache(executor: WebGpuExecutor, plan: Plan, tokens: number): Promise<void> {
  const { page_size: pageSize } = plan.program;
  const pages = Math.ceil(tokens / pageSize);
  await executor.growKv(pages);
  if (executor.kvPages < pages) {
    throw new LlmError("unsupported_device", `The cache holds ${executor.kvPages * pageSize} tokens on this device.`);
  }
  executor.write(
    "block_table",
    Int32Array.from({ length: pages }, (_, i) => i),
  );
  for (const [name, pageBytes] of plan.pageBytes) {
    const page = noise(pageBytes / 4, 11);
    for (let i = 0; i < pages; i++) executor.write(name, page, i * pageBytes);
  }
  await executor.finished();
}
