/** Reads what an operator computes and how a matrix is stored from untrusted JSON: shape, types and ranges. */
import type { Reader } from "../internal/reader";
import type { CacheLayout, Definition, FloatDtype, Scheme } from "./program";

const FLOAT_DTYPES: readonly FloatDtype[] = ["float32", "float16", "bfloat16"];
const OPS: readonly Definition["op"][] = [
  "embed",
  "rms_norm",
  "linear",
  "rope_append",
  "attention",
  "sampling",
  "opaque",
];
const MAX_DIMENSION = 2 ** 30;
const MAX_ROPE_NUMBER = 1e30;
const LAYOUT = ["heads", "kv_heads", "head_dim", "page_size"];

/** Errors: the reader's. */
export function readDefinition(read: Reader, value: unknown, path: string): Definition {
  // The operation first: it says which other keys there are.
  const op = read.oneOf(read.object(value, path, ["op"], Object.keys(Object(value))).op, `${path}.op`, OPS);
  const fields = (...names: string[]) => read.object(value, path, ["op", ...names]);
  switch (op) {
    case "embed":
      return { op, ...readMatrix(read, fields("rows", "columns", "scheme"), path) };
    case "rms_norm": {
      const item = fields("columns", "eps");
      return { op, columns: readColumns(read, item.columns, path), eps: readEps(read, item.eps, `${path}.eps`) };
    }
    case "linear": {
      const item = fields("rows", "columns", "scheme", "norm_eps", "bias", "residual", "swiglu");
      return {
        op,
        ...readMatrix(read, item, path),
        norm_eps: item.norm_eps === null ? null : readEps(read, item.norm_eps, `${path}.norm_eps`),
        bias: read.boolean(item.bias, `${path}.bias`),
        residual: read.boolean(item.residual, `${path}.residual`),
        swiglu: read.boolean(item.swiglu, `${path}.swiglu`),
      };
    }
    case "rope_append": {
      const item = fields(...LAYOUT, "attention_scaling", "dynamic");
      return {
        op,
        ...readLayout(read, item, path),
        attention_scaling: readRopeNumber(read, item.attention_scaling, `${path}.attention_scaling`),
        dynamic: item.dynamic === null ? null : readDynamic(read, item.dynamic, `${path}.dynamic`),
      };
    }
    case "attention":
      return { op, ...readLayout(read, fields(...LAYOUT), path) };
    case "sampling":
    case "opaque":
      fields();
      return { op };
  }
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

function readMatrix(read: Reader, item: Record<string, unknown>, path: string) {
  return {
    rows: read.integer(item.rows, `${path}.rows`, 1, MAX_DIMENSION),
    columns: readColumns(read, item.columns, path),
    scheme: readScheme(read, item.scheme, `${path}.scheme`),
  };
}

function readColumns(read: Reader, value: unknown, path: string): number {
  const columns = read.integer(value, `${path}.columns`, 4, MAX_DIMENSION);
  if (columns % 4 !== 0) read.fail(`${path}.columns`, "a multiple of 4", columns);
  return columns;
}

function readEps(read: Reader, value: unknown, path: string): number {
  return read.number(value, path, Number.MIN_VALUE, 1);
}

function readLayout(read: Reader, item: Record<string, unknown>, path: string): CacheLayout {
  const head_dim = read.integer(item.head_dim, `${path}.head_dim`, 2, 1024);
  if (head_dim % 2 !== 0) read.fail(`${path}.head_dim`, "an even number", head_dim);
  return {
    heads: read.integer(item.heads, `${path}.heads`, 1, 1024),
    kv_heads: read.integer(item.kv_heads, `${path}.kv_heads`, 1, 1024),
    head_dim,
    page_size: read.integer(item.page_size, `${path}.page_size`, 1, 256),
  };
}

function readDynamic(read: Reader, value: unknown, path: string) {
  const item = read.object(value, path, ["theta", "factor", "max_position_embeddings"]);
  return {
    theta: readRopeNumber(read, item.theta, `${path}.theta`),
    factor: readRopeNumber(read, item.factor, `${path}.factor`),
    max_position_embeddings: read.integer(item.max_position_embeddings, `${path}.max_position_embeddings`, 1, 16777216),
  };
}

function readRopeNumber(read: Reader, value: unknown, path: string): number {
  return read.number(value, path, Number.MIN_VALUE, MAX_ROPE_NUMBER);
}
