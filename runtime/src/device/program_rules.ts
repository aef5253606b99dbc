/**
 * What the parts of a program must mean together: every name resolves, nothing writes to weights or constants,
 * every expression stays in range for every value of its symbols, and the buffers that the runtime itself reads
 * and writes are there with the dtype and shape that docs/program-interface.md gives them.
 */
import { LlmError } from "../internal/errors";
import { type Expression, evaluate, requireRange, type SymbolRanges, uses } from "./expression";
import {
  type BufferKind,
  type BufferSpec,
  type Dtype,
  ITEM_BYTES,
  type Kernel,
  type OperatorSpec,
  type Program,
  type Step,
} from "./program";

const MAX_GRID = 65535;
const MAX_BUFFER_BYTES = 2 ** 40;
const UNIFORM_RANGE = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  f32: [-(2 ** 32), 2 ** 32],
} as const;
/** Size of the ring of sampled token ids. */
export const TOKEN_RING = 64;

/** Pages that one sequence of context_length tokens fills. */
export function pagesPerSequence(program: Program): number {
  return Math.ceil(program.context_length / program.page_size);
}

/** The values that the symbols may take. The pool of pages never exceeds this many. */
export function symbolRanges(program: Program): SymbolRanges {
  return { n: [1, program.prefill_chunk], kv_pages: [1, Math.max(2 * pagesPerSequence(program), 16)] };
}

/** Errors: invalid_package. */
export function checkRules(program: Program): void {
  for (const name of program.buffers.keys()) {
    if (program.parameters.has(name) || program.constants.has(name)) fail(`the name ${name} is given twice`);
  }
  for (const name of program.constants.keys())
    if (program.parameters.has(name)) fail(`the name ${name} is given twice`);
  const ranges = symbolRanges(program);
  for (const buffer of program.buffers.values()) checkBuffer(buffer, program);
  checkFixedBuffers(program);
  for (const operator of program.operators.values()) checkOperator(operator, program, ranges);
  for (const [name, steps] of program.functions) {
    steps.forEach((step, i) => {
      checkStep(step, `functions.${name}[${i}]`, program);
    });
  }
}

/** Bytes of a buffer; for kv_cache, of one page of it. */
export function bufferBytes(buffer: BufferSpec, program: Program): number {
  const symbols = { n: program.prefill_chunk, kv_pages: 1 };
  let bytes = ITEM_BYTES[buffer.dtype];
  for (const size of buffer.shape) {
    const value = evaluate(size, symbols);
    if (value < 1) fail(`buffer ${buffer.name} has a dimension of ${value}`);
    bytes *= value;
    if (bytes > MAX_BUFFER_BYTES) fail(`buffer ${buffer.name} is larger than 2^40 bytes`);
  }
  return bytes;
}

function checkBuffer(buffer: BufferSpec, program: Program): void {
  if (buffer.kind === "kv_cache") {
    // The cache grows by copying its old content to the front of a larger buffer: pages must be outermost.
    if (buffer.shape[0] !== "kv_pages")
      fail(`kv_cache buffer ${buffer.name} must have kv_pages as its first dimension`);
    if (buffer.shape.slice(1).some((size) => uses(size, "kv_pages") || uses(size, "n"))) {
      fail(`kv_cache buffer ${buffer.name} may use a symbol only as its first dimension`);
    }
    if (bufferBytes(buffer, program) % 4 !== 0) fail(`a page of ${buffer.name} must be a multiple of 4 bytes`);
  } else if (buffer.shape.some((size) => uses(size, "kv_pages"))) {
    fail(`buffer ${buffer.name} uses kv_pages but is not of kind kv_cache`);
  }
  bufferBytes(buffer, program);
}

