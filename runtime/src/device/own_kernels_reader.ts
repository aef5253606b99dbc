/**
 * Reads the kernels that a package brings, from untrusted JSON, and proves of each what can be proved without running
 * it: grids and uniforms stay in range for every n, and nothing is bound that the operator does not have.
 */
import type { Reader } from "../internal/reader";
import { arraysOf, ownKey } from "./definition";
import { declarationOf, readDefinition } from "./definition_reader";
import { type Expression, readExpression, requireRange, type SymbolRanges } from "./expression";
import { fail } from "./invalid_package";
import type { Binding, KernelVariant, ScratchSpec, Stage, Uniform } from "./kernel";
import type { Definition, OwnOperator } from "./program";
import type { OpaqueArguments } from "./program_file";

const NAME = /^[A-Za-z0-9_.]{1,200}$/;
const HASH = /^[0-9a-f]{16}$/;
const MAX_GRID = 65535;
const MAX_SCRATCH_VALUES = 2 ** 38;
const UNIFORM_RANGE = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  f32: [-(2 ** 32), 2 ** 32],
} as const;
const SYMBOLS = ["n"];

/** What `kernels` says of one: the same for every variant that runs it. */
type Kernel = Omit<KernelVariant, "when" | "requires" | "constants" | "grid">;

export interface OwnKernels {
  readonly operators: ReadonlyMap<string, OwnOperator>;
  readonly opaque: ReadonlyMap<string, OpaqueArguments>;
}

/** Errors: the reader's; invalid_package. */
export function readOwnKernels(
  read: Reader,
  kernelsValue: unknown,
  operatorsValue: unknown,
  prefillChunk: number,
): OwnKernels {
  const kernels = new Map(
    read.entries(kernelsValue, "kernels", HASH, 4096).map(([hash, value]) => [hash, readKernel(read, hash, value)]),
  );
  const operators = new Map<string, OwnOperator>();
  const opaque = new Map<string, OpaqueArguments>();
  read.array(operatorsValue, "own_operators", 0, 2048).forEach((value, i) => {
    const path = `own_operators[${i}]`;
    const item = read.object(value, path, ["definition", "prefill", "scratch", "stages"], ["arguments"]);
    const definition = readDefinition(read, item.definition, `${path}.definition`);
    const prefill = read.integer(item.prefill, `${path}.prefill`, 0, 1) === 1;
    const key = ownKey(definition, prefill);
    if (operators.has(key)) read.fail(path, "the only one with its definition and prefill");
    const known = argumentsOf(read, definition, item.arguments, path);
    if (definition.op === "opaque") {
      const before = opaque.get(definition.name);
      if (before && signature(before) !== signature(known))
        read.fail(`${path}.arguments`, `those that ${definition.name} has elsewhere`);
      opaque.set(definition.name, known);
    }
    const scratch = read
      .array(item.scratch, `${path}.scratch`, 0, 16)
      .map((entry, j) => readScratch(read, entry, `${path}.scratch[${j}]`));
    const stages = read
      .array(item.stages, `${path}.stages`, 1, 16)
      .map((entry, j) => readStage(read, entry, `${path}.stages[${j}]`, kernels));
    const operator: OwnOperator = { definition, prefill, scratch, stages };
    checkOperator(operator, known, path, { n: [1, prefill ? prefillChunk : 1] });
    operators.set(key, operator);
  });
  return { operators, opaque };
}

function signature({ names, written }: OpaqueArguments): string {
  return names.map((name) => `${name} ${written.has(name)}`).join();
}

/** The arrays that kernels of the operator may bind. */
function argumentsOf(read: Reader, definition: Definition, given: unknown, path: string): OpaqueArguments {
  if (definition.op !== "opaque") {
    if (given !== undefined) read.fail(`${path}.arguments`, `absent: ${definition.op} is declared`);
    const arrays = arraysOf(definition);
    return {
      names: arrays.map(({ name }) => name),
      written: new Set(arrays.filter(({ written }) => written).map(({ name }) => name)),
    };
  }
  const bindings = readBindings(read, given, `${path}.arguments`);
  return { names: bindings.map(({ argument }) => argument), written: writtenOf(bindings) };
}

function writtenOf(bindings: readonly Binding[]): ReadonlySet<string> {
  return new Set(bindings.filter(({ access }) => access === "read_write").map(({ argument }) => argument));
}

/** The opaque operator's own arguments are written as `name`, a kernel's bindings as `argument`. */
function readBindings(read: Reader, value: unknown, path: string, key: "name" | "argument" = "name"): Binding[] {
  const bindings = read.array(value, path, 1, 16).map((entry, i): Binding => {
    const where = `${path}[${i}]`;
    const binding = read.object(entry, where, [key, "access"]);
    return {
      argument: read.matching(binding[key], `${where}.${key}`, NAME),
      access: read.oneOf(binding.access, `${where}.access`, ["read", "read_write"]),
    };
  });
  if (new Set(bindings.map(({ argument }) => argument)).size !== bindings.length)
    read.fail(path, "a list of different names");
  return bindings;
}

