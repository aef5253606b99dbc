/** Reads what an operator computes and how a matrix is stored from untrusted JSON: shape, types and ranges. */
import type { Reader } from "../internal/reader";
import type { FieldDeclaration, OperatorDeclaration } from "./operator_declaration";
import { INTEGER_KINDS, NUMBER_KINDS, OPERATORS } from "./operators.gen";
import type { Definition, FloatDtype, Scheme } from "./program";

const FLOAT_DTYPES: readonly FloatDtype[] = ["float32", "float16", "bfloat16"];
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
  const bits = read.oneOf(head.bits, `${path}.bits`, [4, 8, 16, 32] as const);
  if (bits === 16 || bits === 32) {
    const { dtype } = read.object(value, path, ["bits", "dtype"]);
    const dtypes = FLOAT_DTYPES.filter((name) => (name === "float32") === (bits === 32));
    return { bits, dtype: read.oneOf(dtype, `${path}.dtype`, dtypes) };
  }
  const symmetric = Object.hasOwn(head, "zero");
  const item = read.object(value, path, ["bits", "group_size", "scale_dtype", symmetric ? "zero" : "minimum"]);
  if (!symmetric && item.minimum !== true) read.fail(`${path}.minimum`, "true", item.minimum);
  const group_size = read.integer(item.group_size, `${path}.group_size`, 16, 256);
  // 16 bytes, which kernels read at once, are of one group.
  if (group_size % (128 / bits) !== 0) read.fail(`${path}.group_size`, `a multiple of ${128 / bits}`, group_size);
  return {
    bits,
    group_size,
    scale_dtype: read.oneOf(item.scale_dtype, `${path}.scale_dtype`, FLOAT_DTYPES),
    zero: symmetric ? read.integer(item.zero, `${path}.zero`, 0, 2 ** bits - 1) : null,
  };
}
