/** Reads the plan of program.json from untrusted JSON: shape, types and sizes. What it means for a model: instance.ts. */
import type { Reader } from "../internal/reader";
import { OPAQUE_NAME } from "./definition_reader";
import { type Expression, MAX_DEPTH, OPERATORS as OPERATIONS, readExpression, SYMBOL } from "./expression";
import { OPERATORS } from "./operators.gen";
import { type Dtype, ITEM_BYTES } from "./program";
import type {
  Items,
  Plan,
  PlanBuffer,
  PlanConstant,
  PlanField,
  PlanStep,
  PlanTensor,
  Repeat,
  ShapeExpression,
} from "./program_file";

/** JSON values of a plan: a model of any size has a few hundred. */
export const MAX_PLAN_VALUES = 20_000;
const MAX_FUNCTIONS = 16;
const TENSOR_KINDS = ["linear", "embedding", "lm_head", "norm", "bias"];
const BUFFER_KINDS = ["scratch", "output", "kv_cache", "recurrent_state"] as const;
const DTYPES = Object.keys(ITEM_BYTES) as Dtype[];
const TEMPLATE = /^[A-Za-z0-9_.{}]{1,400}$/;
const NAME = /^[A-Za-z0-9_.]{1,200}$/;

/** Errors: the reader's. */
export function readPlan(read: Reader, value: unknown): Plan {
  requireSmall(read, value);
  const plan = read.object(value, "plan", ["tensors", "constants", "buffers", "functions"]);
  const functions = new Map<string, Items<PlanStep>>();
  for (const [name, steps] of read.entries(plan.functions, "plan.functions", NAME, MAX_FUNCTIONS)) {
    const path = `plan.functions.${name}`;
    if (Object.hasOwn(OPERATORS, name)) read.fail(path, "absent: every program has it without being told");
    functions.set(name, readItems(read, steps, path, readStep));
  }
  const encodes = functions.has("encode");
  if (encodes && functions.size > 1) read.fail("plan.functions", "encode alone, or prefill and decode");
  for (const name of encodes ? ["encode"] : ["prefill", "decode"])
    if (!functions.get(name)?.length) read.fail(`plan.functions.${name}`, "a list of at least one step");
  return {
    tensors: readItems(read, plan.tensors, "plan.tensors", readTensor),
    constants: readItems(read, plan.constants, "plan.constants", readConstant),
    buffers: readItems(read, plan.buffers, "plan.buffers", readBuffer),
    functions,
  };
}

/** Counts without recursion, whatever the nesting. */
function requireSmall(read: Reader, value: unknown): void {
  const rest = [value];
  for (let count = 1; rest.length > 0; count++) {
    if (count > MAX_PLAN_VALUES) read.fail("plan", `at most ${MAX_PLAN_VALUES} JSON values`);
    const next = rest.pop();
    if (typeof next !== "object" || next === null) continue;
    const children = Object.values(next);
    if (children.length > MAX_PLAN_VALUES) read.fail("plan", `at most ${MAX_PLAN_VALUES} JSON values`);
    rest.push(...children);
  }
}

type ReadItem<T> = (read: Reader, value: unknown, path: string) => T;

function readItems<T>(read: Reader, value: unknown, path: string, readItem: ReadItem<T>): Items<T> {
  return read.array(value, path, 0, MAX_PLAN_VALUES).map((entry, i): T | Repeat<T> => {
    const where = `${path}[${i}]`;
    if (!Object.hasOwn(Object(entry), "repeat")) return readItem(read, entry, where);
    const repeat = read.object(entry, where, ["repeat", "from", "to", "items"]);
    read.oneOf(repeat.repeat, `${where}.repeat`, ["layer"]);
    return {
      from: readExpression(read, repeat.from, `${where}.from`, null),
      to: readExpression(read, repeat.to, `${where}.to`, null),
      items: read
        .array(repeat.items, `${where}.items`, 0, MAX_PLAN_VALUES)
        .map((item, j) => readItem(read, item, `${where}.items[${j}]`)),
    };
  });
}

function readTemplate(read: Reader, value: unknown, path: string): string {
  return read.matching(value, path, TEMPLATE);
}

function readWhen(read: Reader, item: Record<string, unknown>, path: string): Expression {
  return item.when === undefined ? 1 : readExpression(read, item.when, `${path}.when`, null);
}

