/**
 * A program fitted to one device: the kernels of every step with their numbers, where the weights lie, the size of
 * every buffer, and the steps of every function as dispatches with their bindings resolved. Nothing is allocated here;
 * what does not fit is refused here.
 */
import { LlmError } from "../../internal/errors";
import { roundUp } from "../../internal/round_up";
import { type ArrayArgument, arraysOf, definitionSymbols, isOfPrompt, kernelSymbols, ownKey } from "../definition";
import { evaluate, type Symbols } from "../expression";
import type { Binding, GpuOperator, KernelVariant } from "../kernel";
import type { OperatorSpec, Program, Step } from "../program";
import { bufferBytes, mostPages } from "../program_rules";
import type { Capabilities } from "./device";
import { type ChosenKernel, chooseKernel } from "./kernel_choice";
import type { LibraryOperators } from "./library";
import { type Placement, type Slice, WeightPlacement } from "./weight_placement";

/** Sequences that may run at once, and what idle ones are remembered by; fewer where their memory would be too large. */
const MOST_SLOTS = 16;
const LEAST_SLOTS = 4;
const SLOTS_BYTES = 256 * 2 ** 20;
/** Bytes of a value of an operator's scratch array. */
const SCRATCH_ITEM_BYTES = 4;

/** A pipeline: a module and its constants. */
export interface PipelineSpec {
  readonly key: string;
  readonly name: string;
  /** Content hash of the module's text. */
  readonly kernel: string;
  /** The text is the package's, not the library's. */
  readonly own: boolean;
  readonly entryPoint: string;
  readonly constants: Readonly<Record<string, number>>;
  readonly access: readonly Binding["access"][];
  readonly hasUniforms: boolean;
}
export interface PlannedDispatch {
  readonly pipeline: PipelineSpec;
  readonly uniforms: KernelVariant["uniforms"];
  readonly grid: KernelVariant["grid"];
  /** Device buffer at storage binding 0, 1, ... */
  readonly targets: readonly string[];
  /** It reads rows of its weights only. */
  readonly looksUp: boolean;
}

export interface Plan {
  readonly program: Program;
  readonly functions: ReadonlyMap<string, readonly PlannedDispatch[]>;
  /** The pipelines that the functions use, by key. */
  readonly pipelines: ReadonlyMap<string, PipelineSpec>;
  /** What the functions use of the library: each combination of kernels once. */
  readonly used: readonly UsedOperator[];
  /** Where each stored array goes. Those that no function uses are not there. */
  readonly weights: ReadonlyMap<string, Placement>;
  /** Bytes to allocate by name: weights, constants and buffers of a size that stays. */
  readonly fixedBytes: ReadonlyMap<string, number>;
  readonly weightBuffers: ReadonlySet<string>;
  /** Bytes of one page by name of the kv_cache buffer. */
  readonly pageBytes: ReadonlyMap<string, number>;
  /** Most pages the cache may have: what two full sequences need, or less where one buffer would pass the limits. */
  readonly maxPages: number;
  /** Bytes of one slot by name of the recurrent_state buffer. */
  readonly slotBytes: ReadonlyMap<string, number>;
  /** Slots of every recurrent_state buffer; 0 where there are none. */
  readonly stateSlots: number;
}

/** The kernels that were chosen for the stages of an operator of the library. */
export interface UsedOperator {
  readonly op: string;
  readonly prefill: boolean;
  readonly stages: readonly KernelVariant[];
}

export interface PlanOptions {
  /** "package": the package's own kernels for every operator, not only for those that the library does not know. */
  readonly kernels?: "library" | "package";
  /** Names of kernels that must not be used here. */
  readonly excluded?: ReadonlySet<string>;
}

/**
 * `library`: the kernels that ship with the runtime.
 * Errors: unsupported_device where a buffer or every kernel of an operator passes the device's limits.
 */