function checkFixedBuffers(program: Program): void {
  const fixed: readonly [string, BufferKind, Dtype, number][] = [
    ["state", "state", "int32", 8],
    ["prompt_ids", "input", "int32", program.prefill_chunk],
    ["block_table", "input", "int32", pagesPerSequence(program)],
    ["sampling", "input", "float32", 8],
    ["token_counts", "state", "int32", program.vocab_size],
    ["logits", "output", "float32", program.vocab_size],
    ["tokens", "output", "int32", TOKEN_RING],
  ];
  for (const [name, kind, dtype, length] of fixed) {
    const buffer = program.buffers.get(name);
    if (!buffer) fail(`buffer ${name} is missing`);
    const size = bufferBytes(buffer, program) / ITEM_BYTES[buffer.dtype];
    if (buffer.kind !== kind || buffer.dtype !== dtype || buffer.shape.length !== 1 || size !== length) {
      fail(
        `buffer ${name} must be ${kind}, ${dtype} [${length}], not ${buffer.kind}, ${buffer.dtype} [${size}] of rank ${buffer.shape.length}`,
      );
    }
  }
  if (![...program.buffers.values()].some((buffer) => buffer.kind === "kv_cache"))
    fail("there is no buffer of kind kv_cache");
}

function checkOperator(operator: OperatorSpec, program: Program, ranges: SymbolRanges): void {
  const what = `operator ${operator.name}`;
  operator.variants.forEach((variant, i) => {
    const kernel = program.kernels.get(variant.kernel);
    if (!kernel) fail(`${what} names the kernel ${variant.kernel}, which is not in kernels`);
    for (const { argument } of kernel.bindings) {
      if (!operator.arguments.includes(argument))
        fail(`kernel ${kernel.name} binds ${argument}, which is no argument of ${what}`);
    }
    if (new Set(kernel.bindings.map((binding) => binding.argument)).size !== kernel.bindings.length) {
      fail(`kernel ${kernel.name} binds an argument twice`);
    }
    if (i === operator.variants.length - 1 && (variant.features.length > 0 || variant.subgroup_min_size > 0)) {
      fail(`the last variant of ${what} must need no feature`);
    }
    variant.grid.forEach((extent: Expression, axis) => {
      requireRange(extent, ranges, 1, MAX_GRID, `grid[${axis}] of ${what}, variant ${i}`);
    });
    for (const uniform of kernel.uniforms) {
      const [low, high] = UNIFORM_RANGE[uniform.type];
      requireRange(
        uniform.value,
        ranges,
        low,
        high,
        `uniform ${uniform.name} (${uniform.type}) of kernel ${kernel.name}`,
      );
    }
  });
}

function checkStep(step: Step, path: string, program: Program): void {
  const operator = program.operators.get(step.operator);
  if (!operator) fail(`${path} calls the operator ${step.operator}, which is not in operators`);
  for (const [argument, target] of step.arguments) {
    if (!operator.arguments.includes(argument))
      fail(`${path} gives ${argument}, which is no argument of ${operator.name}`);
    if (!program.buffers.has(target) && !program.parameters.has(target) && !program.constants.has(target)) {
      fail(`${path} names ${target}, which is no buffer, parameter or constant`);
    }
  }
  for (const variant of operator.variants) checkAccess(step, program.kernels.get(variant.kernel)!, path, program);
}

function checkAccess(step: Step, kernel: Kernel, path: string, program: Program): void {
  const written = new Set<string>();
  const targets: string[] = [];
  for (const { argument, access } of kernel.bindings) {
    const target = step.arguments.get(argument);
    if (target === undefined) fail(`${path} does not give ${argument}, which kernel ${kernel.name} binds`);
    if (access === "read_write") {
      const kind = program.buffers.get(target)?.kind;
      if (kind === undefined || kind === "input")
        fail(`${path} writes to ${target}, which is ${kind ?? "a weight or constant"}`);
      written.add(target);
    }
    targets.push(target);
  }
  // WebGPU forbids a dispatch that binds a buffer for writing and binds it again.
  const repeated = targets.find((target, i) => targets.indexOf(target) !== i && written.has(target));
  if (repeated) fail(`${path} binds ${repeated} twice, once for writing`);
}

/** Refuses the program. */
export function fail(message: string): never {
  throw new LlmError("invalid_package", `program.json: ${message}.`);
}