function readShape(read: Reader, value: unknown, path: string, maxRank: number): Expression[] {
  return read.array(value, path, 1, maxRank).map((size, i) => readExpression(read, size, `${path}[${i}]`, null));
}

function readTensor(read: Reader, value: unknown, path: string): PlanTensor {
  const item = read.object(value, path, ["name", "kind", "shape", "sources"], ["when"]);
  return {
    name: readTemplate(read, item.name, `${path}.name`),
    kind: read.oneOf(item.kind, `${path}.kind`, TENSOR_KINDS),
    shape: readShape(read, item.shape, `${path}.shape`, 2),
    when: readWhen(read, item, path),
    sources: read.array(item.sources, `${path}.sources`, 1, 64).map((entry, i) => {
      const where = `${path}.sources[${i}]`;
      const source = read.object(entry, where, ["name", "rows"]);
      return {
        name: readTemplate(read, source.name, `${where}.name`),
        rows: readExpression(read, source.rows, `${where}.rows`, null),
      };
    }),
  };
}

function readConstant(read: Reader, value: unknown, path: string): PlanConstant {
  const item = read.object(value, path, ["name", "dtype", "shape"]);
  return {
    name: readTemplate(read, item.name, `${path}.name`),
    dtype: read.oneOf(item.dtype, `${path}.dtype`, ["float32", "int32"] as const),
    shape: readShape(read, item.shape, `${path}.shape`, 3),
  };
}

function readBuffer(read: Reader, value: unknown, path: string): PlanBuffer {
  const item = read.object(value, path, ["name", "kind", "dtype", "shape"], ["when"]);
  return {
    name: readTemplate(read, item.name, `${path}.name`),
    kind: read.oneOf(item.kind, `${path}.kind`, BUFFER_KINDS),
    dtype: read.oneOf(item.dtype, `${path}.dtype`, DTYPES),
    shape: read
      .array(item.shape, `${path}.shape`, 1, 5)
      .map((size, i) => readShapeExpression(read, size, `${path}.shape[${i}]`, 0)),
    when: readWhen(read, item, path),
  };
}

function readShapeExpression(read: Reader, value: unknown, path: string, depth: number): ShapeExpression {
  if (!Array.isArray(value)) return readExpression(read, value, path, null);
  if (depth >= MAX_DEPTH) read.fail(path, `an expression at most ${MAX_DEPTH} levels deep`);
  if (value.length === 2 && value[0] === "max_layers")
    return ["max_layers", readExpression(read, value[1], `${path}[1]`, null, depth + 1)];
  const [operator, left, right] = read.array(value, path, 3, 3);
  return [
    read.oneOf(operator, `${path}[0]`, OPERATIONS),
    readShapeExpression(read, left, `${path}[1]`, depth + 1),
    readShapeExpression(read, right, `${path}[2]`, depth + 1),
  ];
}

function readStep(read: Reader, value: unknown, path: string): PlanStep {
  const head = read.object(value, path, ["op", "fields", "arguments"], ["name", "when"]);
  const op = read.oneOf(head.op, `${path}.op`, ["opaque", ...Object.keys(OPERATORS)]);
  const opaque = op === "opaque";
  const item = read.object(value, path, ["op", "fields", "arguments", ...(opaque ? ["name"] : [])], ["when"]);
  return {
    op,
    name: opaque ? read.matching(item.name, `${path}.name`, OPAQUE_NAME) : "",
    fields: new Map(
      read
        .entries(item.fields, `${path}.fields`, SYMBOL, 64)
        .map(([name, field]) => [name, readPlanField(read, field, `${path}.fields.${name}`)]),
    ),
    arguments: new Map(
      read
        .entries(item.arguments, `${path}.arguments`, NAME, 16)
        .map(([name, target]) => [name, readTemplate(read, target, `${path}.arguments.${name}`)]),
    ),
    when: readWhen(read, item, path),
  };
}

/** Whether it suits the field's kind is seen when it has a value. */
function readPlanField(read: Reader, value: unknown, path: string): PlanField {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return read.number(value, path, -Number.MAX_VALUE, Number.MAX_VALUE);
  return readExpression(read, value, path, null);
}