export function planFor(
  program: Program,
  capabilities: Capabilities,
  library: LibraryOperators,
  options: PlanOptions = {},
): Plan {
  const { limits } = capabilities;
  const maxBytes = Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
  const planner = new Planner(program, capabilities, library, maxBytes, options);
  const functions = new Map([...program.functions].map(([name, steps]) => [name, planner.plan(name, steps)]));

  const fixedBytes = new Map<string, number>([...planner.weights.buffers, ...planner.scratch]);
  const pageBytes = new Map<string, number>();
  const slotBytes = new Map<string, number>();
  for (const { name, data } of program.constants.values()) fixedBytes.set(name, roundUp(data.byteLength, 16));
  for (const buffer of program.buffers.values()) {
    const bytes = bufferBytes(buffer, program);
    if (buffer.kind === "kv_cache") pageBytes.set(buffer.name, bytes);
    else if (buffer.kind === "recurrent_state") slotBytes.set(buffer.name, bytes);
    else fixedBytes.set(buffer.name, roundUp(bytes, 4));
  }
  for (const [name, bytes] of [...fixedBytes, ...pageBytes, ...slotBytes]) {
    if (bytes > maxBytes) {
      throw new LlmError(
        "unsupported_device",
        `${name} needs a buffer of ${bytes} bytes, and this device allows ${maxBytes}. Use a smaller model or a shorter context.`,
        { requested: bytes, limit: maxBytes },
      );
    }
  }
  const stateSlots = slotsFor(slotBytes, maxBytes);
  for (const [name, bytes] of slotBytes) fixedBytes.set(name, roundUp(stateSlots * bytes, 4));
  return {
    program,
    functions,
    pipelines: planner.pipelines,
    used: [...planner.used.values()],
    weights: planner.weights.placements,
    fixedBytes,
    weightBuffers: new Set(planner.weights.buffers.keys()),
    pageBytes,
    maxPages: Math.min(mostPages(program), ...[...pageBytes.values()].map((bytes) => Math.floor(maxBytes / bytes))),
    slotBytes,
    stateSlots,
  };
}

function slotsFor(slotBytes: ReadonlyMap<string, number>, maxBytes: number): number {
  if (slotBytes.size === 0) return 0;
  const sizes = [...slotBytes.values()];
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0);
  const wanted = Math.max(LEAST_SLOTS, Math.min(MOST_SLOTS, Math.floor(SLOTS_BYTES / all)));
  return Math.min(wanted, Math.floor(maxBytes / Math.max(...sizes)));
}

class Planner {
  readonly weights: WeightPlacement;
  readonly pipelines = new Map<string, PipelineSpec>();
  /** Bytes of the arrays that operators use between their stages. One operator runs at a time, so all share them. */
  readonly scratch = new Map<string, number>();
  readonly used = new Map<string, UsedOperator>();

  constructor(
    private readonly program: Program,
    private readonly capabilities: Capabilities,
    private readonly library: LibraryOperators,
    maxBytes: number,
    private readonly options: PlanOptions,
  ) {
    this.weights = new WeightPlacement(program, maxBytes);
  }

  plan(name: string, steps: readonly Step[]): PlannedDispatch[] {
    const prefill = isOfPrompt(name);
    // Most steps of a function share their operator with others, and so its kernels.
    const chosen = new Map<string, ChosenOperator>();
    const dispatches: PlannedDispatch[] = [];
    for (const step of steps) {
      const operator = this.program.operators.get(step.operator)!;
      const arrays = arraysOf(operator.definition);
      const symbols = definitionSymbols(operator.definition, prefill);
      const slices = this.place(operator, arrays, step, symbols);
      const key = `${operator.name} ${JSON.stringify(slices)}`;
      let known = chosen.get(key);
      if (!known) {
        known = this.choose(operator, arrays, symbols, slices, prefill);
        chosen.set(key, known);
      }
      for (const { kernel, pipeline, slice } of known.kernels) {
        dispatches.push({
          pipeline,
          uniforms: kernel.uniforms,
          grid: kernel.grid,
          targets: kernel.variant.bindings.map(({ argument }) => this.target(argument, step, arrays, known, slice)),
          looksUp: arrays.some(({ role }) => role === "token_ids"),
        });
      }
    }
    return dispatches;
  }

  private place(
    operator: OperatorSpec,
    arrays: readonly ArrayArgument[],
    step: Step,
    symbols: Symbols,
  ): readonly Slice[] | null {
    if (operator.definition.op !== "opaque")
      return this.weights.placeStep(arrays, step.arguments, symbols.gated ? 2 : 1);
    for (const target of step.arguments.values()) {
      const parameter = this.program.parameters.get(target);
      if (parameter) this.weights.placeWhole(parameter, false);
    }
    return null;
  }

