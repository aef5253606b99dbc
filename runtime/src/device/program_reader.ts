/**
 * Reads program.json from untrusted JSON: shape, types and ranges of every field. What the fields mean together
 * (names that resolve, access, fixed buffers) is in program_rules.ts.
 */
import { LlmError } from "../internal/errors";
import { Reader } from "../internal/reader";
import { readDefinition, readScheme } from "./definition_reader";
import { checkDefinitions } from "./definition_rules";
import { type Expression, readExpression } from "./expression";
import {
  type Binding,
  type BufferSpec,
  type Constant,
  type Dtype,
  ITEM_BYTES,
  type Kernel,
  type OperatorSpec,
  type Parameter,
  type Program,
  type Step,
  type Uniform,
  type Variant,
} from "./program";
import { checkRules } from "./program_rules";

const NAME = /^[A-Za-z0-9_.]{1,200}$/;
const HASH = /^[0-9a-f]{16}$/;
const SCHEME_NAME = /^[a-z0-9_]{1,32}$/;
const DTYPES = Object.keys(ITEM_BYTES) as Dtype[];
const MAX_DIMENSION = 2 ** 30;
const read = new Reader("invalid_package", "program.json");

/** Reads and checks a whole program. Errors: invalid_package. */
export function parseProgram(json: unknown): Program {
  // The version first: a newer format may differ in every other respect.
  const head = read.object(json, "program", ["format", "version"], Object.keys(Object(json)));
  if (head.format !== "nomoat-program") read.fail("format", "nomoat-program", head.format);
  if (head.version !== 2)
    read.fail("version", "2 (this runtime reads no other; update it, or compile the model again)", head.version);

  const top = read.object(json, "program", [
    "format",
    "version",
    "model",
    "context_length",
    "prefill_chunk",
    "page_size",
    "quantization",
    "tensors",
    "parameters",
    "constants",
    "buffers",
    "kernels",
    "operators",
    "functions",
  ]);
  const program: Program = {
    ...readModel(top.model),
    context_length: read.integer(top.context_length, "context_length", 1, 1048576),
    prefill_chunk: read.integer(top.prefill_chunk, "prefill_chunk", 1, 4096),
    page_size: read.integer(top.page_size, "page_size", 1, 256),
    quantization: read.matching(top.quantization, "quantization", SCHEME_NAME),
    parameters: byName(top.parameters, "parameters", 131072, readParameter),
    constants: byName(top.constants, "constants", 64, readConstant),
    buffers: byName(top.buffers, "buffers", 4096, readBuffer),
    kernels: new Map(
      read.entries(top.kernels, "kernels", HASH, 1024).map(([hash, value]) => [hash, readKernel(hash, value)]),
    ),
    operators: new Map(
      read.entries(top.operators, "operators", NAME, 1024).map(([name, value]) => [name, readOperator(name, value)]),
    ),
    functions: readFunctions(top.functions),
  };
  readTensors(top.tensors, program.parameters);
  checkRules(program);
  checkDefinitions(program);
  return program;
}

type ModelShape = Pick<
  Program,
  "vocab_size" | "hidden_size" | "num_attention_heads" | "num_key_value_heads" | "head_dim"
>;

/** Returns the numbers of the model that definitions must agree with; the rest is checked for range. */
function readModel(value: unknown): ModelShape {
  const model = read.object(value, "model", [
    "architecture",
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "rms_norm_eps",
    "max_position_embeddings",
    "tie_word_embeddings",
    "attention_bias",
    "mlp_bias",
    "hidden_act",
    "rope_parameters",
  ]);
  read.oneOf(model.architecture, "model.architecture", ["LlamaForCausalLM"]);
  read.integer(model.intermediate_size, "model.intermediate_size", 1, MAX_DIMENSION);
  read.integer(model.num_hidden_layers, "model.num_hidden_layers", 1, 1024);
  read.number(model.rms_norm_eps, "model.rms_norm_eps", Number.MIN_VALUE, 1);
  read.integer(model.max_position_embeddings, "model.max_position_embeddings", 1, 16777216);
  for (const key of ["tie_word_embeddings", "attention_bias", "mlp_bias"]) read.boolean(model[key], `model.${key}`);
  read.oneOf(model.hidden_act, "model.hidden_act", ["silu"]);
  read.entries(model.rope_parameters, "model.rope_parameters", /^.{1,100}$/, 100);
  return {
    vocab_size: read.integer(model.vocab_size, "model.vocab_size", 1, MAX_DIMENSION),
    hidden_size: read.integer(model.hidden_size, "model.hidden_size", 1, MAX_DIMENSION),
    num_attention_heads: read.integer(model.num_attention_heads, "model.num_attention_heads", 1, 1024),
    num_key_value_heads: read.integer(model.num_key_value_heads, "model.num_key_value_heads", 1, 1024),
    head_dim: read.integer(model.head_dim, "model.head_dim", 2, 1024),
  };
}

