/** Schemes from JSON and the arrays that hold them: the compiler's table, tests/scheme_table.json. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readScheme } from "../../src/device/definition_reader";
import { storedArrays } from "../../src/device/stored_parameters";
import { Reader } from "../../src/internal/reader";

interface Row {
  readonly why: string;
  readonly scheme: Record<string, unknown>;
  readonly shape: readonly number[];
  readonly stored: readonly Record<string, unknown>[] | null;
}
const table = JSON.parse(
  readFileSync(new URL("../../../compiler/tests/scheme_table.json", import.meta.url), "utf8"),
) as Row[];
const read = new Reader("invalid_package", "program.json");

describe("schemes", () => {
  it.each(table.map((row) => [row.why, row] as const))("%s", (_, { scheme, shape, stored }) => {
    if (stored === null) expect(() => readScheme(read, scheme, "scheme")).toThrow();
    else {
      const made = readScheme(read, scheme, "scheme");
      expect(made).toEqual(scheme);
      expect(Object.keys(made)).toEqual(Object.keys(scheme));
      expect(storedArrays(shape, made)).toEqual(stored);
    }
  });
});
