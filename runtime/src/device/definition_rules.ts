/**
 * What a definition demands of the operator that has it and of every step that calls it.
 *
 * NOTE: This is the security border of devices with kernels of their own. Those compute addresses from the numbers of
 * a definition, in memory that nothing else guards: each argument of a step must name an array of the dtype that the
 * operation reads, at least as long as it reads and writes for the largest n, and what it writes must be neither a
 * weight nor an input nor bound to a second argument. Token ids, page numbers and positions come from buffers with
 * fixed names only, since the host answers for their contents.
 */
import { evaluate } from "./expression";
import {
  type CacheLayout,
  type Definition,
  type Dtype,
  ITEM_BYTES,
  type OperatorSpec,
  type Program,
  type Scheme,
  type Step,
} from "./program";
import { bufferBytes, fail } from "./program_rules";

const FLOATS: readonly Dtype[] = ["float32", "float16", "bfloat16"];
const SAMPLERS: readonly string[] = ["sample_greedy", "sample"];

/** What an argument must name. `written`: the operation writes it; it only reads the others. */
type Role =
  /** A float32 buffer of `width` values per token. */
  | { readonly is: "activations"; readonly width: number; readonly written: boolean }
  /** Parameters of exactly this shape, in one of these dtypes. */
  | { readonly is: "weights"; readonly shape: readonly number[]; readonly dtypes: readonly Dtype[] }
  /** The inverse frequencies of RoPE: a float32 constant or parameter of this length. */
  | { readonly is: "frequencies"; readonly length: number }
  /** Keys or values of a layer: a kv_cache buffer of exactly this layout. */
  | { readonly is: "cache"; readonly layout: CacheLayout; readonly written: boolean }
  /** prompt_ids in prefill, state in the functions of one token. */
  | { readonly is: "token ids" }
  /** The buffer of this name. */
  | { readonly is: "fixed"; readonly name: string };

/** Errors: invalid_package. */
export function checkDefinitions(program: Program): void {
  for (const operator of program.operators.values()) checkOperator(operator, program);
  for (const [name, steps] of program.functions) {
    steps.forEach((step, i) => {
      checkStep(step, name, `functions.${name}[${i}]`, program);
    });
  }
}

/** The stored arrays of a matrix: its values, and for grouped schemes its scales (with their minimums). */
export function matrixArrays(
  rows: number,
  columns: number,
  scheme: Scheme,
): readonly { readonly shape: readonly number[]; readonly dtype: Dtype }[] {
  if ("dtype" in scheme) return [{ shape: [rows, columns], dtype: scheme.dtype }];
  const groups = Math.ceil(columns / scheme.group_size);
  const words = (groups * scheme.group_size * scheme.bits) / 32;
  const scales = scheme.zero === null ? [rows, groups, 2] : [rows, groups];
  return [
    { shape: [rows, words], dtype: "uint32" },
    { shape: scales, dtype: scheme.scale_dtype },
  ];
}

/** Values per token that an operation with `rows` rows writes. */
export function outputWidth({ rows, swiglu }: { readonly rows: number; readonly swiglu: boolean }): number {
  return swiglu ? rows / 2 : rows;
}

