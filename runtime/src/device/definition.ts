/** What follows from a definition by its operator's declaration: symbols of expressions, and arrays. */
import { declarationOf } from "./definition_reader";
import { evaluate, type Symbols } from "./expression";
import type { Role } from "./operator_declaration";
import { PROMPT_FUNCTIONS } from "./operators.gen";
import type { Definition, Dtype, Scheme } from "./program";
import { storedArrays } from "./stored_parameters";

const FLOATS = ["float16", "bfloat16", "float32"] as const;

/** An array of an operator with this definition. */
export interface ArrayArgument {
  readonly name: string;
  /** Of the declared argument; both arrays of a grouped matrix have "matrix". */
  readonly role: Role;
  /** The declared argument. */
  readonly declared: string;
  /** Values: of activations, per token. Of a matrix, its rows. */
  readonly size: number;
  readonly written: boolean;
  /** Of a matrix: its own shape, and what the array must be. */
  readonly matrix: readonly number[] | null;
  readonly stored: { readonly shape: readonly number[]; readonly dtype: Dtype } | null;
}

/** Whether the function is of many tokens: n of them. */
export function isOfPrompt(functionName: string): boolean {
  return PROMPT_FUNCTIONS.includes(functionName);
}

/** Names a definition: equal ones have equal keys. */
export function definitionKey(definition: Definition): string {
  return JSON.stringify(definition);
}

/** Names the package's kernels for a definition. */
export function ownKey(definition: Definition, prefill: boolean): string {
  return `${prefill ? "prefill" : "one token"} ${definitionKey(definition)}`;
}

/** The value of a declared field. */
export function fieldOf(definition: Definition, name: string): number | boolean | null | Scheme | undefined {
  return (definition as unknown as Record<string, number | boolean | null | Scheme | undefined>)[name];
}

/** Numbers by field (booleans 0 or 1, null 0), `has_<field>` of nullable ones, `scheme.*`, and `prefill`. */
export function definitionSymbols(definition: Definition, prefill: boolean): Symbols {
  const symbols: Record<string, number> = { prefill: prefill ? 1 : 0 };
  for (const { name, kind, nullable } of declarationOf(definition.op)?.fields ?? []) {
    const value = fieldOf(definition, name);
    if (kind === "scheme") Object.assign(symbols, schemeSymbols(value as Scheme));
    else symbols[name] = Number(value);
    if (nullable) symbols[`has_${name}`] = value === null ? 0 : 1;
  }
  return symbols;
}

function schemeSymbols(scheme: Scheme): Symbols {
  const plain = "dtype" in scheme;
  const symbols: Record<string, number> = {
    "scheme.bits": scheme.bits,
    "scheme.group_size": plain ? 0 : scheme.group_size,
    "scheme.grouped": plain ? 0 : 1,
    "scheme.zero": plain ? 0 : (scheme.zero ?? 0),
    "scheme.minimum": !plain && scheme.zero === null ? 1 : 0,
  };
  for (const dtype of FLOATS) {
    symbols[`scheme.${dtype}`] = plain && scheme.dtype === dtype ? 1 : 0;
    symbols[`scheme.scale_${dtype}`] = !plain && scheme.scale_dtype === dtype ? 1 : 0;
  }
  return symbols;
}

/** The arrays of an operator, in order; those that the definition lacks are not among them. Empty for opaque ones. */
export function arraysOf(definition: Definition): readonly ArrayArgument[] {
  const symbols = definitionSymbols(definition, false);
  const arrays: ArrayArgument[] = [];
  for (const argument of declarationOf(definition.op)?.arguments ?? []) {
    if (evaluate(argument.when, symbols) === 0) continue;
    const { name, role, written } = argument;
    const size = evaluate(argument.size, symbols);
    if (role !== "matrix") {
      arrays.push({ name, role, declared: name, size, written, matrix: null, stored: null });
      continue;
    }
    const shape = [size, evaluate(argument.columns, symbols)];
    storedArrays(shape, schemeOf(definition)).forEach((stored, i) => {
      const own = i === 0 ? name : `${name}_scale`;
      arrays.push({ name: own, role, declared: name, size, written, matrix: shape, stored });
    });
  }
  return arrays;
}

/** Of the operator's matrix. */
function schemeOf(definition: Definition): Scheme {
  const { fields } = declarationOf(definition.op)!;
  return fieldOf(definition, fields.find(({ kind }) => kind === "scheme")!.name) as Scheme;
}