function byName<T extends { readonly name: string }>(
  value: unknown,
  path: string,
  maxItems: number,
  readItem: (item: unknown, path: string) => T,
): Map<string, T> {
  const items = new Map<string, T>();
  read.array(value, path, 0, maxItems).forEach((entry, i) => {
    const item = readItem(entry, `${path}[${i}]`);
    if (items.has(item.name)) read.fail(`${path}[${i}].name`, "unique", item.name);
    items.set(item.name, item);
  });
  return items;
}

function readShape(value: unknown, path: string, maxRank: number): number[] {
  return read.array(value, path, 1, maxRank).map((size, i) => read.integer(size, `${path}[${i}]`, 1, MAX_DIMENSION));
}

/** Bytes of an array; invalid_package where they leave 53 bits. */
function arrayBytes(shape: readonly number[], dtype: Dtype, path: string): number {
  const bytes = shape.reduce((product, size) => product * size, ITEM_BYTES[dtype]);
  if (!Number.isSafeInteger(bytes)) read.fail(path, "an array of fewer than 2^53 bytes");
  return bytes;
}

function readParameter(value: unknown, path: string): Parameter {
  const item = read.object(value, path, ["name", "shape", "dtype", "nbytes"]);
  const shape = readShape(item.shape, `${path}.shape`, 3);
  const dtype = read.oneOf(item.dtype, `${path}.dtype`, DTYPES);
  const nbytes = read.integer(item.nbytes, `${path}.nbytes`, 1, 8589934592);
  const expected = arrayBytes(shape, dtype, path);
  if (nbytes !== expected) read.fail(`${path}.nbytes`, `${expected} (the bytes of its shape and dtype)`, nbytes);
  return { name: read.matching(item.name, `${path}.name`, NAME), shape, dtype, nbytes };
}

function readConstant(value: unknown, path: string): Constant {
  const item = read.object(value, path, ["name", "shape", "dtype", "data"]);
  const shape = readShape(item.shape, `${path}.shape`, 3);
  const dtype = read.oneOf(item.dtype, `${path}.dtype`, DTYPES);
  const text = read.string(item.data, `${path}.data`, 8388608);
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new LlmError("invalid_package", `program.json: ${path}.data must be base64.`);
  }
  const data = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const expected = arrayBytes(shape, dtype, path);
  if (data.byteLength !== expected) read.fail(`${path}.data`, `${expected} bytes`, data.byteLength);
  return { name: read.matching(item.name, `${path}.name`, NAME), shape, dtype, data };
}

function readBuffer(value: unknown, path: string): BufferSpec {
  const item = read.object(value, path, ["name", "kind", "dtype", "shape"]);
  return {
    name: read.matching(item.name, `${path}.name`, NAME),
    kind: read.oneOf(item.kind, `${path}.kind`, ["input", "state", "kv_cache", "scratch", "output"]),
    dtype: read.oneOf(item.dtype, `${path}.dtype`, DTYPES),
    shape: read
      .array(item.shape, `${path}.shape`, 1, 5)
      .map((size, i) => readExpression(read, size, `${path}.shape[${i}]`)),
  };
}

function readKernel(hash: string, value: unknown): Kernel {
  const path = `kernels.${hash}`;
  const item = read.object(value, path, [
    "name",
    "entry_point",
    "workgroup_size",
    "bindings",
    "uniforms",
    "workgroup_bytes",
  ]);
  const size = read.array(item.workgroup_size, `${path}.workgroup_size`, 3, 3);
  const bindings = read.array(item.bindings, `${path}.bindings`, 1, 16).map((entry, i): Binding => {
    const binding = read.object(entry, `${path}.bindings[${i}]`, ["argument", "access"]);
    return {
      argument: read.matching(binding.argument, `${path}.bindings[${i}].argument`, NAME),
      access: read.oneOf(binding.access, `${path}.bindings[${i}].access`, ["read", "read_write"]),
    };
  });
  const uniforms = read.array(item.uniforms, `${path}.uniforms`, 0, 16).map((entry, i): Uniform => {
    const uniform = read.object(entry, `${path}.uniforms[${i}]`, ["name", "type", "value"]);
    return {
      name: read.matching(uniform.name, `${path}.uniforms[${i}].name`, NAME),
      type: read.oneOf(uniform.type, `${path}.uniforms[${i}].type`, ["i32", "u32", "f32"]),
      value: readExpression(read, uniform.value, `${path}.uniforms[${i}].value`),
    };
  });
  return {
    hash,
    name: read.matching(item.name, `${path}.name`, NAME),
    entry_point: read.matching(item.entry_point, `${path}.entry_point`, NAME),
    workgroup_size: [0, 1, 2].map((i) => read.integer(size[i], `${path}.workgroup_size[${i}]`, 1, 1024)) as [
      number,
      number,
      number,
    ],
    bindings,
    uniforms,
    workgroup_bytes: read.integer(item.workgroup_bytes, `${path}.workgroup_bytes`, 0, 1048576),
  };
}