/** The arguments of an operation, in order; null where the definition does not say. */
function rolesOf(definition: Definition): ReadonlyMap<string, Role> | null {
  switch (definition.op) {
    case "sampling":
    case "opaque":
      return null;
    case "embed":
      return new Map<string, Role>([
        ["token_ids", { is: "token ids" }],
        ...matrixRoles(definition),
        ["out", activations(definition.columns, true)],
      ]);
    case "rms_norm":
      return new Map<string, Role>([
        ["x", activations(definition.columns)],
        ["gain", weights([definition.columns], FLOATS)],
        ["out", activations(definition.columns, true)],
      ]);
    case "linear": {
      const { rows, columns, norm_eps, bias, residual } = definition;
      const width = outputWidth(definition);
      return new Map<string, Role>([
        ["x", activations(columns)],
        ...optional(norm_eps !== null, "gain", weights([columns], FLOATS)),
        ...matrixRoles(definition),
        ...optional(bias, "bias", weights([rows], FLOATS)),
        ...optional(residual, "residual", activations(width)),
        ["out", activations(width, true)],
      ]);
    }
    case "rope_append": {
      const { heads, kv_heads, head_dim } = definition;
      return new Map<string, Role>([
        ["qkv", activations((heads + 2 * kv_heads) * head_dim)],
        ["inv_freq", { is: "frequencies", length: head_dim / 2 }],
        ...cacheRoles(definition, true),
        ["q", activations(heads * head_dim, true)],
      ]);
    }
    case "attention": {
      const width = definition.heads * definition.head_dim;
      return new Map<string, Role>([
        ["q", activations(width)],
        ...cacheRoles(definition, false),
        ["out", activations(width, true)],
      ]);
    }
  }
}

function activations(width: number, written = false): Role {
  return { is: "activations", width, written };
}

function weights(shape: readonly number[], dtypes: readonly Dtype[]): Role {
  return { is: "weights", shape, dtypes };
}

function optional(present: boolean, name: string, role: Role): [string, Role][] {
  return present ? [[name, role]] : [];
}

function matrixRoles(matrix: {
  readonly rows: number;
  readonly columns: number;
  readonly scheme: Scheme;
}): [string, Role][] {
  const names = ["w", "w_scale"];
  return matrixArrays(matrix.rows, matrix.columns, matrix.scheme).map(({ shape, dtype }, i) => [
    names[i]!,
    weights(shape, [dtype]),
  ]);
}

function cacheRoles(layout: CacheLayout, written: boolean): [string, Role][] {
  return [
    ["state", { is: "fixed", name: "state" }],
    ["block_table", { is: "fixed", name: "block_table" }],
    ["k_pages", { is: "cache", layout, written }],
    ["v_pages", { is: "cache", layout, written }],
  ];
}

function isWritten(role: Role | undefined): boolean {
  return role !== undefined && "written" in role && role.written;
}

function checkOperator(operator: OperatorSpec, program: Program): void {
  const { definition } = operator;
  const what = `operator ${operator.name}`;
  checkModel(definition, what, program);
  const roles = rolesOf(definition);
  if (roles === null) return;
  const names = [...roles.keys()].join(", ");
  if (operator.arguments.join(", ") !== names)
    fail(`the arguments of ${what} (${definition.op}) must be ${names}, not ${operator.arguments.join(", ")}`);
  for (const variant of operator.variants) {
    for (const { argument, access } of program.kernels.get(variant.kernel)!.bindings) {
      if (access === "read_write" && !isWritten(roles.get(argument)))
        fail(`a kernel of ${what} writes to ${argument}, which ${definition.op} does not`);
    }
  }
}

/** The numbers that the model and its definitions share. */
function checkModel(definition: Definition, what: string, program: Program): void {
  const equal = (name: string, got: number, expected: number): void => {
    if (got !== expected) fail(`${what} (${definition.op}) has ${name} ${got}, but the model has ${expected}`);
  };
  switch (definition.op) {
    case "embed":
      equal("rows", definition.rows, program.vocab_size);
      equal("columns", definition.columns, program.hidden_size);
      break;
    case "linear":
      if (definition.swiglu && definition.rows % 2 !== 0)
        fail(`${what} has swiglu with ${definition.rows} rows; gate and up rows must be equally many`);
      break;
    case "rope_append":
    case "attention":
      equal("heads", definition.heads, program.num_attention_heads);
      equal("kv_heads", definition.kv_heads, program.num_key_value_heads);
      equal("head_dim", definition.head_dim, program.head_dim);
      equal("page_size", definition.page_size, program.page_size);
      if (definition.heads % definition.kv_heads !== 0)
        fail(`${what} has ${definition.heads} heads, which is no multiple of its ${definition.kv_heads} kv_heads`);
      break;
  }
}