  private choose(
    operator: OperatorSpec,
    arrays: readonly ArrayArgument[],
    symbols: Symbols,
    slices: readonly Slice[] | null,
    prefill: boolean,
  ): ChosenOperator {
    const { own, stages, scratch } = this.kernelsOf(operator, prefill);
    const tokens = prefill ? this.program.prefill_chunk : 1;
    const scratchNames = new Map<string, string>();
    scratch.forEach(({ name, length }, i) => {
      const buffer = `between stages ${i}`;
      const bytes = roundUp(SCRATCH_ITEM_BYTES * Math.max(1, evaluate(length, { ...symbols, n: tokens })), 16);
      this.scratch.set(buffer, Math.max(bytes, this.scratch.get(buffer) ?? 0));
      scratchNames.set(name, buffer);
    });
    const ranges = { n: [1, tokens] as const };
    const excluded = this.options.excluded ?? new Set<string>();
    const matrix = new Set(arrays.filter(({ role }) => role === "matrix").map(({ name }) => name));
    const kernels = stages.flatMap((stage) => {
      if (evaluate(stage.when ?? 1, symbols) === 0) return [];
      const reads = stage.variants.some(({ bindings }) => bindings.some(({ argument }) => matrix.has(argument)));
      const parts: readonly (number | null)[] = slices && reads ? [...slices.keys()] : [null];
      return parts.map((slice) => {
        const wish = { symbols: withSlice(symbols, tokens, slices, slice), ranges, sliced: slice !== null, excluded };
        const kernel = chooseKernel(stage, wish, this.capabilities, `${operator.name}, ${stage.name}`);
        return { kernel, pipeline: this.pipeline(kernel, own), slice };
      });
    });
    if (!own) this.note(operator.definition.op, prefill, kernels);
    return { kernels, scratchNames };
  }

  /** Slices of one matrix may be given different kernels: each combination of stages is noted. */
  private note(op: string, prefill: boolean, kernels: ChosenOperator["kernels"]): void {
    for (const index of new Set(kernels.map(({ slice }) => slice ?? 0))) {
      const stages = kernels
        .filter(({ slice }) => slice === null || slice === index)
        .map(({ kernel }) => kernel.variant);
      this.used.set(`${op} ${prefill} ${stages.map(({ name }) => name).join()}`, { op, prefill, stages });
    }
  }

  private kernelsOf(operator: OperatorSpec, prefill: boolean): GpuOperator & { readonly own: boolean } {
    const { definition, name } = operator;
    if (definition.op !== "opaque" && this.options.kernels !== "package") {
      const known = this.library.get(definition.op);
      if (!known)
        throw new LlmError("unsupported_device", `The GPU's kernel library has no ${definition.op} (${name}).`);
      return { ...known, own: false };
    }
    const own = this.program.ownOperators.get(ownKey(definition, prefill));
    if (!own) throw new LlmError("invalid_package", `The package has no kernels of its own for ${name}.`);
    return { ...own, own: true };
  }

  private pipeline({ variant, constants }: ChosenKernel, own: boolean): PipelineSpec {
    const key = pipelineKey(variant, constants);
    const known = this.pipelines.get(key);
    if (known) return known;
    const spec = pipelineSpec(variant, constants, own);
    this.pipelines.set(key, spec);
    return spec;
  }

  private target(
    argument: string,
    step: Step,
    arrays: readonly ArrayArgument[],
    { scratchNames }: ChosenOperator,
    slice: number | null,
  ): string {
    const scratch = scratchNames.get(argument);
    if (scratch !== undefined) return scratch;
    const target = step.arguments.get(argument);
    // What a definition lacks is bound all the same and never read: see the kernels' `arguments`.
    if (target === undefined) return step.arguments.get(arrays[0]!.name)!;
    const isMatrix = arrays.some(({ name, role }) => name === argument && role === "matrix");
    return isMatrix ? this.weights.bufferOf(target, slice) : target;
  }
}

/** The pipeline of a kernel with these constants. */
export function pipelineSpec(variant: KernelVariant, constants: PipelineSpec["constants"], own: boolean): PipelineSpec {
  return {
    key: pipelineKey(variant, constants),
    name: variant.name,
    kernel: variant.kernel,
    own,
    entryPoint: variant.entry_point,
    constants,
    access: variant.bindings.map(({ access }) => access),
    hasUniforms: variant.uniforms.length > 0,
  };
}

function pipelineKey(variant: KernelVariant, constants: PipelineSpec["constants"]): string {
  return `${variant.kernel} ${variant.entry_point} ${JSON.stringify(constants)}`;
}

interface ChosenOperator {
  readonly kernels: readonly { kernel: ChosenKernel; pipeline: PipelineSpec; slice: number | null }[];
  /** Device buffer by name of the operator's scratch array. */
  readonly scratchNames: ReadonlyMap<string, string>;
}

function withSlice(
  symbols: Symbols,
  mostTokens: number,
  slices: readonly Slice[] | null,
  index: number | null,
): Symbols {
  const allRows = symbols.rows ?? 0;
  if (!slices || index === null) return { ...symbols, ...kernelSymbols(mostTokens, 0, allRows) };
  const { rows, firstOutput } = slices[index]!;
  return { ...symbols, rows, ...kernelSymbols(mostTokens, firstOutput, allRows) };
}
