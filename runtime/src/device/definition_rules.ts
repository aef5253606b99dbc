/**
 * What a definition demands of the operator that has it and of every step that calls it. The demands are those of the
 * operators' declarations (operators.gen.ts); nothing here knows an operator by name.
 *
 * NOTE: This is the security border of devices with kernels of their own. Those compute addresses from the numbers of
 * a definition, in memory that nothing else guards: each argument of a step must name an array of the dtype that the
 * operation reads, at least as long as it reads and writes for the largest n, and what it writes must be neither a
 * weight nor an input nor bound to a second argument. Token ids, page numbers, positions and slots come from buffers
 * with fixed names only, and only the samplers, which every program has and none brings, may change those: the host
 * answers for their contents.
 */
import { type ArrayArgument, arraysOf, definitionSymbols, fieldOf, isOfPrompt } from "./definition";
import { declarationOf } from "./definition_reader";
import { evaluate } from "./expression";
import { SAMPLERS } from "./instance";
import { fail } from "./invalid_package";
import { type Dtype, ITEM_BYTES, type OperatorSpec, type Program, type Step, type TensorSpec } from "./program";
import { bufferBytes, grows } from "./program_rules";

const FLOATS: readonly Dtype[] = ["float32", "float16", "bfloat16"];
/** Fields with these names are the program's numbers: buffers with fixed names have their sizes from them. */
const SHARED = ["vocab_size", "context_length", "prefill_chunk", "page_size"] as const;

interface Checked {
  readonly program: Program;
  /** By the name of a stored array. */
  readonly tensors: ReadonlyMap<string, TensorSpec>;
}

/** Errors: invalid_package. */
export function checkDefinitions(program: Program): void {
  const arrays = new Map<string, readonly ArrayArgument[]>();
  const tensors = new Map<string, TensorSpec>();
  for (const tensor of program.tensors.values())
    for (const name of tensor.parameters.values()) tensors.set(name, tensor);
  for (const operator of program.operators.values()) {
    arrays.set(operator.name, arraysOf(operator.definition));
    checkShared(operator, program);
  }
  for (const [name, steps] of program.functions) {
    const checked = new Set<string>();
    steps.forEach((step, i) => {
      const operator = program.operators.get(step.operator)!;
      const path = `functions.${name}[${i}]`;
      if (!checked.has(operator.name)) checkOperator(operator, arrays.get(operator.name)!, name, path);
      checked.add(operator.name);
      if (operator.definition.op === "opaque") checkOpaque(step, operator, path, program);
      else checkStep(step, operator, arrays.get(operator.name)!, isOfPrompt(name), path, { program, tensors });
    });
  }
}

function checkShared({ name, definition }: OperatorSpec, program: Program): void {
  for (const field of SHARED) {
    const value = fieldOf(definition, field);
    if (value !== undefined && value !== program[field])
      fail(`operator ${name} has ${field} ${value}, but the program has ${program[field]}`);
  }
}

/** The declaration's rules, in the function that calls the operator. */
function checkOperator(
  { definition }: OperatorSpec,
  arrays: readonly ArrayArgument[],
  functionName: string,
  path: string,
): void {
  const symbols = definitionSymbols(definition, isOfPrompt(functionName));
  for (const { require, message } of declarationOf(definition.op)?.rules ?? [])
    if (evaluate(require, symbols) === 0) fail(`${path} is ${definition.op}, and ${message}`);
  const sampler = (SAMPLERS as readonly string[]).includes(functionName);
  if (!sampler && arrays.some(({ role, written }) => role === "fixed" && written))
    fail(`${path} is ${definition.op}, which is for samplers only`);
}

function checkStep(
  step: Step,
  { name, definition }: OperatorSpec,
  arrays: readonly ArrayArgument[],
  isPrefill: boolean,
  path: string,
  { program, tensors }: Checked,
): void {
  if (step.arguments.size !== arrays.length) fail(`${path} gives more than ${name} has`);
  const looksUp = arrays.some(({ role }) => role === "token_ids");
  for (const array of arrays) {
    const target = step.arguments.get(array.name);
    if (target === undefined) fail(`${path} does not give ${array.name}, which ${definition.op} needs`);
    checkTarget(array, target, `${array.name} of ${path}`, isPrefill, program, definition);
    const tensor = array.matrix && tensors.get(target);
    if (array.matrix && tensor?.shape.join() !== array.matrix.join())
      fail(`${array.name} of ${path} must be a matrix [${array.matrix}], not ${target} of [${tensor?.shape}]`);
    // Token ids are below vocab_size, and a kernel need not look whether the table has as many rows.
    if (looksUp && array.role === "matrix" && array.size !== program.vocab_size)
      fail(`${array.name} of ${path} has ${array.size} rows, but vocab_size is ${program.vocab_size}`);
  }
  checkAliases(
    step,
    arrays.filter(({ written }) => written).map((array) => array.name),
    path,
  );
}

