// Proves which build of the kernel library an engine gets, and that the built files are those of the record.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { chooseBuild, loadLibrary } from "../../../src/device/wasm/library";
import { LIBRARY } from "../../../src/device/wasm/library.gen";

/** The probe for relaxed SIMD holds its instruction, 0xfd 0x92 0x02. */
const isRelaxed = (bytes: Uint8Array) => Buffer.from(bytes).includes(Buffer.from([0xfd, 0x92, 0x02]));

describe("the build", () => {
  it.each([
    ["everything", () => true, "relaxed-threads", "relaxed"],
    ["no relaxed SIMD", (bytes: Uint8Array) => !isRelaxed(bytes), "plain-threads", "plain"],
    ["no SIMD", () => false, null, null],
  ] as const)("of an engine with %s", (_name, validate, shared, alone) => {
    expect(chooseBuild(validate, true)).toBe(shared);
    expect(chooseBuild(validate, false)).toBe(alone);
  });

  it("is chosen by probes that are valid modules where the instructions are known", () => {
    // Node 20 has SIMD and no relaxed SIMD, later ones have both.
    expect(chooseBuild((bytes) => WebAssembly.validate(bytes), false)).toMatch(/^(plain|relaxed)$/);
  });
});

describe("the library", () => {
  it.each(Object.entries(LIBRARY.builds))("%s is what the record says", async (name, { nbytes, sha256 }) => {
    const bytes = await readFile(new URL(`../../../src/device/wasm/library/${name}.wasm`, import.meta.url));
    expect(bytes.length).toBe(nbytes);
    expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
  });

  it("has every kernel of the record and imports nothing but memory", async () => {
    const { module } = await loadLibrary(false, "plain");
    const functions = WebAssembly.Module.exports(module).filter(({ kind }) => kind === "function");
    expect(functions.map(({ name }) => name).sort()).toEqual([...LIBRARY.kernels]);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
  });
});
