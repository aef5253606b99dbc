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
import type { OperatorSpec, Program, Scheme, Variant } from "../../../../runtime/src/device/program";
import { parseProgram } from "../../../../runtime/src/device/program_reader";
import { type Device, openDevice } from "../../../../runtime/src/device/webgpu/device";
import { WebGpuExecutor } from "../../../../runtime/src/device/webgpu/executor";
import { type Plan, type PlannedStep, planFor } from "../../../../runtime/src/device/webgpu/plan";
import { LlmError } from "../../../../runtime/src/internal/errors";
import { type Content, noise, stream } from "./synthetic_weights";

/** `decode` in the variants that need no feature. */
export const LAST_VARIANTS = "decode in last variants";

/** The steps of one function that run the same kernel, as a function of their own. */
export interface KernelGroup {
  readonly kernel: string;
  readonly function: string;
  readonly calls: number;
  /** Of weights, in all calls. */
  readonly weightBytes: number;
}

export interface Model {
  readonly executor: WebGpuExecutor;
  readonly program: Pick<Program, "vocab_size" | "context_length" | "page_size" | "prefill_chunk">;
  readonly loadMs: number;
  readonly weightBytes: number;
  /** Kernel by operator. */
  readonly chosen: Readonly<Record<string, string>>;
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
  const json = JSON.parse(readFileSync(join(folder, "program/program.json"), "utf8"));
  const program = parseProgram(json);
  const device = await openDevice(gpu);
  const plan = planFor(variant === null ? program : withVariant(program, variant), device.capabilities);
  const last = planFor(withVariant(program, "last"), device.capabilities);
  const kernels = new Map(profiled.map((name) => [name, kernelGroups(program, plan, name)]));
  const weightBytes = [...program.parameters.values()].reduce((sum, { nbytes }) => sum + nbytes, 0);
  requireMemory(device, weightBytes);
  const executor = await WebGpuExecutor.create(device, withFunctions(plan, last, [...kernels.values()].flat()), {
    kernel: async (hash) => readFileSync(join(folder, `program/${hash}.wgsl`), "utf8"),
    weights: async (sink) => {
      for (const [index, { name, nbytes, content }] of storedArrays(program, json.tensors).entries())
        await stream(content, nbytes, index, (offset, bytes) => sink(name, offset, bytes));
    },
  });
  await executor.finished();
  return {
    executor,
    program,
    loadMs: performance.now() - started,
    weightBytes,
    chosen: chosenKernels(program, plan),
    kernels,
    prepareCache: (tokens) => prepareCache(executor, plan, tokens),
  };
}

/** The program with the variant of that ending first, wherever an operator has one; "last": with its last only. */
function withVariant(program: Program, ending: string): Program {
  let found = ending === "last";
  const prefer = (operator: OperatorSpec): readonly Variant[] => {
    if (ending === "last") return operator.variants.slice(-1);
    const wanted = operator.variants.filter(({ kernel }) => program.kernels.get(kernel)!.name.endsWith(`_${ending}`));
    found ||= wanted.length > 0;
    return wanted.length > 0 ? wanted : operator.variants;
  };
  const operators = new Map(
    [...program.operators].map(([name, operator]) => [name, { ...operator, variants: prefer(operator) }]),
  );
  if (!found) throw new LlmError("invalid_request", `No kernel of this program ends in _${ending}.`);
  return { ...program, operators };
}

function chosenKernels(program: Program, plan: Plan): Record<string, string> {
  const chosen: Record<string, string> = {};
  for (const [name, steps] of program.functions) {
    steps.forEach(({ operator }, i) => {
      chosen[operator] = plan.functions.get(name)![i]!.kernel.name;
    });
  }
  return chosen;
}

function kernelGroups(program: Program, plan: Plan, name: string): KernelGroup[] {
  const groups = new Map<string, PlannedStep[]>();
  for (const step of plan.functions.get(name)!) {
    const known = groups.get(step.kernel.name);
    if (known) known.push(step);
    else groups.set(step.kernel.name, [step]);
  }
  return [...groups].map(([kernel, steps]) => ({
    kernel,
    function: `${name}: ${kernel}`,
    calls: steps.length,
    weightBytes: kernel.startsWith("embed") ? 0 : steps.reduce((sum, step) => sum + bytesRead(program, step), 0),
  }));
}

function bytesRead(program: Program, step: PlannedStep): number {
  return step.targets.reduce((sum, target) => sum + (program.parameters.get(target)?.nbytes ?? 0), 0);
}

function withFunctions(plan: Plan, last: Plan, groups: readonly KernelGroup[]): Plan {
  const functions = new Map(plan.functions);
  functions.set(LAST_VARIANTS, last.functions.get("decode")!);
  for (const group of groups) {
    const [name] = group.function.split(": ");
    const steps = plan.functions.get(name!)!;
    functions.set(
      group.function,
      steps.filter(({ kernel }) => kernel.name === group.kernel),
    );
  }
  return { ...plan, functions, kernels: new Map([...last.kernels, ...plan.kernels]) };
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
interface Tensor {
  readonly scheme: Scheme;
  readonly shape: readonly number[];
  /** Name of the stored array by role. */
  readonly parameters: Readonly<Record<string, string>>;
}

function storedArrays(program: Program, tensors: readonly Tensor[]): StoredArray[] {
  return tensors.flatMap((tensor) =>
    Object.entries(tensor.parameters).map(([role, name]) => ({
      name,
      nbytes: program.parameters.get(name)!.nbytes,
      content: contentOf(tensor, role),
    })),
  );
}

function contentOf({ scheme, shape }: Tensor, role: string): Content {
  if ("dtype" in scheme) return { kind: shape.length === 1 ? "ones" : "matrix", dtype: scheme.dtype };
  if (role === "q_weight") return { kind: "words" };
  return { kind: "scales", dtype: scheme.scale_dtype, bits: scheme.bits, minimum: scheme.zero === null };
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
