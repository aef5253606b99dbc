// Proves that the runtime reads definitions as the compiler does, by one table for both. Needs nothing.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { definitionSymbols } from "../../src/device/definition";
import { declarationOf, readDefinition } from "../../src/device/definition_reader";
import { evaluate } from "../../src/device/expression";
import { LlmError } from "../../src/internal/errors";
import { Reader } from "../../src/internal/reader";

/** compiler/tests/test_operators_check.py runs the same table. */
const TABLE: readonly { readonly why: string; readonly valid: boolean; readonly definition: unknown }[] = JSON.parse(
  readFileSync(new URL("../../../compiler/tests/definition_table.json", import.meta.url), "utf8"),
);
const read = (definition: unknown) => readDefinition(new Reader("invalid_package", "program.json"), definition, "d");

describe("readDefinition", () => {
  it.each(TABLE)("$why: valid $valid", ({ valid, definition }) => {
    let reason = "";
    try {
      const got = read(definition);
      const declaration = declarationOf(got.op);
      if (!declaration) reason = "not declared";
      for (const { require, message } of declaration?.rules ?? [])
        if (evaluate(require, definitionSymbols(got, false)) === 0) reason = message;
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(LlmError);
      expect(thrown).toMatchObject({ code: "invalid_package" });
      reason = String(thrown);
    }
    expect([reason, reason === ""]).toEqual([reason, valid]);
  });

  it("has the fields in declared order", () => {
    const scheme = { scale_dtype: "float16", zero: 8, group_size: 32, bits: 4 };
    const definition = read({ scale: 1, scheme, columns: 32, rows: 4, op: "embed" });
    expect(JSON.stringify(definition)).toBe(
      '{"op":"embed","rows":4,"columns":32,"scheme":{"bits":4,"group_size":32,"scale_dtype":"float16","zero":8},"scale":1}',
    );
    const minimum = { bits: 4, group_size: 32, scale_dtype: "float16", minimum: true };
    expect(read({ op: "embed", rows: 4, columns: 32, scheme: minimum, scale: 1 })).toMatchObject({
      scheme: { minimum: true },
    });
  });
});

describe("definitionSymbols", () => {
  const linear = {
    ...{ op: "linear", rows: 4, columns: 32, norm_eps: null, bias: true, delta: false, activation: 1 },
    ...{ gated: false, scale: 0.5, softcap: null, residual: false },
  };
  it("has numbers, flags, what is null, and the parts of the scheme", () => {
    const scheme = { bits: 4, group_size: 32, scale_dtype: "bfloat16", minimum: true };
    expect(definitionSymbols(read({ ...linear, scheme }), true)).toEqual({
      ...{ prefill: 1, rows: 4, columns: 32, norm_eps: 0, has_norm_eps: 0, bias: 1, delta: 0, activation: 1 },
      ...{ gated: 0, scale: 0.5, softcap: 0, has_softcap: 0, residual: 0 },
      ...{ "scheme.bits": 4, "scheme.group_size": 32, "scheme.grouped": 1, "scheme.zero": 0, "scheme.minimum": 1 },
      ...{ "scheme.iq4_nl": 0, "scheme.mxfp4": 0 },
      ...{ "scheme.scale_int8": 0, "scheme.scale_uint8": 0, "scheme.scale_uint4": 0 },
      ...{ "scheme.float16": 0, "scheme.bfloat16": 0, "scheme.float32": 0 },
      ...{ "scheme.scale_float16": 0, "scheme.scale_bfloat16": 1, "scheme.scale_float32": 0 },
    });
    const plain = definitionSymbols(read({ ...linear, norm_eps: 0.5, scheme: { bits: 32, dtype: "float32" } }), false);
    expect(plain).toMatchObject({
      prefill: 0,
      norm_eps: 0.5,
      has_norm_eps: 1,
      "scheme.float32": 1,
      "scheme.grouped": 0,
    });
  });
});
