/**
 * A program with adapters in it: each adapted matrix product becomes three steps, of which the first two compute what
 * LoRA adds to it. compiler/nomoat_compiler/program/adapters.py does the same, and tests compare the two.
 */
import { LlmError } from "../internal/errors";
import { checkDefinitions } from "./definition_rules";
import { OperatorTable } from "./instance";
import { MOST_PARTS } from "./operators.gen";
import type { BufferSpec, Definition, OperatorSpec, PlainScheme, Program, Step, TensorSpec } from "./program";
import { checkRules } from "./program_rules";
import { storedParameters } from "./stored_parameters";

/** How a tensor is adapted: the ranks of all adapters that run together, and the dtype of A and B. */
export interface Bound {
  readonly rank: number;
  readonly dtype: "float16" | "float32";
}
interface Adapted extends Bound {
  readonly tensor: TensorSpec;
}

const H = "lora.h";
const DELTA = "lora.delta";

/** Names of the arrays of a tensor. */
export function loraArrays(tensor: string): readonly [a: string, b: string, scale: string] {
  return [`${tensor}.lora_a.weight`, `${tensor}.lora_b.weight`, `${tensor}.lora_scale.weight`];
}

/** Errors: invalid_request for a tensor that is made of more parts than an adapter may have. */
export function checkParts({ name, sources }: TensorSpec): void {
  if (sources.length > MOST_PARTS)
    throw new LlmError(
      "invalid_request",
      `${name} is made of ${sources.length} matrices, and an adapter can change up to ${MOST_PARTS} that stand in one. Fold the adapter in with nomoat compile --merge.`,
    );
}

/**
 * `binding`: by the name of the tensor. Errors: invalid_package where an adapted step does not fit; of checkParts.
 */
export function bindAdapters(program: Program, binding: ReadonlyMap<string, Bound>): Program {
  const tensors = new Map(program.tensors);
  const parameters = new Map(program.parameters);
  const adapted = new Map<string, Adapted>();
  const add = (name: string, shape: readonly number[], dtype: Bound["dtype"]) => {
    const scheme: PlainScheme = { bits: dtype === "float32" ? 32 : 16, dtype };
    const stored = storedParameters(name, shape, scheme);
    for (const [, parameter] of stored) parameters.set(parameter.name, parameter);
    const roles = new Map(stored.map(([role, parameter]) => [role, parameter.name]));
    tensors.set(name, { name, kind: "lora", shape, scheme, parameters: roles, sources: [] });
  };
  let [widestH, widestDelta] = [1, 1];
  for (const tensor of program.tensors.values()) {
    const bound = binding.get(tensor.name);
    if (!bound) continue;
    const [rows, columns] = tensor.shape as [number, number];
    const down = tensor.sources.length * bound.rank;
    checkParts(tensor);
    add(`${tensor.name}.lora_a`, [down, columns], bound.dtype);
    add(`${tensor.name}.lora_b`, [bound.rank, rows], bound.dtype);
    add(`${tensor.name}.lora_scale`, [down], "float32");
    adapted.set([...tensor.parameters.values()][0]!, { ...bound, tensor });
    widestH = Math.max(widestH, down);
    widestDelta = Math.max(widestDelta, rows);
  }
  const buffers = new Map(program.buffers);
  for (const [name, width] of [[H, widestH] as const, [DELTA, widestDelta] as const]) {
    const buffer: BufferSpec = { name, kind: "scratch", dtype: "float32", shape: ["n", width] };
    buffers.set(name, buffer);
  }
  const table = new OperatorTable();
  const operators = table.operators;
  const functions = new Map<string, readonly Step[]>();
  for (const [name, steps] of program.functions) {
    const made = steps.flatMap((step): Step[] => {
      const operator = program.operators.get(step.operator)!;
      const { definition } = operator;
      if (definition.op === "opaque") {
        operators.set(operator.name, operator);
        return [step];
      }
      const found = definition.op === "linear" && adapted.get(step.arguments.get("w")!);
      const steps = found ? adaptedSteps(definition, step, found) : [{ definition, given: step.arguments }];
      return steps.map(({ definition: one, given }) => {
        const key = table.key(one);
        return { operator: key, arguments: inOrder(operators.get(key)!, given) };
      });
    });
    functions.set(name, made);
  }
  const bound: Program = { ...program, tensors, parameters, buffers, operators, functions };
  checkRules(bound);
  checkDefinitions(bound);
  return bound;
}

type Linear = Extract<Definition, { readonly op: "linear" }>;

function adaptedSteps(definition: Linear, { arguments: given }: Step, { tensor, rank, dtype }: Adapted) {
  const [a, b, scale] = loraArrays(tensor.name);
  const starts: number[] = [];
  for (const { rows } of tensor.sources.slice(0, -1)) starts.push((starts.at(-1) ?? 0) + rows);
  const down: Linear = {
    ...definition,
    rows: tensor.sources.length * rank,
    scheme: { bits: dtype === "float32" ? 32 : 16, dtype },
    bias: false,
    activation: 0,
    gated: false,
    delta: false,
    scale: 1,
    softcap: null,
    residual: false,
  };
  const rows = tensor.shape[0]!;
  const up: Definition = {
    op: "lora_up",
    rows,
    rank,
    scheme: down.scheme,
    part_1: starts[0] ?? 0,
    part_2: starts[1] ?? 0,
    gated: definition.gated,
  };
  return [
    { definition: down, given: new Map(given).set("w", a).set("out", H) },
    {
      definition: up,
      given: new Map([
        ["h", H],
        ["h_scale", scale],
        ["b", b],
        ["out", DELTA],
      ]),
    },
    { definition: { ...definition, delta: true }, given: new Map(given).set("delta", DELTA) },
  ] as const;
}

/** The arguments that the operator has, as it has them. */
function inOrder(operator: OperatorSpec, given: ReadonlyMap<string, string>): Map<string, string> {
  return new Map(operator.arguments.flatMap((name) => (given.has(name) ? [[name, given.get(name)!]] : [])));
}
