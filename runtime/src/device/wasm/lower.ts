/**
 * From the steps of a program to calls of the library's kernels: the launch plan of the CPU.
 *
 * What an operator's steps are, its lowering says (lowering.ts); here its symbols become addresses and numbers. Kernels
 * are told both once; what changes from run to run (position, n, page numbers) they read from memory.
 *
 * NOTE the numbers come from a program whose definitions were checked against its buffers (definition_rules.ts).
 */
import { LlmError } from "../../internal/errors";
import { fieldOf } from "../definition";
import type { Symbols } from "../expression";
import type { ArgumentDeclaration, Expression } from "../operator_declaration";
import type { KvPool } from "./kv_pool";
import type { LoweringCall, LoweringStep } from "./lowering";
import { filledIn, givenArguments, numberOf, type PlannedFunctions, type PlannedStep } from "./planned_step";
import type { Call, Plan, Step } from "./pool";
import type { Regions } from "./regions";
import { keyOf } from "./step_memory";
import type { WeightImage } from "./weights";

/** Where everything is that a step may name. */
export interface Places {
  readonly regions: Pick<Regions, "n" | "one" | "steps" | "buffer" | "blockTable">;
  readonly image: Pick<WeightImage, "matrix" | "vector">;
  readonly weightBase: number;
  readonly kv: KvPool;
  readonly kvBase: number;
}

/** The steps of every function. */
export function lower(functions: PlannedFunctions, places: Places): Plan {
  const plan: Record<string, readonly Step[]> = {};
  for (const [name, steps] of functions) {
    const tables = new Set<string>();
    let before: Step = [];
    plan[name] = steps.flatMap((step, i) => {
      const lowered = lowerStep(step, places, tables);
      if (before.length > 0) lowered[0] = [...before, ...(lowered[0] ?? [])];
      before = joins(step, steps[i + 1]) ? (lowered.pop() ?? []) : [];
      return lowered;
    });
  }
  return plan;
}

/** Whether threads go on with the next step at once: each reads there only what it computes here (Lowering.join). */
function joins({ lowering: { join }, definition, arguments: given }: PlannedStep, next: PlannedStep | undefined) {
  if (!join || next?.definition.op !== join.op) return false;
  const targets = [...given.values()];
  const written = [...next.arguments].filter(
    ([name]) => next.declaration.arguments.find((a) => a.name === name)?.written,
  );
  return (
    next.arguments.get(join.argument) === given.get("out") &&
    ["rows", "gated"].every((field) => fieldOf(definition, field) === fieldOf(next.definition, field)) &&
    written.every(([, array]) => !targets.includes(array))
  );
}

/**
 * The plan of the same functions where everything of their own lies `bytes` further on, given the plans for here and for
 * `unit` bytes further on: what differs in them are the addresses of that.
 */
export function moved(here: Plan, further: Plan, unit: number, bytes: number): Plan {
  const movedCall = (call: Call, other: Call): Call => {
    const [kernel, ...values] = call;
    return [kernel, ...values.map((value, i) => value + ((other[i + 1] as number) - value) * (bytes / unit))];
  };
  return Object.fromEntries(
    Object.entries(here).map(([name, steps]) => [
      name,
      steps.map((step, i) => step.map((call, j) => movedCall(call, further[name]![i]![j]!))),
    ]),
  );
}

/** What one step of a program becomes. `tables`: those that the function has made so far. */
export function lowerStep(step: PlannedStep, places: Places, tables: Set<string>): Step[] {
  const { symbols, names } = placed(step, places);
  return stepsOf(step)
    .filter((lowered) => isDue(lowered, step, tables))
    .map(({ calls }) => calls.flatMap((call) => callsOf(call, symbols, names)))
    .filter((calls) => calls.length > 0);
}

const chosen = new WeakMap<Symbols, readonly LoweringStep[]>();

/** The steps and calls of a lowering that the definition asks for. Steps of the same operator share their symbols. */
function stepsOf({ lowering, symbols }: PlannedStep): readonly LoweringStep[] {
  const isThere = ({ when }: { readonly when: Expression }) => numberOf(when, symbols) !== 0;
  const steps =
    chosen.get(symbols) ??
    lowering.steps.filter(isThere).map((step) => ({ ...step, calls: step.calls.filter(isThere) }));
  chosen.set(symbols, steps);
  return steps;
}

/** Whether the step is made: one with a table only where the function first needs that. */
function isDue({ once }: LoweringStep, step: PlannedStep, tables: Set<string>): boolean {
  if (once === undefined) return true;
  const table = step.lowering.memory.find(({ name }) => name === once);
  if (!table) throw new LlmError("internal", `A lowering of ${step.definition.op} has no memory ${once}.`);
  const key = keyOf(step, table);
  if (tables.has(key)) return false;
  tables.add(key);
  return true;
}

function callsOf(
  { kernel, arguments: values, groups }: LoweringCall,
  symbols: Symbols,
  names: Readonly<Record<string, string>>,
): Call[] {
  const one = (known: Symbols): Call => [
    filledIn(kernel, known, names),
    ...values.map((value) => numberOf(value, known)),
  ];
  if (!groups) return [one(symbols)];
  const of = numberOf(groups.of, symbols);
  const calls: Call[] = [];
  for (let first = 0; first < of; first += groups.most)
    calls.push(one(Object.assign(Object.create(symbols), { first, count: Math.min(groups.most, of - first) })));
  return calls;
}

/** The symbols of a step with those of places, and what stands for a symbol in a kernel's name. */
function placed(step: PlannedStep, places: Places) {
  const { regions, kvBase } = places;
  // Above those of the step, which need not be copied.
  const symbols: Record<string, number> = Object.create(step.symbols);
  symbols["n.address"] = step.prefill ? regions.n : regions.one;
  symbols["kv.address"] = kvBase;
  const names: Record<string, string> = {};
  for (const argument of givenArguments(step))
    placeArgument(argument, step.arguments.get(argument.name)!, places, symbols, names);
  for (const memory of step.lowering.memory) {
    const { address, stride } = regions.steps.place(step, memory);
    symbols[`${memory.name}.address`] = address;
    if (stride > 0) symbols[`${memory.name}.stride`] = stride;
  }
  return { symbols, names };
}

function placeArgument(
  { name, role }: ArgumentDeclaration,
  array: string,
  { regions, image, weightBase, kv }: Places,
  symbols: Record<string, number>,
  names: Record<string, string>,
): void {
  switch (role) {
    case "matrix": {
      const { offset, blockRowBytes, sums, format } = image.matrix(array);
      symbols[`${name}.address`] = weightBase + offset;
      symbols[`${name}.block_row_bytes`] = blockRowBytes;
      if (sums !== null) symbols[`${name}.sums`] = weightBase + sums;
      names[`${name}.format`] = format;
      break;
    }
    case "cache": {
      const { offset, headStride, table } = kv.cache(array);
      symbols[`${name}.offset`] = offset;
      symbols[`${name}.head_stride`] = headStride;
      symbols[`${name}.block_table`] = regions.blockTable(table);
      break;
    }
    case "vector":
      symbols[`${name}.address`] = weightBase + image.vector(array);
      break;
    default: {
      // Frequencies may be stored among the weights.
      const address = regions.buffer(array) ?? weightBase + image.vector(array);
      symbols[`${name}.address`] = address;
    }
  }
}
