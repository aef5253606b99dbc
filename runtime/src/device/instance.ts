/**
 * Makes the program of one model from the plan of its architecture: symbols get values, repeats are unrolled, every
 * matrix gets the arrays of its scheme, and equal definitions become one operator.
 *
 * compiler/nomoat_compiler/program/instance.py does the same, and tests compare the two. The plan is untrusted: the
 * work is bounded before any of it is done, and nothing is allocated but lists. What the result means together is
 * checked afterwards (program_rules.ts, definition_rules.ts). Errors: invalid_package.
 */

import { Reader } from "../internal/reader";
import { arraysOf, definitionKey, definitionSymbols, isOfPrompt, ownKey } from "./definition";
import { declarationOf, readField } from "./definition_reader";
import { type Expression, evaluate, substitute } from "./expression";
import { fail } from "./invalid_package";
import type { FieldDeclaration, OperatorDeclaration } from "./operator_declaration";
import { FIXED_BUFFERS, NUMBER_KINDS } from "./operators.gen";
import { Expansion, type Place } from "./plan_expansion";
import {
  type BufferSpec,
  type Constant,
  type Definition,
  ITEM_BYTES,
  type OperatorSpec,
  type Parameter,
  type Program,
  type Scheme,
  type Step,
  type TensorSpec,
} from "./program";
import type { PlanField, PlanStep, ProgramFile, ShapeExpression } from "./program_file";
import { storedParameters } from "./stored_parameters";

const MAX_DIMENSION = 2 ** 30;
const MAX_CONSTANT_BYTES = 16 * 2 ** 20;
/** The functions that every program has without its plan, each of one operator with the same name. */
export const SAMPLERS = ["sample_greedy", "sample", "mask_logits"] as const;
const RUNTIME_SYMBOLS = {
  scratch: ["n"],
  output: [],
  kv_cache: ["kv_pages"],
  recurrent_state: ["state_slots"],
} as const;
const read = new Reader("invalid_package", "program.json");

export function instantiate(file: ProgramFile): Program {
  const expansion = new Expansion(file);
  const tensors = makeTensors(file, expansion);
  const parameters = new Map<string, Parameter>();
  const stored = new Map<string, readonly Parameter[]>();
  for (const { name, shape, scheme } of tensors.values()) {
    const arrays = storedParameters(name, shape, scheme).map(([, parameter]) => parameter);
    stored.set(name, arrays);
    for (const parameter of arrays) setNew(parameters, parameter.name, parameter);
  }
  const buffers = makeBuffers(file, expansion);
  const constants = makeConstants(file, expansion);
  const arrays = { tensors, stored, parameters, buffers, constants };
  const steps = new StepMaker(file, arrays);
  const functions = new Map<string, readonly Step[]>();
  // The order of the operators' keys.
  const planned = file.plan.functions;
  for (const name of new Set([...["prefill", "decode"].filter((each) => planned.has(each)), ...planned.keys()])) {
    const made: Step[] = [];
    for (const place of expansion.items(planned.get(name)!, `plan.functions.${name}`, 65536)) {
      if (place.present(place.item.when)) made.push(steps.add(place, isOfPrompt(name)));
    }
    functions.set(name, made);
  }
  if (planned.has("decode")) for (const name of SAMPLERS) functions.set(name, [steps.addSampler(name)]);
  return {
    vocab_size: file.vocab_size,
    context_length: file.context_length,
    prefill_chunk: file.prefill_chunk,
    page_size: file.page_size,
    quantization: file.quantization,
    symbols: file.modelSymbols,
    recurrent: [...buffers.values()].some(({ kind }) => kind === "recurrent_state"),
    tensors,
    parameters,
    constants,
    buffers,
    operators: steps.operators,
    functions,
    ownOperators: file.ownOperators,
  };
}

function setNew<T>(items: Map<string, T>, name: string, item: T): void {
  if (items.has(name)) fail(`the name ${name} is given twice`);
  items.set(name, item);
}

function dimension(value: number, where: string): number {
  if (value < 1 || value > MAX_DIMENSION) fail(`${where} must be from 1 to ${MAX_DIMENSION}, not ${value}`);
  return value;
}

