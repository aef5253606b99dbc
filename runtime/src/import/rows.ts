/** Rows of a checkpoint as numbers of float32. */
import { blockFields, floatOf } from "./blocks";
import type { Kind, Rows } from "./checkpoint";
import { bfloatToSingle, halfToSingle } from "./half";
import { BLOCK_SIZES, CODEBOOKS, NATIVE } from "./rules.gen";

const FLOAT_BYTES: Readonly<Record<Kind, number>> = { float32: 4, float16: 2, bfloat16: 2 };

export function isFloat(kind: Kind): boolean {
  return kind in FLOAT_BYTES;
}

export function rowBytes(kind: Kind, columns: number): number {
  if (isFloat(kind)) return columns * FLOAT_BYTES[kind]!;
  const [values, nbytes] = BLOCK_SIZES.get(kind) as [number, number];
  return (columns / values) * nbytes;
}

/** Every step in float32, as the compiler's dequantize_blocks. */
export function singlesOf(rows: Rows): Float32Array<ArrayBuffer> {
  const { kind, data } = rows;
  if (kind === "float32") return new Float32Array(data.buffer, data.byteOffset, data.length / 4);
  if (isFloat(kind)) {
    const bits = new Uint16Array(data.buffer, data.byteOffset, data.length / 2);
    const read = kind === "float16" ? halfToSingle : bfloatToSingle;
    return Float32Array.from(bits, read);
  }
  const { q, floats, integers } = blockFields(rows);
  const native = NATIVE.get(kind);
  const groups = q.length / native.group_size;
  const perFloat = groups / floats[0]!.length;
  const codebook: readonly number[] | null = native.codebook === null ? null : CODEBOOKS.get(native.codebook);
  const zero = native.zero ?? 0;
  const signed = native.scale_dtype === "int8";
  const values = new Float32Array(q.length);
  const part = (which: number, group: number): number => {
    const float = floatOf(kind, floats[which]![Math.floor(group / perFloat)]!);
    const integer = integers[which]?.[group];
    return integer === undefined ? float : Math.fround(float * (signed ? (integer << 24) >> 24 : integer));
  };
  for (let group = 0, at = 0; group < groups; group++) {
    const scale = part(0, group);
    const minimum = native.minimum ? part(1, group) : 0;
    for (let i = 0; i < native.group_size; i++, at++) {
      const number = codebook === null ? q[at]! - zero : codebook[q[at]!]!;
      const product = Math.fround(number * scale);
      values[at] = native.minimum ? product + minimum : product;
    }
  }
  return values;
}

/** What llama.cpp wrote as 1 + w. */
export function lessOne(rows: Rows): Rows {
  if (!isFloat(rows.kind)) return rows;
  const values = Float32Array.from(singlesOf(rows), (value) => Math.fround(value - 1));
  return { ...rows, kind: "float32", data: new Uint8Array(values.buffer) };
}
