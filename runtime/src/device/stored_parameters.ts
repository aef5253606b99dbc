/** Which stored arrays hold a tensor under a scheme: the same as compiler/nomoat_compiler/scheme.py. */
import { fail } from "./invalid_package";
import { type Dtype, ITEM_BYTES, type Parameter, type Scheme } from "./program";

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
  const words = (groups * scheme.group_size * scheme.bits) / 32;
  const scales =
    scheme.zero === null
      ? { role: "q_scale_min" as const, shape: [rows, groups, 2] }
      : { role: "q_scale" as const, shape: [rows, groups] };
  return [
    { role: "q_weight", shape: [rows, words], dtype: "uint32" },
    { ...scales, dtype: scheme.scale_dtype },
  ];
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
