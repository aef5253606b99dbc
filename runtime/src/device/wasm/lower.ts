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
import { type Symbols, substitute } from "../expression";
import type { ArgumentDeclaration, Expression } from "../operator_declaration";
import type { KvPool } from "./kv_pool";
import type { LoweringCall, LoweringStep, Memory } from "./lowering";
import { filledIn, givenArguments, numberOf, type PlannedFunctions, type PlannedStep } from "./planned_step";
import type { Call, Plan, Step } from "./pool";
import type { PlacedRegions } from "./regions";
import { isOfArrays, keyOf } from "./step_memory";
import type { PlacedImage } from "./weights";

/** Where everything is that a step may name. */
export interface Places {
  readonly regions: PlacedRegions;
  readonly image: PlacedImage;
  readonly weightBase: number;
  readonly kv: KvPool;
  readonly kvBase: number;
}

/** The steps of every function. */
export function lower(functions: PlannedFunctions, places: Places): Plan {
  const plan: Record<string, readonly Step[]> = {};
  const known: Patterns = new Map();
  for (const [name, steps] of functions) {
    const tables = new Set<string>();
    let before: Step = [];
    plan[name] = steps.flatMap((step, i) => {
      const lowered = lowerStep(step, places, tables, known);
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

/** What the steps of one operator have in common, which is nearly all: they differ in the arrays that they are given. */
interface Pattern {
  readonly given: readonly ArgumentDeclaration[];
  /** Memory whose place follows from the arrays. */
  readonly memory: readonly Memory[];
  readonly symbols: Symbols;
  readonly steps: readonly LoweringStep[];
  /** The calls of each step, by the formats of its matrices. What is left in them are the addresses of arrays. */
  readonly calls: Map<string, readonly (readonly LoweringCall[])[]>;
}
/** Steps of the same operator share their symbols. */
type Patterns = Map<Symbols, Pattern>;

/** What one step of a program becomes. `tables`: those that the function has made so far. */
export function lowerStep(step: PlannedStep, places: Places, tables: Set<string>, known: Patterns = new Map()): Step[] {
  const pattern = known.get(step.symbols) ?? patternOf(step, places);
  known.set(step.symbols, pattern);
  const addresses: Record<string, number> = {};
  const names: Record<string, string> = {};
  for (const argument of pattern.given)
    placeArgument(argument, step.arguments.get(argument.name)!, places, addresses, names);
  for (const memory of pattern.memory)
    addresses[`${memory.name}.address`] = places.regions.steps.place(step, memory).address;
  const formats = Object.values(names).join();
  let calls = pattern.calls.get(formats);
  if (!calls) {
    const free = Object.keys(addresses);
    // A matrix of a format has its rows like any other: only where they lie is the step's own.
    calls = pattern.steps.map((lowered) =>
      lowered.calls.flatMap((call) => filledCalls(call, pattern.symbols, names, free)),
    );
    pattern.calls.set(formats, calls);
  }
  const made: Step[] = [];
  calls.forEach((list, i) => {
    if (list.length === 0 || !isDue(pattern.steps[i]!, step, tables)) return;
    made.push(
      list.map(
        ({ kernel, arguments: values }): Call => [
          kernel,
          ...values.map((value) => (typeof value === "number" ? value : numberOf(value, addresses))),
        ],
      ),
    );
  });
  return made;
}

function patternOf(step: PlannedStep, { regions, kvBase }: Places): Pattern {
  const symbols: Record<string, number> = { ...step.symbols };
  symbols["n.address"] = step.prefill ? regions.n : regions.one;
  symbols["kv.address"] = kvBase;
  const memory: Memory[] = [];
  for (const each of step.lowering.memory) {
    if (isOfArrays(each)) memory.push(each);
    else {
      const { address, stride } = regions.steps.place(step, each);
      symbols[`${each.name}.address`] = address;
      if (stride > 0) symbols[`${each.name}.stride`] = stride;
    }
  }
  const isThere = ({ when }: { readonly when: Expression }) => numberOf(when, step.symbols) !== 0;
  const steps = step.lowering.steps
    .filter(isThere)
    .map((lowered) => ({ ...lowered, calls: lowered.calls.filter(isThere) }));
  return { given: givenArguments(step), memory, symbols, steps, calls: new Map() };
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

/** The calls with the values of `symbols` filled in, so that only symbols of `free` are left. */
function filledCalls(
  { when, kernel, arguments: values, groups }: LoweringCall,
  symbols: Symbols,
  names: Readonly<Record<string, string>>,
  free: readonly string[],
): LoweringCall[] {
  const one = (known: Symbols): LoweringCall => ({
    when,
    kernel: filledIn(kernel, known, names),
    arguments: values.map((value) => substitute(value, known, free)),
  });
  if (!groups) return [one(symbols)];
  const of = numberOf(groups.of, symbols);
  const calls: LoweringCall[] = [];
  for (let first = 0; first < of; first += groups.most)
    calls.push(one({ ...symbols, first, count: Math.min(groups.most, of - first) }));
  return calls;
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
