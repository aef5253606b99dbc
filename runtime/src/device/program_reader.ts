/**
 * Reads program.json from untrusted JSON: shape, types and ranges of every field; then makes the model's program of it
 * and checks what its parts mean together.
 */
import { Reader } from "../internal/reader";
import { readScheme } from "./definition_reader";
import { checkDefinitions } from "./definition_rules";
import { SYMBOL } from "./expression";
import { instantiate } from "./instance";
import { readOwnKernels } from "./own_kernels_reader";
import { readPlan } from "./plan_reader";
import type { Program } from "./program";
import type { ProgramFile } from "./program_file";
import { checkRules } from "./program_rules";

const VERSION = 3;
const NAME = /^[A-Za-z0-9_.]{1,200}$/;
const TEMPLATE = /^[A-Za-z0-9_.{}]{1,400}$/;
const SCHEME_NAME = /^[a-z0-9_]{1,32}$/;
const MAX_DIMENSION = 2 ** 30;
const MAX_MODEL_BYTES = 64 * 2 ** 10;
const MAX_LAYERS = 1024;
const MAX_CONSTANTS = 64;
/** Symbols that are not the model's to give. */
const RESERVED = [
  ...["n", "kv_pages", "state_slots", "context_length", "prefill_chunk", "page_size"],
  ...["layer", "prefill", "max_layers"],
];
const read = new Reader("invalid_package", "program.json");

/** Reads and checks a whole program. Errors: invalid_package. */
export function parseProgram(json: unknown): Program {
  const program = instantiate(readProgramFile(json));
  checkRules(program);
  checkDefinitions(program);
  return program;
}

/** Errors: invalid_package. */
export function readProgramFile(json: unknown): ProgramFile {
  // The version first: another format may differ in every other respect.
  const head = read.object(json, "program", ["format", "version"], Object.keys(Object(json)));
  if (head.format !== "nomoat-program") read.fail("format", "nomoat-program", head.format);
  if (head.version !== VERSION)
    read.fail("version", `${VERSION} (compile the model again with this version of nomoat)`, head.version);
  const top = read.object(
    json,
    "program",
    [
      ...["format", "version", "model", "layers", "context_length", "prefill_chunk", "page_size", "quantization"],
      ...["plan", "schemes", "tensor_schemes", "constants"],
    ],
    ["kernels", "own_operators"],
  );
  const model = readModel(top.model);
  const prefill_chunk = read.integer(top.prefill_chunk, "prefill_chunk", 1, 4096);
  const schemes = read
    .array(top.schemes, "schemes", 0, 256)
    .map((value, i) => readScheme(read, value, `schemes[${i}]`));
  const own = readOwnKernels(read, top.kernels ?? {}, top.own_operators ?? [], prefill_chunk);
  return {
    ...model,
    context_length: read.integer(top.context_length, "context_length", 1, 1048576),
    prefill_chunk,
    page_size: read.integer(top.page_size, "page_size", 1, 256),
    quantization: read.matching(top.quantization, "quantization", SCHEME_NAME),
    layers: readLayers(top.layers, model.layerCount),
    plan: readPlan(read, top.plan),
    schemes,
    tensorSchemes: readTensorSchemes(top.tensor_schemes, schemes.length),
    constants: readConstants(top.constants),
    opaque: own.opaque,
    ownOperators: own.operators,
  };
}

/** Every model has these; the rest is its architecture's, and numbers in it are symbols of the plan. */
function readModel(value: unknown): Pick<ProgramFile, "vocab_size" | "modelSymbols" | "layerCount"> {
  const required = ["architecture", "vocab_size", "num_hidden_layers"];
  const model = read.object(value, "model", required, Object.keys(Object(value)));
  const nbytes = new TextEncoder().encode(JSON.stringify(model)).length;
  if (nbytes > MAX_MODEL_BYTES) read.fail("model", `at most ${MAX_MODEL_BYTES} bytes of JSON`, nbytes);
  read.string(model.architecture, "model.architecture", 100);
  const modelSymbols: Record<string, number> = Object.create(null);
  for (const [name, item] of Object.entries(model)) {
    if (!SYMBOL.test(name) || RESERVED.includes(name)) read.fail("model", "an object with names as keys", name);
    if (typeof item === "number" || typeof item === "boolean") modelSymbols[name] = readSymbol(item, `model.${name}`);
  }
  return {
    vocab_size: read.integer(model.vocab_size, "model.vocab_size", 1, MAX_DIMENSION),
    layerCount: read.integer(model.num_hidden_layers, "model.num_hidden_layers", 1, MAX_LAYERS),
    modelSymbols,
  };
}

function readSymbol(value: unknown, path: string): number {
  if (typeof value === "boolean") return value ? 1 : 0;
  return read.number(value, path, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

function readLayers(value: unknown, count: number): Map<string, readonly number[]> {
  return new Map(
    read.entries(value, "layers", SYMBOL, 64).map(([name, item]) => {
      const path = `layers.${name}`;
      const values = Array.isArray(item) ? read.array(item, path, count, count) : Array<unknown>(count).fill(item);
      return [name, values.map((one, layer) => readSymbol(one, `${path}[${layer}]`))];
    }),
  );
}

/** null: the tensor is absent in that repetition. */
function readTensorSchemes(value: unknown, count: number): ProgramFile["tensorSchemes"] {
  const index = (item: unknown, path: string) => read.integer(item, path, 0, count - 1);
  return new Map(
    read.entries(value, "tensor_schemes", TEMPLATE, 65536).map(([name, item]): [string, number | (number | null)[]] => {
      const path = `tensor_schemes.${name}`;
      if (!Array.isArray(item)) return [name, index(item, path)];
      const list = read.array(item, path, 0, MAX_LAYERS);
      return [name, list.map((one, i) => (one === null ? null : index(one, `${path}[${i}]`)))];
    }),
  );
}

function readConstants(value: unknown): Map<string, string> {
  const constants = new Map<string, string>();
  read.array(value, "constants", 0, MAX_CONSTANTS).forEach((entry, i) => {
    const path = `constants[${i}]`;
    const item = read.object(entry, path, ["name", "data"]);
    const name = read.matching(item.name, `${path}.name`, NAME);
    if (constants.has(name)) read.fail(`${path}.name`, "unique", name);
    constants.set(name, read.string(item.data, `${path}.data`, 24 * 2 ** 20));
  });
  return constants;
}
