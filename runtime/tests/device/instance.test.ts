// Proves that a plan becomes the same program here as in the compiler, byte for byte. Needs nothing.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bindAdapters } from "../../src/device/adapters";
import { instanceJson } from "../../src/device/instance";
import { parseProgram } from "../../src/device/program_reader";

const FOLDER = new URL(process.env.PROGRAMS ?? "../../../tests/fixtures/program_v3/", import.meta.url);
const FILES = readdirSync(FOLDER).filter((name) => name.endsWith(".program.json"));
const readText = (name: string) => readFileSync(new URL(name, FOLDER), "utf8");

/** Keys sorted, no spaces: what nomoat_compiler/program/canonical_json.py writes. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}

describe("instantiate", () => {
  it.each(FILES)("makes of %s what the compiler makes of it", (name) => {
    const program = parseProgram(JSON.parse(readText(name)));
    const expected = JSON.parse(readText(name.replace(".program.json", ".instance.json")));
    const instance = instanceJson(program);
    for (const part of Object.keys(expected)) expect(canonical(instance[part]), part).toBe(canonical(expected[part]));
  });

  it.each(FILES.filter((name) => existsSync(new URL(name.replace(".program.", ".binding."), FOLDER))))(
    "makes of %s with adapters what the compiler makes of it",
    (name) => {
      const program = parseProgram(JSON.parse(readText(name)));
      const binding = JSON.parse(readText(name.replace(".program.", ".binding.")));
      const expected = JSON.parse(readText(name.replace(".program.", ".adapted.")));
      const instance = instanceJson(bindAdapters(program, new Map(Object.entries(binding))));
      for (const part of Object.keys(expected)) expect(canonical(instance[part]), part).toBe(canonical(expected[part]));
    },
  );
});
