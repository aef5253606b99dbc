// Proves what the CPU's launch plan of a program is, call for call, against files that are read as a diff (refreshed by
// UPDATE_GOLDEN=1), what no plan can be made of, and that every call is one of a kernel with its arguments in memory
// that is there for it. Needs nothing.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bindAdapters } from "../../../src/device/adapters";
import type { Program } from "../../../src/device/program";
import { parseProgram } from "../../../src/device/program_reader";
import { bufferBytes } from "../../../src/device/program_rules";
import { AdapterLayout } from "../../../src/device/wasm/adapter_layout";
import { KvPool } from "../../../src/device/wasm/kv_pool";
import { LIBRARY } from "../../../src/device/wasm/library.gen";
import { lower, lowerStep, type Places } from "../../../src/device/wasm/lower";
import { Layout } from "../../../src/device/wasm/memory";
import {
  exactCaches,
  givenArguments,
  type PlannedFunctions,
  type PlannedStep,
  planSteps,
} from "../../../src/device/wasm/planned_step";
import { Regions } from "../../../src/device/wasm/regions";
import { StepMemory } from "../../../src/device/wasm/step_memory";
import { WeightImage } from "../../../src/device/wasm/weights";

const FIXTURES = new URL("../../../../tests/fixtures/program_v3/", import.meta.url);
const FIRST_ADDRESS = 2 ** 17;
// Far apart, so that an address tells what it belongs to.
const WEIGHT_BASE = 2 ** 28;
const KV_BASE = 2 ** 30;

interface Laid extends Places {
  readonly regions: Regions;
  readonly image: WeightImage;
  readonly functions: PlannedFunctions;
  readonly end: number;
}

function laidOut(program: Program, { relaxed = true, threads = 2, first = FIRST_ADDRESS } = {}): Laid {
  const functions = planSteps(program, relaxed);
  const image = new WeightImage(program, functions);
  const kv = new KvPool(program, exactCaches(functions));
  const layout = new Layout(first);
  const sizes = { threads, stateSlots: 2, blockTables: kv.tables.length };
  const regions = new Regions(layout, program, functions, sizes);
  return { functions, regions, image, weightBase: WEIGHT_BASE, kv, kvBase: KV_BASE, end: layout.end };
}

/** A fixture, with groups that the CPU's kernels read. */
function fixture(name: string): Program {
  const json = JSON.parse(readFileSync(new URL(`${name}.program.json`, FIXTURES), "utf8"));
  for (const scheme of json.schemes) if ("group_size" in scheme) scheme.group_size = 32;
  return parseProgram(json);
}