function makeTensors(file: ProgramFile, expansion: Expansion): Map<string, TensorSpec> {
  const tensors = new Map<string, TensorSpec>();
  const entries = new Map<string, string>();
  const found = new Set<string>();
  for (const place of expansion.items(file.plan.tensors, "plan.tensors", 65536)) {
    const { item, where } = place;
    if ((entries.get(item.name) ?? place.entry) !== place.entry)
      fail(`${where} has the name ${item.name}, which stands in the plan before`);
    entries.set(item.name, place.entry);
    const scheme = schemeOf(file, place, place.present(item.when));
    if (!scheme) continue;
    found.add(item.name);
    const shape = item.shape.map((size) => dimension(place.integer(size), `shape of ${where}`));
    if ("group_size" in scheme && (shape.length !== 2 || item.kind === "norm" || item.kind === "bias"))
      fail(`${where} is no matrix, but its scheme has groups`);
    const sources = item.sources.map(({ name, rows }) => ({
      name: place.name(name),
      rows: dimension(place.integer(rows), `rows of ${where}`),
    }));
    const rows = sources.reduce((sum, source) => sum + source.rows, 0);
    if (rows !== shape[0]) fail(`${where} has ${shape[0]} rows, but its sources have ${rows}`);
    const name = place.name(item.name);
    const parameters = new Map(storedParameters(name, shape, scheme).map(([role, array]) => [role, array.name]));
    setNew(tensors, name, { name, kind: item.kind, shape, scheme, parameters, sources });
  }
  for (const name of file.tensorSchemes.keys())
    if (!found.has(name)) fail(`tensor_schemes names ${name}, which is no tensor of this model`);
  return tensors;
}

/** Null where the tensor is absent. */
function schemeOf(
  file: ProgramFile,
  { item, repetition, repetitions }: Place<{ readonly name: string }>,
  present: boolean,
): Scheme | null {
  let chosen = file.tensorSchemes.get(item.name) ?? null;
  if (chosen !== null && typeof chosen !== "number") {
    if (repetition === null || chosen.length !== repetitions)
      fail(`tensor_schemes of ${item.name} must have ${repetitions} indices or be one`);
    chosen = chosen[repetition]!;
    if ((chosen !== null) !== present)
      fail(`tensor_schemes of ${item.name} must have null exactly where the tensor is absent`);
  }
  if (!present) return null;
  if (chosen === null) fail(`tensor_schemes lacks ${item.name}`);
  return file.schemes[chosen as number]!;
}

function makeConstants(file: ProgramFile, expansion: Expansion): Map<string, Constant> {
  const constants = new Map<string, Constant>();
  let total = 0;
  for (const place of expansion.items(file.plan.constants, "plan.constants", 64)) {
    const { item, where } = place;
    const name = place.name(item.name);
    const shape = item.shape.map((size) => dimension(place.integer(size), `shape of ${where}`));
    const nbytes = shape.reduce((product, size) => product * size, ITEM_BYTES[item.dtype]);
    total += nbytes;
    if (total > MAX_CONSTANT_BYTES) fail(`the constants have more than ${MAX_CONSTANT_BYTES} bytes`);
    const text = file.constants.get(name);
    if (text === undefined) fail(`constants lacks ${name}`);
    const data = decodeBase64(text, name);
    if (data.byteLength !== nbytes) fail(`the data of ${name} must have ${nbytes} bytes, not ${data.byteLength}`);
    setNew(constants, name, { name, shape, dtype: item.dtype, data });
  }
  for (const name of file.constants.keys()) if (!constants.has(name)) fail(`constants has ${name}, and no plan for it`);
  return constants;
}

