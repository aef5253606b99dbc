/** A program of version 2 with the definitions and samplers of version 3. Goes when the reader reads version 3. */
import type { Definition, OperatorSpec, Program } from "../program";

const SAMPLERS: Readonly<Record<string, readonly string[]>> = {
  sample_greedy: ["logits", "state", "tokens"],
  sample: ["logits", "sampling", "token_counts", "state", "tokens"],
};

export function asVersion3(program: Program): Program {
  const operators = new Map(
    [...program.operators].map(([name, operator]) => [name, { ...operator, definition: defined(operator.definition) }]),
  );
  const functions = new Map(program.functions);
  for (const [op, names] of Object.entries(SAMPLERS)) {
    const definition = { op, vocab_size: program.vocab_size } as unknown as Definition;
    operators.set(op, { name: op, definition, arguments: names, variants: [] } satisfies OperatorSpec);
    functions.set(op, [{ operator: op, arguments: new Map(names.map((name) => [name, name])) }]);
  }
  return { ...program, operators, functions };
}

function defined(definition: Definition): Definition {
  if (definition.op !== "rope_append" || typeof definition.dynamic === "boolean") return definition;
  const { dynamic, ...rest } = definition;
  return {
    ...rest,
    dynamic: dynamic !== null,
    theta: dynamic?.theta ?? 1,
    factor: dynamic?.factor ?? 1,
    trained_length: dynamic?.max_position_embeddings ?? 0,
  } as unknown as Definition;
}