function readKernel(read: Reader, hash: string, value: unknown): Kernel {
  const path = `kernels.${hash}`;
  const keys = ["name", "entry_point", "workgroup_size", "bindings", "uniforms", "workgroup_bytes"];
  const item = read.object(value, path, keys);
  const size = read.array(item.workgroup_size, `${path}.workgroup_size`, 3, 3);
  const uniforms = read.array(item.uniforms, `${path}.uniforms`, 0, 16).map((entry, i): Uniform => {
    const where = `${path}.uniforms[${i}]`;
    const uniform = read.object(entry, where, ["name", "type", "value"]);
    return {
      name: read.matching(uniform.name, `${where}.name`, NAME),
      type: read.oneOf(uniform.type, `${where}.type`, ["i32", "u32", "f32"]),
      value: readExpression(read, uniform.value, `${where}.value`, SYMBOLS),
    };
  });
  return {
    kernel: hash,
    name: read.matching(item.name, `${path}.name`, NAME),
    entry_point: read.matching(item.entry_point, `${path}.entry_point`, NAME),
    workgroup_size: triple((i) => read.integer(size[i], `${path}.workgroup_size[${i}]`, 1, 1024)),
    workgroup_bytes: read.integer(item.workgroup_bytes, `${path}.workgroup_bytes`, 0, 1048576),
    bindings: readBindings(read, item.bindings, `${path}.bindings`, "argument"),
    uniforms,
  };
}

function readScratch(read: Reader, value: unknown, path: string): ScratchSpec {
  const item = read.object(value, path, ["name", "dtype", "length"]);
  return {
    name: read.matching(item.name, `${path}.name`, NAME),
    dtype: read.oneOf(item.dtype, `${path}.dtype`, ["uint32", "int32", "float32"] as const),
    length: readExpression(read, item.length, `${path}.length`, SYMBOLS),
  };
}

function readStage(read: Reader, value: unknown, path: string, kernels: ReadonlyMap<string, Kernel>): Stage {
  const item = read.object(value, path, ["name", "variants"]);
  return {
    name: read.matching(item.name, `${path}.name`, NAME),
    variants: read.array(item.variants, `${path}.variants`, 1, 16).map((entry, i): KernelVariant => {
      const where = `${path}.variants[${i}]`;
      const variant = read.object(entry, where, ["requires", "kernel", "grid"]);
      const requires = read.object(variant.requires, `${where}.requires`, [], ["features", "subgroup_min_size"]);
      const grid = read.array(variant.grid, `${where}.grid`, 3, 3);
      const hash = read.matching(variant.kernel, `${where}.kernel`, HASH);
      const kernel = kernels.get(hash);
      if (!kernel) read.fail(`${where}.kernel`, "one of kernels", hash);
      return {
        ...kernel,
        when: 1,
        requires: {
          features: read
            .array(requires.features ?? [], `${where}.requires.features`, 0, 2)
            .map((feature, j) => read.oneOf(feature, `${where}.requires.features[${j}]`, ["subgroups", "shader-f16"])),
          subgroup_min_size: read.integer(
            requires.subgroup_min_size ?? 0,
            `${where}.requires.subgroup_min_size`,
            0,
            128,
          ),
        },
        constants: [],
        grid: triple((j) => readExpression(read, grid[j], `${where}.grid[${j}]`, SYMBOLS)),
      };
    }),
  };
}

function triple<T extends number | Expression>(read: (index: 0 | 1 | 2) => T): readonly [T, T, T] {
  return [read(0), read(1), read(2)];
}

function checkOperator(operator: OwnOperator, known: OpaqueArguments, path: string, ranges: SymbolRanges): void {
  const { definition, scratch, stages } = operator;
  const scratchNames = scratch.map(({ name }) => name);
  const given = [...known.names, ...lackingArguments(definition), ...scratchNames];
  const names = new Set(given);
  if (names.size !== given.length) fail(`${path} gives a name twice`);
  for (const { name, length } of scratch)
    requireRange(length, ranges, 1, MAX_SCRATCH_VALUES, `the length of ${name} of ${path}`);
  for (const { name, variants } of stages) {
    const last = variants.at(-1)!.requires;
    if (last.features.length > 0 || last.subgroup_min_size > 0)
      fail(`the last variant of the stage ${name} of ${path} must need no feature`);
    variants.forEach((variant, i) => {
      for (const { argument, access } of variant.bindings) {
        if (!names.has(argument)) fail(`the kernel ${variant.name} binds ${argument}, which is no argument of ${path}`);
        if (access === "read_write" && !known.written.has(argument) && !scratchNames.includes(argument))
          fail(`the kernel ${variant.name} writes to ${argument}, which ${path} only reads`);
      }
      variant.grid.forEach((extent, axis) => {
        requireRange(extent, ranges, 1, MAX_GRID, `grid[${axis}] of ${path}, stage ${name}, variant ${i}`);
      });
      for (const uniform of variant.uniforms) {
        const [low, high] = UNIFORM_RANGE[uniform.type];
        const what = `uniform ${uniform.name} (${uniform.type}) of kernel ${variant.name}`;
        requireRange(uniform.value, ranges, low, high, what);
      }
    });
  }
}

/** Arguments that the declaration has and the definition lacks: their kernels bind something in their stead. */
export function lackingArguments(definition: Definition): readonly string[] {
  const present = new Set(arraysOf(definition).map(({ declared }) => declared));
  return (declarationOf(definition.op)?.arguments ?? []).map(({ name }) => name).filter((name) => !present.has(name));
}