/** The lowered plan as text: what an address belongs to in its place. */
function described(laid: Laid): string {
  const lines: string[] = [];
  for (const [name, steps] of laid.functions) {
    lines.push(`${name}:`);
    const tables = new Set<string>();
    for (const step of steps) {
      const given = [...step.arguments].map(([argument, array]) => `${argument}=${array}`).join(" ");
      lines.push(`  ${step.definition.op} ${given}`);
      const nameOf = namesOf(step, laid);
      for (const calls of lowerStep(step, laid, tables)) {
        for (const [kernel, ...values] of calls) lines.push(`    ${kernel}(${values.map(nameOf).join(", ")})`);
        lines.push("    --");
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

function namesOf(step: PlannedStep, { regions, image, kv }: Laid): (value: number) => string {
  const names = new Map<number, string>([
    [regions.n, "n"],
    [regions.one, "one"],
    [KV_BASE, "kv"],
  ]);
  for (const { name, role } of givenArguments(step)) {
    const array = step.arguments.get(name)!;
    if (role === "cache") names.set(regions.blockTable(kv.cache(array).table), `block_table ${kv.cache(array).table}`);
    else if (role === "matrix") {
      const { offset, blockRowBytes, nBlocks, sums } = image.matrix(array);
      for (let row = 0; row < nBlocks; row++) {
        const behind = row === 0 ? "" : ` block row ${row}`;
        names.set(WEIGHT_BASE + offset + row * blockRowBytes, `${name}${behind}`);
        if (sums !== null) names.set(WEIGHT_BASE + sums + row * 16, `sums of ${name}${behind}`);
      }
    } else names.set(regions.buffer(array) ?? WEIGHT_BASE + image.vector(array), name);
  }
  for (const memory of step.lowering.memory)
    if (memory.kind !== "scratch") names.set(regions.steps.place(step, memory).address, memory.name);
  for (const memory of step.lowering.memory)
    if (memory.kind === "scratch") names.set(regions.steps.place(step, memory).address, memory.name);
  return (value) => names.get(value) ?? String(value);
}

describe.each(["tiny_llama", "uneven"])("the launch plan of %s", (name) => {
  const laid = laidOut(fixture(name));

  it("is what it was", () => {
    const golden = new URL(`./${name}.golden.txt`, import.meta.url);
    const text = described(laid);
    if (process.env.UPDATE_GOLDEN === "1") writeFileSync(golden, text);
    expect(existsSync(golden)).toBe(true);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });

  it("names kernels of the library only, with int32 arguments", () => {
    for (const steps of Object.values(lower(laid.functions, laid)))
      for (const [kernel, ...values] of steps.flat()) {
        expect(LIBRARY.kernels).toContain(kernel);
        for (const value of values) expect(value).toBe(value >= 2 ** 31 ? value >>> 0 : value | 0);
      }
  });

  it("has memory of its own for each array, and scratch that reaches into none of it", () => {
    const { regions, functions, end } = laid;
    const lasting = new Set<number>();
    const scratch = new Set<number>();
    for (const step of [...functions.values()].flat()) {
      for (const array of step.arguments.values()) {
        const address = regions.buffer(array);
        if (address !== undefined) lasting.add(address);
      }
      for (const memory of step.lowering.memory) {
        const { address, stride } = regions.steps.place(step, memory);
        (memory.kind === "scratch" ? scratch : lasting).add(address);
        expect(address + stride).toBeLessThanOrEqual(end);
      }
    }
    const [first, last] = [Math.min(...scratch), Math.max(...scratch)];
    for (const address of lasting) expect(address < first || address > last).toBe(true);
  });
});

describe("what the CPU cannot run", () => {
  const program = fixture("tiny_llama");
  const changed = (
    op: string,
    change: Readonly<Record<string, number | boolean | null>>,
    of: Program = program,
  ): Program => {
    const operators = [...of.operators].map(([key, operator]) => {
      const { definition } = operator;
      return [
        key,
        definition.op === op ? { ...operator, definition: { ...definition, ...change } } : operator,
      ] as const;
    });
    return { ...of, operators: new Map(operators) };
  };

  it.each([
    ["heads of 520 values; its kernels take 512", "attention", { head_dim: 520 }],
    ["pages of 8 tokens; its kernels take 16", "rope_append", { page_size: 8 }],
    ["a matrix product with 102 rows, whose results are no multiple of 4", "linear", { rows: 102 }],
    ["a norm folded into prefill", "linear", { norm_eps: 1e-5 }],
  ] as const)("is a typed error: %s", (has, op, change) => {
    expect(() => planSteps(changed(op, change), true)).toThrow(
      expect.objectContaining({ code: "unsupported_device", message: expect.stringContaining(has) }),
    );
  });

  it("is a cache that is exact for one step and not for another one", () => {
    const lies = changed("rope_append", { exact_cache: true });
    expect(() => exactCaches(planSteps(lies, true))).toThrow(
      expect.objectContaining({ code: "invalid_package", message: expect.stringContaining("exact_cache") }),
    );
    const agree = changed("attention", { exact_cache: true }, lies);
    expect(exactCaches(planSteps(agree, true)).size).toBeGreaterThan(1);
  });

  it("is an operator that only the package's kernels define", () => {
    const operators = new Map(program.operators);
    const [key, operator] = [...operators].find(([, { definition }]) => definition.op === "embed")!;
    operators.set(key, { ...operator, definition: { op: "opaque", name: "lookup" } });
    expect(() => planSteps({ ...program, operators }, true)).toThrow(
      expect.objectContaining({ code: "unsupported_device", message: expect.stringContaining(key) }),
    );
  });

  it("is a step that reads rotated queries as they stand in the program", () => {
    const [key] = [...program.operators].find(([, { definition }]) => definition.op === "rms_norm")!;
    const functions = new Map(program.functions);
    const steps = functions.get("prefill")!;
    const rope = steps.find(({ operator }) => program.operators.get(operator)!.definition.op === "rope_append")!;
    const norm = steps.find(({ operator }) => operator === key)!;
    const reads = { ...norm, arguments: new Map([...norm.arguments, ["x", rope.arguments.get("q")!]]) };
    const at = steps.indexOf(rope) + 1;
    functions.set("prefill", [...steps.slice(0, at), reads, ...steps.slice(at)]);
    expect(() => planSteps({ ...program, functions }, true)).toThrow(
      expect.objectContaining({
        code: "unsupported_device",
        message: expect.stringContaining("in the form of queries"),
      }),
    );
  });
});

describe("the numbers of dynamic NTK scaling", () => {
  const program = fixture("tiny_llama");
  const definitions = (dynamic: boolean): Program => {
    const operators = [...program.operators].map(([key, operator]) => {
      const { definition } = operator;
      if (definition.op !== "rope_append") return [key, operator] as const;
      const scaled = { ...definition, dynamic, theta: 10000, factor: 4, trained_length: 24 };
      return [key, { ...operator, definition: scaled }] as const;
    });
    return { ...program, operators: new Map(operators) };
  };
  const wordsOf = (made: Program) => {
    const { regions, functions } = laidOut(made);
    const step = functions.get("decode")!.find(({ definition }) => definition.op === "rope_append")!;
    const numbers = step.lowering.memory.find(({ kind }) => kind === "numbers")!;
    const { address } = regions.steps.place(step, numbers);
    return regions.initial.find((initial) => initial.address === address)!.bytes;
  };

  it("are written once, as rope_table wants them", () => {
    const words = wordsOf(definitions(true));
    const { head_dim } = [...program.operators.values()]
      .map(({ definition }) => definition)
      .find((definition) => definition.op === "rope_append")!;
    const floats = [...new Float32Array(words.buffer)];
    expect(floats[0]).toBeCloseTo(Math.log(10000), 5);
    expect(floats[1]).toBeCloseTo(head_dim / (head_dim - 2), 6);
    expect(floats[2]).toBeCloseTo(4 / 24, 6);
    expect(floats[3]).toBe(3);
    expect(new Int32Array(words.buffer)[4]).toBe(24);
    expect(floats[5]).toBeCloseTo(-2 / head_dim, 6);
  });

  it("are zero where there is none", () => {
    expect([...wordsOf(definitions(false))].every((byte) => byte === 0)).toBe(true);
  });
});

describe("adapters", () => {
  const base = fixture("tiny_llama");
  const linear = [...base.tensors.values()].filter(({ kind }) => kind === "linear");
  const program = bindAdapters(base, new Map(linear.map(({ name }) => [name, { rank: 8, quantization: "q8" }])));
  const laid = laidOut(program);

  it("take one barrier more for each product that they change, and in prefill one for rounding", () => {
    const [alone, adapted] = [laidOut(base), laid].map((each) => lower(each.functions, each));
    for (const [name, barriers] of [
      ["prefill", 2],
      ["decode", 1],
    ] as const) {
      const products = laid.functions.get(name)!.filter(({ definition }) => definition.op === "lora_up").length;
      expect(products).toBeGreaterThan(linear.length / 2);
      expect(adapted![name]!.length).toBe(alone![name]!.length + barriers * products);
    }
  });

  it("have a barrier behind what the next step does not add, or overwrites", () => {
    const steps = laid.functions.get("decode")!;
    const index = steps.findIndex(({ definition }) => definition.op === "lora_up");
    const [up, product] = [steps[index]!, steps[index + 1]!];
    const barriers = (next?: PlannedStep) => {
      const functions = new Map([["decode", next ? [up, next] : [up]]]);
      return lower(functions, laid).decode!.length;
    };
    const given = (name: string, array: string) => ({
      ...product,
      arguments: new Map(product.arguments).set(name, array),
    });
    expect(barriers(product)).toBe(1);
    expect(barriers()).toBe(1);
    expect(barriers(steps[index - 1])).toBe(2);
    expect(barriers(given("delta", "logits"))).toBe(2);
    expect(barriers(given("out", "lora.h"))).toBe(2);
    expect(
      barriers({ ...product, definition: { ...product.definition, gated: true } as typeof product.definition }),
    ).toBe(2);
  });

  it.each([
    ["one rank", () => 8],
    ["several ranks, and products that are not adapted", (i: number) => [16, 4, 0][i % 3]!],
  ])("have at every place the calls that each step has by itself there: %s", (_, rankOf) => {
    const beside = laidOut(base);
    const ranks = linear.map(({ name }, i) => [name, { rank: rankOf(i), quantization: "q8" }] as const);
    const bound = bindAdapters(base, new Map(ranks.filter(([, { rank }]) => rank > 0)));
    const layout = new AdapterLayout(bound, true, beside);
    const functions = new Map([...planSteps(bound, true)].filter(([name]) => !/sample|mask/.test(name)));
    for (const place of [64, 64 * 1000, 0]) {
      const own = new Layout(KV_BASE + place);
      const steps = new StepMemory(own, functions, 2);
      const buffers = new Map(
        [...bound.buffers.values()]
          .filter(({ name }) => !base.buffers.has(name))
          .map((buffer) => [buffer.name, own.region(bufferBytes(buffer, bound))]),
      );
      const { n, one } = beside.regions;
      const buffer = (name: string) => buffers.get(name) ?? beside.regions.buffer(name);
      const regions = { n, one, steps, buffer, blockTable: (table: number) => beside.regions.blockTable(table) };
      const image = new WeightImage(bound, functions, beside.image, own.end - WEIGHT_BASE);
      const plan = layout.planAt(place);
      expect([...Object.keys(plan)]).toEqual([...functions.keys()]);
      for (const [name, steps] of functions) {
        const tables = new Set<string>();
        const alone = steps.flatMap((step) => lowerStep(step, { ...beside, regions, image }, tables).flat());
        expect(plan[name]!.flat()).toEqual(alone);
      }
      expect(KV_BASE + place + layout.nbytes).toBe(WEIGHT_BASE + image.nbytes);
    }
  });
});
