// Proves that every operator has kernels on the smallest adapter that WebGPU allows, that kernels whose answers were
// wrong are passed over, and how what is too large for a buffer is cut or refused. Needs nothing.
import { describe, expect, it } from "vitest";
import { arraysOf } from "../../../src/device/definition";
import type { Program } from "../../../src/device/program";
import { parseProgram } from "../../../src/device/program_reader";
import type { Capabilities } from "../../../src/device/webgpu/device";
import { loadLibrary } from "../../../src/device/webgpu/library";
import { planFor } from "../../../src/device/webgpu/plan";
import { WeightPlacement } from "../../../src/device/webgpu/weight_placement";
import { widen } from "../../../src/device/widen";
import { type Case, cases, operatorProgram, parse } from "../../fixtures/operator_program";
import { toyProgram } from "../../fixtures/toy_model";

/** The default limits of WebGPU, which every adapter has. */
const SMALLEST: Capabilities = {
  features: new Set(),
  subgroupMinSize: 0,
  limits: {
    maxBufferSize: 268435456,
    maxStorageBufferBindingSize: 134217728,
    maxUniformBufferBindingSize: 65536,
    minUniformBufferOffsetAlignment: 256,
    maxStorageBuffersPerShaderStage: 8,
    maxComputeWorkgroupStorageSize: 16384,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupSizeX: 256,
    maxComputeWorkgroupSizeY: 256,
    maxComputeWorkgroupSizeZ: 64,
    maxComputeWorkgroupsPerDimension: 65535,
  },
};
const GREAT: Capabilities = { ...SMALLEST, features: new Set(["subgroups", "shader-f16"]), subgroupMinSize: 32 };
const limited = (maxStorageBufferBindingSize: number): Capabilities => ({
  ...SMALLEST,
  limits: { ...SMALLEST.limits, maxStorageBufferBindingSize },
});
const { operators: LIBRARY } = await loadLibrary();
const CASES = cases().map((given): [string, Case] => [given.why, given]);
const dispatchesOf = (given: Case, capabilities = SMALLEST, excluded = new Set<string>()) => {
  const plan = planFor(parseProgram(operatorProgram(given)), capabilities, LIBRARY, { excluded });
  return plan.functions.get(given.prefill ? "prefill" : "decode")!;
};

describe("every operator", () => {
  it.each(CASES)("has kernels on the smallest adapter: %s", (_, given) => {
    for (const { pipeline, targets } of dispatchesOf(given)) {
      expect(targets.length).toBe(pipeline.access.length);
      expect(targets.every((target) => typeof target === "string")).toBe(true);
    }
  });

  it.each(CASES)("binds for writing only what its definition writes, and nothing twice: %s", (_, given) => {
    const written = arraysOf(parse(given.definition)).filter((array) => array.written);
    const names = new Set(written.map(({ name }) => `buffer.${name}`));
    for (const capabilities of [SMALLEST, GREAT]) {
      for (const { pipeline, targets } of dispatchesOf(given, capabilities)) {
        pipeline.access.forEach((access, i) => {
          if (access === "read") return;
          expect(names.has(targets[i]!) || targets[i]!.startsWith("between stages")).toBe(true);
          expect(targets.indexOf(targets[i]!)).toBe(targets.lastIndexOf(targets[i]!));
        });
      }
    }
  });

  it("computes without kernels that were wrong, or is refused", () => {
    let other = 0;
    for (const [, given] of CASES) {
      const [first] = dispatchesOf(given, GREAT);
      let names: string[] = [];
      try {
        names = dispatchesOf(given, GREAT, new Set([first!.pipeline.name])).map(({ pipeline }) => pipeline.name);
        other += 1;
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: "unsupported_device" });
      }
      expect(names).not.toContain(first!.pipeline.name);
    }
    expect(other).toBeGreaterThan(0);
  });
});

describe("the library", () => {
  it("has no constant, uniform or binding that nothing fills", () => {
    for (const { scratch, stages } of LIBRARY.values()) {
      for (const { variants } of stages) {
        for (const { bindings, uniforms, grid } of variants) {
          expect(new Set(bindings.map(({ argument }) => argument)).size).toBe(bindings.length);
          expect(uniforms.every(({ value }) => value === "n")).toBe(true);
          expect(grid).toHaveLength(3);
        }
      }
      expect(scratch.every(({ dtype }) => ["float32", "int32", "uint32"].includes(dtype))).toBe(true);
    }
  });
});