/** Nothing that is written may be given to a second argument. */
function checkAliases(step: Step, written: readonly string[], path: string): void {
  const targets = [...step.arguments.values()];
  for (const name of written) {
    const target = step.arguments.get(name)!;
    if (targets.indexOf(target) !== targets.lastIndexOf(target))
      fail(`${path} gives ${target} twice, once for writing`);
  }
}

/** Only WGSL, which the browser bounds, says what an opaque operator reads; what it writes must be a buffer. */
function checkOpaque(step: Step, { written }: OperatorSpec, path: string, program: Program): void {
  for (const name of written) {
    const target = step.arguments.get(name)!;
    const kind = program.buffers.get(target)?.kind;
    if (kind === undefined || kind === "input")
      fail(`${path} writes to ${target}, which is ${kind ?? "a weight or constant"}`);
  }
  checkAliases(step, [...written], path);
}

function checkTarget(
  { name, role, size, stored, written }: ArrayArgument,
  target: string,
  what: string,
  isPrefill: boolean,
  program: Program,
  definition: OperatorSpec["definition"],
): void {
  const buffer = program.buffers.get(target);
  switch (role) {
    case "activations":
      checkActivations(target, size, isPrefill, written, what, program);
      break;
    case "vector":
      checkWeights(target, [size], FLOATS, what, program);
      break;
    case "matrix":
      checkWeights(target, stored!.shape, [stored!.dtype], what, program);
      break;
    case "frequencies": {
      const array = program.constants.get(target) ?? program.parameters.get(target);
      if (array?.dtype !== "float32" || array.shape.join() !== String(size))
        fail(`${what} must be a float32 constant or tensor of shape [${size}], not ${target}`);
      break;
    }
    case "cache": {
      const page = ["kv_heads", "page_size", "head_dim"].map((field) => fieldOf(definition, field));
      if (buffer?.kind !== "kv_cache" || buffer.dtype !== "float32")
        fail(`${what} must be a kv_cache buffer of float32, not ${target}`);
      // The first dimension is kv_pages, and no other uses it: program_rules.ts.
      if (buffer.shape.slice(1).join() !== page.join())
        fail(`${what} must have pages of [${page}], not ${target} of [${buffer.shape}]`);
      break;
    }
    case "recurrent":
      if (
        buffer?.kind !== "recurrent_state" ||
        buffer.dtype !== "float32" ||
        buffer.shape.slice(1).join() !== `${size}`
      )
        fail(`${what} must be a recurrent_state buffer of float32 with slots of [${size}], not ${target}`);
      break;
    case "embedding":
      if (buffer?.kind !== "output" || buffer.dtype !== "float32" || bufferBytes(buffer, program) !== 4 * size)
        fail(`${what} must be a float32 output of ${size} values, not ${target}`);
      break;
    case "token_ids": {
      const expected = isPrefill ? "prompt_ids" : "state";
      if (target !== expected) fail(`${what} must be ${expected}, not ${target}`);
      break;
    }
    case "fixed":
      if (target !== name) fail(`${what} must be ${name}, not ${target}`);
      break;
  }
}

function checkWeights(
  target: string,
  shape: readonly number[],
  dtypes: readonly Dtype[],
  what: string,
  program: Program,
): void {
  const parameter = program.parameters.get(target);
  if (!parameter) fail(`${what} must be a tensor, not ${target}`);
  if (!dtypes.includes(parameter.dtype))
    fail(`${what} must be of ${dtypes.join(" or ")}, not ${target} of ${parameter.dtype}`);
  if (parameter.shape.join() !== shape.join())
    fail(`${what} must have the shape [${shape}], not that of ${target}, [${parameter.shape}]`);
}

function checkActivations(
  target: string,
  size: number,
  isPrefill: boolean,
  written: boolean,
  what: string,
  program: Program,
): void {
  const buffer = program.buffers.get(target);
  if (!buffer || grows(buffer) || buffer.dtype !== "float32")
    fail(`${what} must be a float32 buffer that does not grow, not ${target}`);
  if (written && buffer.kind === "input") fail(`${what} is written, and ${target} is an input`);
  const values = bufferBytes(buffer, program) / ITEM_BYTES[buffer.dtype];
  const count = size * (isPrefill ? program.prefill_chunk : 1);
  if (values < count) fail(`${what} needs ${count} values, and ${target} has ${values}`);
  // A part of an output would leave the rest of it as it was.
  if (written && buffer.kind === "output" && values !== count)
    fail(`${what} writes ${count} values, and ${target} has ${values}`);
}
