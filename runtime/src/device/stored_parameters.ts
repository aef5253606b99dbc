/** Which stored arrays hold a tensor under a scheme: the same as compiler/nomoat_compiler/scheme.py. */
import { fail } from "./invalid_package";
import { type Dtype, ITEM_BYTES, type Parameter, type Scheme } from "./program";

/** Bits of scales that are integers, times a float32 of each 256 columns (compiler/nomoat_compiler/scheme.py). */
export const INTEGER_SCALES: Readonly<Record<string, number>> = { int8: 8, uint8: 8, uint4: 4 };
export const MAX_PARAMETER_BYTES = 8 * 2 ** 30;

export interface StoredArray {
  readonly role: "weight" | "q_weight" | "q_scale" | "q_scale_min";
  readonly shape: readonly number[];
  readonly dtype: Dtype;
}

/** The values of a tensor of `shape`, and for grouped schemes, of a matrix, its scales (with their minimums). */
export function storedArrays(shape: readonly number[], scheme: Scheme): readonly StoredArray[] {
  if ("dtype" in scheme) return [{ role: "weight", shape, dtype: scheme.dtype }];
  const [rows, columns] = shape as readonly [number, number];
  const groups = Math.ceil(columns / scheme.group_size);
  const { bits, group_size, scale_dtype, minimum } = scheme;
  const padded = groups * group_size;
  // Of 2, 3, 5 and 6 bits whole 32 columns.
  const words = (bits % 4 === 0 ? padded : Math.ceil(padded / 32) * 32) * (bits / 32);
  const role = minimum ? "q_scale_min" : "q_scale";
  const parts = minimum ? 2 : 1;
  const weight: StoredArray = { role: "q_weight", shape: [rows, words], dtype: "uint32" };
  const integerBits = INTEGER_SCALES[scale_dtype];
  if (integerBits !== undefined) {
    const superWords = parts + ((256 / group_size) * parts * integerBits) / 32;
    return [weight, { role, shape: [rows, Math.ceil(columns / 256), superWords], dtype: "uint32" }];
  }
  return [weight, { role, shape: minimum ? [rows, groups, 2] : [rows, groups], dtype: scale_dtype as Dtype }];
}

/** The same with names and sizes, by role. Errors: invalid_package. */
export function storedParameters(name: string, shape: readonly number[], scheme: Scheme): [string, Parameter][] {
  return storedArrays(shape, scheme).map((array) => {
    // A bias is stored under its own name.
    const stored = array.role === "weight" && name.endsWith(".bias") ? name : `${name}.${array.role}`;
    const nbytes = array.shape.reduce((product, size) => product * size, ITEM_BYTES[array.dtype]);
    if (nbytes > MAX_PARAMETER_BYTES) fail(`${stored} has more than ${MAX_PARAMETER_BYTES} bytes`);
    return [array.role, { name: stored, shape: array.shape, dtype: array.dtype, nbytes }];
  });
}
