// Proves that the weights of a token are what decode reads: matrices whole, an embedding by the row. Needs nothing.
import { describe, expect, it } from "vitest";
import { parseProgram } from "../../src/device/program_reader";
import { weightBytesPerToken } from "../../src/device/weight_bytes";
import { DIM, toyProgram, VOCAB } from "../fixtures/toy_model";

const TABLE = VOCAB * DIM * 4;

describe("weightBytesPerToken", () => {
  it("counts each parameter that decode reads once, and no other", () => {
    const json = toyProgram();
    json.plan.tensors.push({ ...json.plan.tensors[1], name: "unused" });
    json.tensor_schemes.unused = 0;
    expect(weightBytesPerToken(parseProgram(json))).toBe(2 * TABLE);
    json.plan.functions.decode.push(json.plan.functions.decode.at(-1));
    expect(weightBytesPerToken(parseProgram(json))).toBe(2 * TABLE);
  });

  it("counts one row of an embedding, unless it is read whole as well", () => {
    const program = parseProgram(toyProgram());
    const { operator } = program.functions.get("decode")![0]!;
    const embeds = {
      op: "embed",
      rows: VOCAB,
      columns: DIM,
      scheme: { bits: 32, dtype: "float32" },
      scale: 1,
    } as const;
    const operators = new Map(program.operators);
    operators.set(operator, { ...operators.get(operator)!, definition: embeds });
    expect(weightBytesPerToken({ ...program, operators })).toBe(TABLE + DIM * 4);
    const decode = program.functions.get("decode")!;
    const tied = [...decode, { operator: "opaque_project", arguments: new Map([["head", "embedding.weight"]]) }];
    const functions = new Map(program.functions).set("decode", tied);
    expect(weightBytesPerToken({ ...program, operators, functions })).toBe(2 * TABLE);
  });
});
