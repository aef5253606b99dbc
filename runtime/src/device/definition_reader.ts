/** Reads what an operator computes and how a matrix is stored from untrusted JSON: shape, types and ranges. */
import type { Reader } from "../internal/reader";
import type { FieldDeclaration, OperatorDeclaration } from "./operator_declaration";
import { INTEGER_KINDS, NUMBER_KINDS, OPERATORS } from "./operators.gen";
import type { Codebook, Definition, FloatDtype, ScaleDtype, Scheme } from "./program";
import { INTEGER_SCALES } from "./stored_parameters";

const FLOAT_DTYPES: readonly FloatDtype[] = ["float32", "float16", "bfloat16"];
export const SCALE_DTYPES: readonly ScaleDtype[] = [...FLOAT_DTYPES, "int8", "uint8", "uint4"];
export const CODEBOOKS: readonly Codebook[] = ["iq4_nl", "mxfp4"];
export const OPAQUE_NAME = /^[a-z][a-z0-9_]{0,63}$/;

/** What is declared of an operation; null for "opaque" and for what is none. */
export function declarationOf(op: string): OperatorDeclaration | null {
  return Object.hasOwn(OPERATORS, op) ? OPERATORS[op as keyof typeof OPERATORS] : null;
}

/** A definition, its fields in declared order. Errors: the reader's. */
export function readDefinition(read: Reader, value: unknown, path: string): Definition {
  // The operation first: it says which other keys there are.
  const { op } = read.object(value, path, ["op"], Object.keys(Object(value)));
  if (op === "opaque") {
    const { name } = read.object(value, path, ["op", "name"]);
    return { op, name: read.matching(name, `${path}.name`, OPAQUE_NAME) };
  }
  const name = read.oneOf(op, `${path}.op`, Object.keys(OPERATORS));
  const { fields } = declarationOf(name)!;
  const item = read.object(value, path, ["op", ...fields.map((field) => field.name)]);
  const definition: Record<string, unknown> = { op: name };
  for (const field of fields)
    definition[field.name] = readField(read, field, item[field.name], `${path}.${field.name}`);
  return definition as unknown as Definition;
}

/** The value of a field, checked by its kind. Errors: the reader's. */
export function readField(read: Reader, { kind, nullable }: FieldDeclaration, value: unknown, path: string) {
  if (value === null && nullable) return null;
  if (kind === "scheme") return readScheme(read, value, path);
  if (kind === "boolean") return read.boolean(value, path);
  const integer = INTEGER_KINDS[kind];
  if (!integer) return read.number(value, path, Number.MIN_VALUE, NUMBER_KINDS[kind]!);
  const [least, most, multiple] = integer;
  const number = read.integer(value, path, least, most);
  if (number % multiple !== 0) read.fail(path, `a multiple of ${multiple}`, number);
  return number;
}

/** Errors: the reader's. */
export function readScheme(read: Reader, value: unknown, path: string): Scheme {
  // The bits first: they say which other keys there are.
  const head = read.object(value, path, ["bits"], Object.keys(Object(value)));
  const bits = read.oneOf(head.bits, `${path}.bits`, [2, 3, 4, 5, 6, 8, 16, 32] as const);
  if (bits === 16 || bits === 32) {
    const { dtype } = read.object(value, path, ["bits", "dtype"]);
    const dtypes = FLOAT_DTYPES.filter((name) => (name === "float32") === (bits === 32));
    return { bits, dtype: read.oneOf(dtype, `${path}.dtype`, dtypes) };
  }
  const third = ["zero", ...(bits === 4 ? ["codebook"] : [])].find((key) => Object.hasOwn(head, key)) ?? "minimum";
  const item = read.object(value, path, ["bits", "group_size", "scale_dtype", third]);
  const group_size = read.integer(item.group_size, `${path}.group_size`, 16, 256);
  // What kernels read at once is of one group, or of two groups of 16.
  const multiple = bits === 4 || (bits !== 8 && group_size > 16) ? 32 : 16;
  if (group_size % multiple !== 0) read.fail(`${path}.group_size`, `a multiple of ${multiple}`, group_size);
  const scale_dtype = read.oneOf(item.scale_dtype, `${path}.scale_dtype`, SCALE_DTYPES);
  if (scale_dtype in INTEGER_SCALES && group_size > 32) read.fail(`${path}.group_size`, "at most 32", group_size);
  if (scale_dtype.startsWith("u") && third !== "minimum") read.fail(path, "a scheme with a minimum", scale_dtype);
  const numbers = { bits, group_size, scale_dtype };
  if (third === "zero") return { ...numbers, zero: read.integer(item.zero, `${path}.zero`, 0, 2 ** bits - 1) };
  if (third === "codebook") return { ...numbers, codebook: read.oneOf(item.codebook, `${path}.codebook`, CODEBOOKS) };
  if (item.minimum !== true) read.fail(`${path}.minimum`, "true", item.minimum);
  return { ...numbers, minimum: true };
}