describe("what is too large for one buffer", () => {
  const [, linear] = CASES.find(([why]) => why === "linear of 4 bits no norm_eps gated no softcap")!;
  /** The same with 512 rows of 64 columns. */
  const large = (): Program => {
    const json = operatorProgram(linear);
    const step = json.plan.functions.decode[0];
    Object.assign(step.fields, { rows: 512, columns: 64 });
    const [w] = json.plan.tensors;
    Object.assign(w, { shape: [512, 64], sources: [{ name: "w", rows: 512 }] });
    for (const buffer of json.plan.buffers) if (buffer.kind === "scratch") buffer.shape = [256];
    return parseProgram(json);
  };

  it("is kept in slices of gate rows and their up rows", () => {
    // A row has 32 bytes of weights and 8 of scales: 64 gate and 64 up rows fit into 4096 bytes, 128 do not.
    const plan = planFor(large(), limited(4096), LIBRARY);
    const decode = plan.functions.get("decode")!;
    expect(decode).toHaveLength(4);
    expect(decode.map(({ pipeline }) => pipeline.constants)).toMatchObject(
      [0, 64, 128, 192].map((first_row) => ({ first_row, all_outputs: 256, outputs: 64 })),
    );
    const { segments } = plan.weights.get("tensor.w.q_weight")!;
    expect(segments).toHaveLength(8);
    expect(segments[5]).toEqual({ start: 32 * 320, end: 32 * 384, buffer: "tensor.w.q_weight[1]", at: 2048 });
    expect(plan.weights.get("tensor.w.q_scale_min")!.segments[5]).toMatchObject({ start: 8 * 320, at: 512 });
    expect(plan.fixedBytes.get("tensor.w.q_weight[3]")).toBe(4096);
    // Every stored byte has one place.
    for (const { segments: all } of plan.weights.values())
      expect(all.map(({ start }) => start)).toEqual([0, ...all.slice(0, -1).map(({ end }) => end)]);
  });

  it("is whole where it fits", () => {
    const plan = planFor(large(), limited(16384), LIBRARY);
    expect(plan.functions.get("decode")).toHaveLength(1);
    expect(plan.functions.get("decode")![0]!.pipeline.constants).toMatchObject({ first_row: 0, all_outputs: 256 });
  });

  it("is refused where no slice of it fits, or where its kernel reads no slices", () => {
    expect(() => planFor(large(), limited(2048), LIBRARY)).toThrow(
      expect.objectContaining({ code: "unsupported_device" }),
    );
    const toy = parseProgram(toyProgram());
    expect(() => planFor(toy, limited(512), LIBRARY)).toThrow(
      expect.objectContaining({ code: "unsupported_device", detail: { requested: 640, limit: 512 } }),
    );
  });

  it("is refused where it would be cut in two ways", () => {
    const program = large();
    const weights = new WeightPlacement(program, 4096);
    const { definition } = program.operators.get("linear_0")!;
    const given = program.functions.get("decode")![0]!.arguments;
    expect(weights.placeStep(arraysOf(definition), given, 2)).toHaveLength(4);
    expect(weights.placeStep(arraysOf(definition), given, 2)).toHaveLength(4);
    expect(() => weights.placeStep(arraysOf(definition), given, 1)).toThrow(
      expect.objectContaining({ code: "unsupported_device" }),
    );
  });

  it("leaves the cache fewer pages and recurrent states fewer slots", () => {
    const json = toyProgram();
    json.plan.buffers.push(
      { name: "k", kind: "kv_cache", dtype: "float32", shape: ["kv_pages", 4096] },
      { name: "r", kind: "recurrent_state", dtype: "float32", shape: ["state_slots", 4096] },
    );
    const pages = (bytes: number) => {
      const { maxPages, stateSlots } = planFor(parseProgram(json), limited(bytes), LIBRARY);
      return [maxPages, stateSlots];
    };
    // A page and a slot have 16 KiB each; two contexts have 48 pages.
    expect(pages(2 ** 20)).toEqual([48, 16]);
    expect(pages(2 ** 16)).toEqual([4, 4]);
    expect(pages(2 ** 15)).toEqual([2, 2]);
    expect(planFor(parseProgram(toyProgram()), SMALLEST, LIBRARY).stateSlots).toBe(0);
    expect(() => pages(2 ** 13)).toThrow(expect.objectContaining({ code: "unsupported_device" }));
  });
});

describe("widen", () => {
  it("gives every float16 and bfloat16 its value", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const bytes = new Uint8Array(halves.buffer);
    const value = (bits: number) => {
      const [sign, exponent, mantissa] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
      if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
      return sign * (exponent ? 2 ** (exponent - 15) * (1 + mantissa / 1024) : 2 ** -24 * mantissa);
    };
    const wide = widen("float16", bytes);
    expect(wide.findIndex((got, bits) => !Object.is(got, value(bits)))).toBe(-1);
    const words = new Uint32Array(widen("bfloat16", bytes).buffer);
    expect(words.findIndex((word, bits) => word !== bits * 65536)).toBe(-1);
  });
});
