/**
 * The runtime's manifest check decides as manifest.schema.json does, over the table that
 * tests/parity/test_manifest_table.py runs through jsonschema; and what it asks beyond the schema. Needs Node.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { LlmError } from "../../src/internal/errors";
import { parseManifest } from "../../src/storage/manifest";

interface Case {
  readonly why: string;
  readonly valid: boolean;
  /** Of the base with what an adapter has. */
  readonly adapter?: true;
  readonly at?: readonly (string | number)[];
  readonly value?: unknown;
  readonly repeat?: readonly [string, number];
  readonly file?: string;
}

const { base, adapter, cases } = JSON.parse(
  readFileSync(new URL("./manifest_table.json", import.meta.url), "utf8"),
) as {
  base: { files: Record<string, unknown>[] };
  adapter: Record<string, unknown>;
  cases: Case[];
};

function build({ at, value, repeat, file, adapter: isAdapter }: Case): unknown {
  const manifest = structuredClone(isAdapter ? { ...base, ...adapter } : base);
  if (at === undefined) return manifest;
  let target = manifest as unknown as Record<string | number, unknown>;
  for (const key of at.slice(0, -1)) target = target[key] as typeof target;
  const last = at.at(-1)!;
  if (repeat !== undefined) target[last] = repeat[0].repeat(repeat[1]);
  else if (file !== undefined) target[last] = { ...base.files[0], path: file };
  else if (value !== undefined) target[last] = value;
  else delete target[last];
  return manifest;
}

function refusal(json: string): LlmError | null {
  try {
    parseManifest(json);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(LlmError);
    return error as LlmError;
  }
}

test.each(cases)("$why: valid is $valid", (entry) => {
  const error = refusal(JSON.stringify(build(entry)));
  expect(error?.code ?? null).toBe(entry.valid ? null : "invalid_package");
});

test("a valid manifest comes back as it is", () => {
  expect(parseManifest(JSON.stringify(base))).toEqual(base);
  expect(parseManifest(JSON.stringify({ ...base, ...adapter }))).toEqual({ ...base, ...adapter });
});

describe("beyond the schema", () => {
  const withFiles = (...paths: string[]): string =>
    JSON.stringify({ ...base, files: [...base.files, ...paths.map((path) => ({ ...base.files[0], path }))] });

  test.each([
    ["a path that is there twice", withFiles("x.bin", "x.bin")],
    ["two paths that differ in case", withFiles("x.bin", "X.bin")],
    ["a file that is also a folder", withFiles("x", "x/y")],
    ["nomoat.json in its own list", withFiles("nomoat.json")],
    ["a named file that is not listed", JSON.stringify({ ...base, files: base.files.slice(1) })],
    ["no JSON", "<html>"],
    ["null", "null"],
    ["a list", "[]"],
  ])("%s is refused", (_, json) => {
    expect(refusal(json)?.code).toBe("invalid_package");
  });
});
