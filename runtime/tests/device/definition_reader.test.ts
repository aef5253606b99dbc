// Proves that the runtime reads definitions as program.schema.json does. Needs nothing.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readDefinition } from "../../src/device/definition_reader";
import { parseProgram } from "../../src/device/program_reader";
import { LlmError } from "../../src/internal/errors";
import { Reader } from "../../src/internal/reader";

const readJson = (path: string) => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8"));

/** compiler/tests/test_assembly.py runs the same table through the schema. */
const TABLE: readonly { readonly why: string; readonly valid: boolean; readonly definition: unknown }[] = readJson(
  "compiler/tests/definition_table.json",
);

describe("readDefinition", () => {
  it.each(TABLE)("$why: valid $valid", ({ valid, definition }) => {
    const read = () => readDefinition(new Reader("invalid_package", "program.json"), definition, "definition");
    if (valid) expect(read().op).toBe((definition as { op: string }).op);
    else expect(read).toThrow(LlmError);
  });

  it("keeps every number, and turns the two kinds of groups into one field", () => {
    const { operators } = parseProgram(readJson("tests/golden/two-layers-q4/program.json"));
    const q4 = { bits: 4, group_size: 32, scale_dtype: "float16", zero: null };
    const layout = { heads: 6, kv_heads: 2, head_dim: 16, page_size: 16 };
    const linear = { op: "linear", rows: 160, columns: 96, scheme: q4, bias: false, residual: false, swiglu: false };
    expect(operators.get("linear_decode_q4m_g32_float16_160x96_norm_float32")?.definition).toEqual({
      ...linear,
      norm_eps: 1e-5,
    });
    expect(operators.get("embed_decode_q8s128_g32_float16_512x96")?.definition).toMatchObject({
      scheme: { bits: 8, zero: 128 },
    });
    expect(operators.get("attention_decode")?.definition).toEqual({ op: "attention", ...layout });
    expect(operators.get("rope_append_decode")?.definition).toEqual({
      op: "rope_append",
      ...layout,
      attention_scaling: 1,
      dynamic: null,
    });
  });
});