function checkStep(step: Step, functionName: string, path: string, program: Program): void {
  const { definition } = program.operators.get(step.operator)!;
  const sampler = SAMPLERS.includes(functionName);
  if (definition.op !== "opaque" && (definition.op === "sampling") !== sampler)
    fail(`${path} is ${definition.op}, which ${sampler ? "no sampler does" : "is for samplers only"}`);
  const roles = rolesOf(definition);
  if (roles === null) return;
  const isPrefill = functionName === "prefill";
  const targets: string[] = [];
  const written = new Set<string>();
  for (const [argument, role] of roles) {
    const target = step.arguments.get(argument);
    if (target === undefined) fail(`${path} does not give ${argument}, which ${definition.op} needs`);
    checkTarget(role, target, `${argument} of ${path}`, isPrefill, program);
    if (isWritten(role)) written.add(target);
    targets.push(target);
  }
  const repeated = targets.find((target, i) => targets.indexOf(target) !== i && written.has(target));
  if (repeated !== undefined) fail(`${path} gives ${repeated} twice, once for writing`);
  if (definition.op === "linear" && step.arguments.get("out") === "logits") {
    const width = outputWidth(definition);
    if (width !== program.vocab_size) fail(`${path} writes ${width} logits, but vocab_size is ${program.vocab_size}`);
  }
}

function checkTarget(role: Role, target: string, what: string, isPrefill: boolean, program: Program): void {
  switch (role.is) {
    case "activations":
      checkActivations(target, role.width * (isPrefill ? program.prefill_chunk : 1), role.written, what, program);
      break;
    case "weights": {
      const parameter = program.parameters.get(target);
      if (!parameter) fail(`${what} must be a parameter, not ${target}`);
      const dtypes = role.dtypes.join(" or ");
      if (!role.dtypes.includes(parameter.dtype))
        fail(`${what} must be of ${dtypes}, not ${target} of ${parameter.dtype}`);
      if (parameter.shape.join() !== role.shape.join())
        fail(`${what} must have the shape [${role.shape}], not that of ${target}, [${parameter.shape}]`);
      break;
    }
    case "frequencies": {
      const array = program.constants.get(target) ?? program.parameters.get(target);
      if (array?.dtype !== "float32" || array.shape.join() !== String(role.length))
        fail(`${what} must be a float32 constant or parameter of shape [${role.length}], not ${target}`);
      break;
    }
    case "cache": {
      const { kv_heads, page_size, head_dim } = role.layout;
      const buffer = program.buffers.get(target);
      if (buffer?.kind !== "kv_cache" || buffer.dtype !== "float32")
        fail(`${what} must be a kv_cache buffer of float32, not ${target}`);
      // The first dimension is kv_pages, and no other uses a symbol: program_rules.ts.
      const page = buffer.shape.slice(1).map((size) => evaluate(size, { n: 1, kv_pages: 1 }));
      if (page.join() !== [kv_heads, page_size, head_dim].join())
        fail(`${what} must have pages of [${kv_heads}, ${page_size}, ${head_dim}], not ${target} of [${page}]`);
      break;
    }
    case "token ids": {
      const expected = isPrefill ? "prompt_ids" : "state";
      if (target !== expected) fail(`${what} must be ${expected}, not ${target}`);
      break;
    }
    case "fixed":
      if (target !== role.name) fail(`${what} must be ${role.name}, not ${target}`);
      break;
  }
}

function checkActivations(target: string, count: number, written: boolean, what: string, program: Program): void {
  const buffer = program.buffers.get(target);
  if (!buffer || buffer.kind === "kv_cache" || buffer.dtype !== "float32")
    fail(`${what} must be a float32 buffer that is no kv_cache, not ${target}`);
  if (written && buffer.kind === "input") fail(`${what} is written, and ${target} is an input`);
  const size = bufferBytes(buffer, program) / ITEM_BYTES[buffer.dtype];
  if (size < count) fail(`${what} needs ${count} values, and ${target} has ${size}`);
}