function decodeBase64(text: string, name: string): Uint8Array<ArrayBuffer> {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    fail(`the data of ${name} is not base64`);
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function makeBuffers(file: ProgramFile, expansion: Expansion): Map<string, BufferSpec> {
  const buffers = new Map<string, BufferSpec>();
  for (const { name, kind, dtype, length, ofDecode } of FIXED_BUFFERS)
    if (!ofDecode || file.plan.functions.has("decode"))
      buffers.set(name, { name, kind, dtype, shape: [evaluate(length, expansion.outside)] });
  for (const place of expansion.items(file.plan.buffers, "plan.buffers", 4096)) {
    const { item } = place;
    if (!place.present(item.when)) continue;
    const free = RUNTIME_SYMBOLS[item.kind];
    const shape = item.shape.map((size) => substitute(overLayers(size, expansion), place.symbols, free));
    const name = place.name(item.name);
    setNew(buffers, name, { name, kind: item.kind, dtype: item.dtype, shape });
  }
  return buffers;
}

/** Fills in the largest values over all layers. */
function overLayers(expression: ShapeExpression, expansion: Expansion): Expression {
  if (typeof expression !== "object") return expression;
  if (expression.length === 2) return expansion.largestOverLayers(expression[1]);
  return [expression[0], overLayers(expression[1], expansion), overLayers(expression[2], expansion)];
}

interface Arrays {
  readonly tensors: ReadonlyMap<string, TensorSpec>;
  /** The arrays of each tensor: values, and for grouped schemes scales. */
  readonly stored: ReadonlyMap<string, readonly Parameter[]>;
  readonly parameters: ReadonlyMap<string, Parameter>;
  readonly buffers: ReadonlyMap<string, BufferSpec>;
  readonly constants: ReadonlyMap<string, Constant>;
}

/** The distinct operators so far, by key. */
export class OperatorTable {
  readonly operators = new Map<string, OperatorSpec>();
  private readonly keys = new Map<string, string>();
  private readonly counts = new Map<string, number>();

  key(definition: Definition): string {
    const canonical = definitionKey(definition);
    const known = this.keys.get(canonical);
    if (known !== undefined) return known;
    const count = this.counts.get(definition.op) ?? 0;
    const key = `${definition.op}_${count}`;
    this.counts.set(definition.op, count + 1);
    this.keys.set(canonical, key);
    const arrays = arraysOf(definition);
    this.operators.set(key, {
      name: key,
      definition,
      arguments: arrays.map(({ name }) => name),
      written: new Set(arrays.filter(({ written }) => written).map(({ name }) => name)),
    });
    return key;
  }
}

class StepMaker extends OperatorTable {
  constructor(
    private readonly file: ProgramFile,
    private readonly arrays: Arrays,
  ) {
    super();
  }

  add(place: Place<PlanStep>, prefill: boolean): Step {
    const { item, where } = place;
    if (item.op === "opaque") return this.addOpaque(place, prefill);
    if ((SAMPLERS as readonly string[]).includes(item.op))
      fail(`${where} is ${item.op}, which is a function of its own`);
    const declaration = declarationOf(item.op)!;
    const definition = this.define(declaration, place);
    const symbols = definitionSymbols(definition, prefill);
    const given = new Map<string, string>();
    for (const { name, role, when } of declaration.arguments) {
      // What a definition lacks may be named all the same, so that one step serves models with and without it.
      if (evaluate(when, symbols) === 0) continue;
      const template = item.arguments.get(name);
      if (template === undefined) fail(`${where} does not give ${name}, which ${item.op} needs`);
      const target = place.name(template);
      const stored = this.arrays.stored.get(target);
      if (role === "matrix" || role === "vector") {
        if (!stored) fail(`${name} of ${where} must name a tensor, and there is no ${target}`);
        given.set(name, stored[0]!.name);
        if (role === "matrix" && stored[1]) given.set(`${name}_scale`, stored[1].name);
      } else given.set(name, role === "frequencies" && stored ? stored[0]!.name : this.array(target, name, where));
    }
    for (const name of item.arguments.keys()) {
      if (!declaration.arguments.some((argument) => argument.name === name))
        fail(`${where} gives ${name}, which is no argument of ${item.op}`);
    }
    return { operator: this.key(definition), arguments: given };
  }

  /** Reads and writes nothing but buffers with fixed names. */
  addSampler(name: (typeof SAMPLERS)[number]): Step {
    const definition: Definition = { op: name, vocab_size: this.file.vocab_size };
    const given = new Map(arraysOf(definition).map((argument) => [argument.name, argument.name]));
    return { operator: this.key(definition), arguments: given };
  }

  private addOpaque(place: Place<PlanStep>, prefill: boolean): Step {
    const { item, where } = place;
    const definition: Definition = { op: "opaque", name: item.name };
    const known = this.file.opaque.get(item.name);
    if (!known || !this.file.ownOperators.has(ownKey(definition, prefill)))
      fail(`${where} is opaque, and own_operators has no ${item.name} ${prefill ? "for prefill" : "for one token"}`);
    if (item.fields.size > 0 || [...item.arguments.keys()].sort().join() !== [...known.names].sort().join())
      fail(`${where} must give ${known.names.join(", ")} and no fields`);
    const key = `opaque_${item.name}`;
    this.operators.set(key, { name: key, definition, arguments: known.names, written: known.written });
    const given = known.names.map((name): [string, string] => [
      name,
      this.array(place.name(item.arguments.get(name)!), name, where),
    ]);
    return { operator: key, arguments: new Map(given) };
  }

  private array(target: string, name: string, where: string): string {
    const { buffers, constants, parameters } = this.arrays;
    if (!buffers.has(target) && !constants.has(target) && !parameters.has(target))
      fail(`${name} of ${where} names ${target}, which is no buffer, constant or stored array`);
    return target;
  }

  /** The fields in declared order; the scheme is that of the matrix. */
  private define(declaration: OperatorDeclaration, place: Place<PlanStep>): Definition {
    const { item, where } = place;
    const expected = declaration.fields.filter(({ kind }) => kind !== "scheme").map(({ name }) => name);
    if ([...item.fields.keys()].sort().join() !== [...expected].sort().join())
      fail(`the fields of ${where} must be ${expected.join(", ")}, not ${[...item.fields.keys()].join(", ")}`);
    const definition: Record<string, unknown> = { op: item.op };
    for (const field of declaration.fields) {
      definition[field.name] =
        field.kind === "scheme"
          ? this.schemeOf(declaration, place)
          : fieldValue(field, item.fields.get(field.name)!, place);
    }
    return definition as unknown as Definition;
  }

  private schemeOf(declaration: OperatorDeclaration, place: Place<PlanStep>): Scheme {
    const { name } = declaration.arguments.find(({ role }) => role === "matrix")!;
    const template = place.item.arguments.get(name);
    if (template === undefined) fail(`${place.where} does not give ${name}, which ${place.item.op} needs`);
    const tensor = this.arrays.tensors.get(place.name(template));
    if (!tensor) fail(`${name} of ${place.where} must name a tensor, and there is no ${place.name(template)}`);
    return tensor.scheme;
  }
}

function fieldValue(field: FieldDeclaration, value: PlanField, place: Place<PlanStep>): unknown {
  const path = `${field.name} of ${place.where}`;
  if (value === null) return readField(read, field, value, path);
  if (field.kind in NUMBER_KINDS) {
    if (typeof value !== "number" && typeof value !== "string") fail(`${path} must be a number or a symbol`);
    return readField(read, field, evaluate(value, place.symbols), path);
  }
  if (field.kind !== "boolean") {
    if (typeof value === "boolean") fail(`${path} must be an integer, not ${value}`);
    return readField(read, field, place.integer(value), path);
  }
  const truth = typeof value === "boolean" ? Number(value) : place.integer(value);
  if (truth !== 0 && truth !== 1) fail(`${path} must be 0 or 1, not ${truth}`);
  return truth === 1;
}

/** The instance as JSON with the names of the lists in docs/program-interface.md; for comparing. */
export function instanceJson(program: Program): Record<string, unknown> {
  const steps = (list: readonly Step[]) =>
    list.map(({ operator, arguments: given }) => ({ operator, arguments: Object.fromEntries(given) }));
  return {
    parameters: [...program.parameters.values()],
    tensors: [...program.tensors.values()].map((tensor) => ({
      ...tensor,
      parameters: Object.fromEntries(tensor.parameters),
    })),
    constants: [...program.constants.values()].map(({ data, ...constant }) => ({
      ...constant,
      data: btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join("")),
    })),
    buffers: [...program.buffers.values()],
    operators: Object.fromEntries(
      [...program.operators.values()].map(({ name, definition, arguments: names }) => [
        name,
        { definition, arguments: names },
      ]),
    ),
    functions: Object.fromEntries([...program.functions].map(([name, list]) => [name, steps(list)])),
  };
}
