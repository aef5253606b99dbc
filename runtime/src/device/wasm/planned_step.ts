/**
 * The steps of a program beside what the CPU knows of their operators: the declaration, the lowering, and the symbols
 * that follow from the definition. What the CPU cannot run is refused here, before anything is laid out.
 */
import { LlmError } from "../../internal/errors";
import { definitionSymbols, fieldOf, isOfPrompt } from "../definition";
import { declarationOf } from "../definition_reader";
import { apply, type Symbols } from "../expression";
import { fail } from "../invalid_package";
import type { ArgumentDeclaration, Expression, OperatorDeclaration } from "../operator_declaration";
import { NUMBER_KINDS } from "../operators.gen";
import type { Definition, Program, Scheme } from "../program";
import type { Lowering, Memory } from "./lowering";
import { LOWERINGS } from "./lowering.gen";

export interface PlannedStep {
  readonly definition: Definition;
  readonly declaration: OperatorDeclaration;
  readonly lowering: Lowering;
  /** Arrays by argument. */
  readonly arguments: ReadonlyMap<string, string>;
  /** All but addresses and what else depends on where things lie. */
  readonly symbols: Symbols;
  /** Whether n may differ from 1. */
  readonly prefill: boolean;
}
/** Steps by function. */
export type PlannedFunctions = ReadonlyMap<string, readonly PlannedStep[]>;

/** `relaxed`: of the library's build. Errors: unsupported_device. */
export function planSteps(program: Program, relaxed: boolean): PlannedFunctions {
  const functions = new Map<string, readonly PlannedStep[]>();
  for (const [name, steps] of program.functions) {
    const prefill = isOfPrompt(name);
    const symbols = new Map<string, Symbols>();
    const forms = new Map<string, string>();
    const planned = steps.map((step): PlannedStep => {
      const { definition } = program.operators.get(step.operator)!;
      const { declaration, lowering } = operatorOf(definition, step.operator);
      let known = symbols.get(step.operator);
      if (!known) {
        known = symbolsOf(definition, declaration, program, prefill, relaxed);
        refuse(lowering, known);
        symbols.set(step.operator, known);
      }
      const one = { definition, declaration, lowering, arguments: step.arguments, symbols: known, prefill };
      const written = formsOf(one, forms);
      if (!written) return one;
      const key = `${step.operator} ${Object.values(written)}`;
      const all = symbols.get(key) ?? { ...known, ...written };
      symbols.set(key, all);
      return { ...one, symbols: all };
    });
    functions.set(name, planned);
  }
  return functions;
}

/** The arguments that the definition has. */
export function givenArguments({ declaration, arguments: given }: PlannedStep): readonly ArgumentDeclaration[] {
  return declaration.arguments.filter(({ name }) => given.has(name));
}

/** How the operator's matrix is stored. */
export function schemeOf({ definition, declaration }: PlannedStep): Scheme {
  const { name } = declaration.fields.find(({ kind }) => kind === "scheme")!;
  return fieldOf(definition, name) as Scheme;
}

/**
 * The value of an expression of a lowering. What it names must be in `symbols`, which differs from `evaluate`'s rule
 * for the expressions of a program: here it is an error of ours.
 */
export function numberOf(expression: Expression, symbols: Symbols): number {
  if (typeof expression === "number") return expression;
  if (typeof expression === "object")
    return apply(expression[0], numberOf(expression[1], symbols), numberOf(expression[2], symbols));
  const value = symbols[expression];
  if (value === undefined)
    throw new LlmError("internal", `A lowering names ${expression}, which its step does not have.`);
  return value;
}

/** `text` with the value of each `{symbol}`. */
export function filledIn(text: string, symbols: Symbols, names: Readonly<Record<string, string>> = {}): string {
  return text.replace(/\{([^}]*)\}/g, (_, symbol: string) => names[symbol] ?? String(numberOf(symbol, symbols)));
}

/** The int32 with the bits of a float32: kernels take int32 scalars only. */
export function floatBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0]!;
}

function operatorOf({ op }: Definition, name: string) {
  const declaration = declarationOf(op);
  const lowering = Object.hasOwn(LOWERINGS, op) ? LOWERINGS[op] : undefined;
  if (!declaration || !lowering) throw unsupported(`the operator ${name}, which only its GPU kernels define`);
  return { declaration, lowering };
}

function symbolsOf(
  definition: Definition,
  { fields }: OperatorDeclaration,
  { prefill_chunk, context_length }: Program,
  prefill: boolean,
  relaxed: boolean,
): Symbols {
  const symbols: Record<string, number> = {
    ...definitionSymbols(definition, prefill),
    prefill_chunk,
    context_length,
    relaxed: Number(relaxed),
  };
  for (const { name, kind } of fields)
    if (Object.hasOwn(NUMBER_KINDS, kind)) symbols[`${name}.float32`] = floatBits(symbols[name]!);
  return symbols;
}

function refuse({ refusals }: Lowering, symbols: Symbols): void {
  for (const { when, has } of refusals) if (numberOf(when, symbols) !== 0) throw unsupported(filledIn(has, symbols));
}

/**
 * `<form>.written` of a step; null where it has no forms. `forms` has the form in which each buffer was last written, and is brought up to date.
 * A form of no bytes is none. Errors: unsupported_device where the step reads a buffer as it stands in the program, and
 * it was written in a form.
 */
function formsOf(step: PlannedStep, forms: Map<string, string>): Symbols | null {
  const symbols: Record<string, number> = {};
  const given = givenArguments(step).filter(({ role }) => role === "activations");
  const formOf = (argument: string) => step.lowering.memory.find((memory) => isForm(memory, argument, step))?.name;
  for (const { kind, name } of step.lowering.memory) if (kind === "form") symbols[`${name}.written`] = 0;
  for (const { name, written } of given) {
    const array = step.arguments.get(name)!;
    const [form, last] = [formOf(name), forms.get(array)];
    if (form !== undefined) symbols[`${form}.written`] = Number(last === form);
    else if (last !== undefined && !written)
      throw unsupported(`the operator ${step.definition.op}, which cannot read ${array} in the form of ${last}`);
  }
  for (const { name, written } of given) {
    if (!written) continue;
    const form = formOf(name);
    if (form === undefined) forms.delete(step.arguments.get(name)!);
    else forms.set(step.arguments.get(name)!, form);
  }
  return step.lowering.memory.some(({ kind }) => kind === "form") ? symbols : null;
}

function isForm(memory: Memory, argument: string, { symbols }: PlannedStep): boolean {
  return memory.kind === "form" && memory.argument === argument && numberOf(memory.nbytes, symbols) > 0;
}

/**
 * The caches of keys and values that must be exact. Their pages are laid out otherwise, so all steps must agree.
 * Errors: invalid_package.
 */
export function exactCaches(functions: PlannedFunctions): ReadonlySet<string> {
  const exact = new Map<string, boolean>();
  for (const step of [...functions.values()].flat()) {
    for (const { name, role } of givenArguments(step)) {
      if (role !== "cache") continue;
      const array = step.arguments.get(name)!;
      const own = numberOf("exact_cache", step.symbols) !== 0;
      if ((exact.get(array) ?? own) !== own) fail(`one step has exact_cache for ${array} and another one has not`);
      exact.set(array, own);
    }
  }
  return new Set([...exact.keys()].filter((array) => exact.get(array)));
}

function unsupported(what: string): LlmError {
  return new LlmError("unsupported_device", `The CPU cannot run this model: it has ${what}. Use a GPU.`);
}