function readOperator(name: string, value: unknown): OperatorSpec {
  const path = `operators.${name}`;
  const item = read.object(value, path, ["definition", "arguments", "variants"]);
  const names = read
    .array(item.arguments, `${path}.arguments`, 1, 16)
    .map((entry, i) => read.matching(entry, `${path}.arguments[${i}]`, NAME));
  if (new Set(names).size !== names.length) read.fail(`${path}.arguments`, "a list of different names");
  return {
    name,
    definition: readDefinition(read, item.definition, `${path}.definition`),
    arguments: names,
    variants: read
      .array(item.variants, `${path}.variants`, 1, 16)
      .map((entry, i) => readVariant(entry, `${path}.variants[${i}]`)),
  };
}

function readVariant(value: unknown, path: string): Variant {
  const item = read.object(value, path, ["requires", "kernel", "grid"]);
  const requires = read.object(item.requires, `${path}.requires`, [], ["features", "subgroup_min_size"]);
  const grid = read.array(item.grid, `${path}.grid`, 3, 3);
  return {
    features:
      requires.features === undefined
        ? []
        : read
            .array(requires.features, `${path}.requires.features`, 0, 2)
            .map((feature, i) => read.oneOf(feature, `${path}.requires.features[${i}]`, ["subgroups", "shader-f16"])),
    subgroup_min_size:
      requires.subgroup_min_size === undefined
        ? 0
        : read.integer(requires.subgroup_min_size, `${path}.requires.subgroup_min_size`, 1, 128),
    kernel: read.matching(item.kernel, `${path}.kernel`, HASH),
    grid: [0, 1, 2].map((i) => readExpression(read, grid[i], `${path}.grid[${i}]`)) as [
      Expression,
      Expression,
      Expression,
    ],
  };
}

function readFunctions(value: unknown): Map<string, readonly Step[]> {
  const functions = new Map<string, readonly Step[]>();
  for (const [name, steps] of read.entries(value, "functions", NAME, 64)) {
    functions.set(
      name,
      read.array(steps, `functions.${name}`, 0, 65536).map((entry, i): Step => {
        const path = `functions.${name}[${i}]`;
        const step = read.object(entry, path, ["operator", "arguments"]);
        const bound = read.entries(step.arguments, `${path}.arguments`, NAME, 16);
        return {
          operator: read.matching(step.operator, `${path}.operator`, NAME),
          arguments: new Map(
            bound.map(([argument, target]) => [argument, read.matching(target, `${path}.arguments.${argument}`, NAME)]),
          ),
        };
      }),
    );
  }
  for (const name of ["prefill", "decode", "sample_greedy", "sample"]) {
    if (!functions.get(name)?.length) read.fail(`functions.${name}`, "a list of at least one step");
  }
  return functions;
}

/** The runtime binds parameters, not tensors; it only makes sure that the table is consistent. */
function readTensors(value: unknown, parameters: ReadonlyMap<string, Parameter>): void {
  byName(value, "tensors", 65536, (entry, path) => {
    const item = read.object(entry, path, ["name", "shape", "scheme", "parameters"]);
    readShape(item.shape, `${path}.shape`, 2);
    readScheme(read, item.scheme, `${path}.scheme`);
    for (const [role, name] of read.entries(item.parameters, `${path}.parameters`, NAME, 8)) {
      if (!parameters.has(read.matching(name, `${path}.parameters.${role}`, NAME))) {
        read.fail(`${path}.parameters.${role}`, "the name of a parameter", name);
      }
    }
    return { name: read.matching(item.name, `${path}.name`, NAME) };
  });
}
