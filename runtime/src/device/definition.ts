/** What follows from a definition by its operator's declaration: symbols of expressions, and arrays. */
import { CODEBOOKS, declarationOf, SCALE_DTYPES } from "./definition_reader";
import { evaluate, type Symbols } from "./expression";
import type { Role } from "./operator_declaration";
import { FEW_TOKENS, PROMPT_FUNCTIONS } from "./operators.gen";
import type { Definition, Dtype, GroupedScheme, PlainScheme, Scheme } from "./program";
import { INTEGER_SCALES, storedArrays } from "./stored_parameters";

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

/** What conditions of GPU kernels also know: of the calls of a function, and of the rows of a matrix that are bound. */
export function kernelSymbols(mostTokens: number, firstRow: number, allRows: number): Symbols {
  return { few_tokens: Number(mostTokens <= FEW_TOKENS), first_row: firstRow, all_rows: allRows };
}

function schemeSymbols(scheme: Scheme): Symbols {
  const { bits, dtype, group_size, scale_dtype, zero, minimum, codebook } = scheme as Partial<
    PlainScheme & GroupedScheme
  >;
  const symbols: Record<string, number> = {
    "scheme.bits": bits!,
    "scheme.group_size": group_size ?? 0,
    "scheme.grouped": Number(!dtype),
    "scheme.zero": zero ?? 0,
    "scheme.minimum": Number(!!minimum),
  };
  for (const name of CODEBOOKS) symbols[`scheme.${name}`] = Number(codebook === name);
  for (const name of SCALE_DTYPES) {
    if (!(name in INTEGER_SCALES)) symbols[`scheme.${name}`] = Number(dtype === name);
    symbols[`scheme.scale_${name}`] = Number(scale_dtype === name);
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
