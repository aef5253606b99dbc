/**
 * A program with adapters in it: each adapted matrix product becomes three steps, of which the first two compute what
 * LoRA adds to it. compiler/nomoat_compiler/program/adapters.py does the same, and tests compare the two.
 */
import { LlmError } from "../internal/errors";
import { checkDefinitions } from "./definition_rules";
import { OperatorTable } from "./instance";
import { MOST_PARTS } from "./operators.gen";
import type {
  BufferSpec,
  Definition,
  OperatorSpec,
  Parameter,
  PlainScheme,
  Program,
  Scheme,
  Step,
  TensorSpec,
} from "./program";
import { checkRules } from "./program_rules";
import { storedParameters } from "./stored_parameters";

const PLAIN: Readonly<Record<"f16" | "f32", PlainScheme>> = {
  f16: { bits: 16, dtype: "float16" },
  f32: { bits: 32, dtype: "float32" },
};
/** How A and B are stored, by the quantization of an adapter's manifest. */
export const LORA_SCHEMES: Readonly<Record<Quantization, readonly [Scheme, PlainScheme]>> = {
  q8: [{ bits: 8, group_size: 32, scale_dtype: "float16", zero: 128 }, PLAIN.f16],
  f16: [PLAIN.f16, PLAIN.f16],
  f32: [PLAIN.f32, PLAIN.f32],
};
type Quantization = "q8" | "f16" | "f32";
/** How a tensor is adapted: the ranks of all adapters that run together, and how A and B are stored. */
export interface Bound {
  readonly rank: number;
  readonly quantization: Quantization;
}
interface Adapted extends Bound {
  readonly tensor: TensorSpec;
  readonly lora: ReturnType<typeof loraTensors>;
}

const H = "lora.h";
const DELTA = "lora.delta";

interface LoraTensor extends TensorSpec {
  readonly stored: readonly Parameter[];
}

/** What an adapter has for a tensor. Errors: invalid_package. */
export function loraTensors(
  { name, shape, sources }: TensorSpec,
  { rank, quantization }: Bound,
): readonly [a: LoraTensor, b: LoraTensor, scale: LoraTensor] {
  const [rows, columns] = shape as [number, number];
  const down = sources.length * rank;
  const [schemeA, schemeB] = LORA_SCHEMES[quantization];
  const made = (which: string, own: readonly number[], scheme: Scheme): LoraTensor => {
    const stored = storedParameters(`${name}.lora_${which}`, own, scheme);
    const parameters = new Map(stored.map(([role, parameter]) => [role, parameter.name]));
    const arrays = stored.map(([, parameter]) => parameter);
    return { name: `${name}.lora_${which}`, kind: "lora", shape: own, scheme, parameters, sources: [], stored: arrays };
  };
  return [
    made("a", [down, columns], schemeA),
    made("b", [rank / 2, 2 * rows], schemeB),
    made("scale", [down], PLAIN.f32),
  ];
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
  let [widestH, widestDelta] = [1, 1];
  for (const tensor of program.tensors.values()) {
    const bound = binding.get(tensor.name);
    if (!bound) continue;
    checkParts(tensor);
    const lora = loraTensors(tensor, bound);
    for (const { stored, ...own } of lora) {
      tensors.set(own.name, own);
      for (const parameter of stored) parameters.set(parameter.name, parameter);
    }
    adapted.set([...tensor.parameters.values()][0]!, { ...bound, tensor, lora });
    widestH = Math.max(widestH, lora[0].shape[0]!);
    widestDelta = Math.max(widestDelta, tensor.shape[0]!);
  }
  const buffers = new Map(program.buffers);
  for (const [name, width] of [[H, widestH] as const, [DELTA, widestDelta] as const]) {
    const buffer: BufferSpec = { name, kind: "scratch", dtype: "float32", shape: ["n", width] };
    buffers.set(name, buffer);
  }
  const table = new OperatorTable();
  const operators = table.operators;
  const known = new Map<Definition, string>();
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
      if (!found) {
        const key = known.get(definition) ?? table.key(definition);
        known.set(definition, key);
        return [{ operator: key, arguments: step.arguments }];
      }
      return adaptedSteps(definition, step, found).map(({ definition: one, given }) => {
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

function adaptedSteps(definition: Linear, { arguments: given }: Step, { tensor, rank, lora }: Adapted) {
  const [a, b, scale] = lora;
  const [weight, weightScale] = [...a.parameters.values()] as [string, string?];
  const x = new Map(given).set("w", weight).set("out", H);
  if (weightScale) x.set("w_scale", weightScale);
  const starts: number[] = [];
  for (const { rows } of tensor.sources.slice(0, -1)) starts.push((starts.at(-1) ?? 0) + rows);
  const down: Linear = {
    ...definition,
    rows: a.shape[0]!,
    scheme: a.scheme,
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
    scheme: b.scheme,
    part_1: starts[0] ?? 0,
    part_2: starts[1] ?? 0,
    gated: definition.gated,
  };
  return [
    { definition: down, given: x },
    {
      definition: up,
      given: new Map([
        ["h", H],
        ["h_scale", scale.stored[0]!.name],
        ["b", b.stored[0]!.name],
        ["out", DELTA],
      ]),
    },
    { definition: { ...definition, delta: true }, given: new Map(given).set("delta", DELTA) },
  ] as const;
}

/** The arguments that the operator has, as it has them. */
function inOrder(operator: OperatorSpec, given: ReadonlyMap<string, string>): Map<string, string> {
  const own = new Map<string, string>();
  for (const name of operator.arguments) if (given.has(name)) own.set(name, given.get(name)!);
  return own;
}
