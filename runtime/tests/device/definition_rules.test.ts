// Proves that the runtime takes a step of every operator whose arrays just suffice, and refuses it where any of them is
// less than its definition needs: every argument, by its role. Needs nothing.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ArgumentDeclaration } from "../../src/device/operator_declaration";
import { INTEGER_KINDS, NUMBER_KINDS, OPERATORS } from "../../src/device/operators.gen";
import { parseProgram } from "../../src/device/program_reader";
import {
  argumentsOf,
  type Case,
  CHUNK,
  CONTEXT,
  cases,
  isSampler,
  type Json,
  operatorProgram,
  PAGE,
  VOCAB,
} from "../fixtures/operator_program";

const CASES = cases();
const stepOf = (json: Json): Json =>
  [...json.plan.functions.prefill, ...json.plan.functions.decode].find(({ op }: Json) => op !== "opaque");
const targetOf = (json: Json, name: string): Json =>
  [...json.plan.buffers, ...json.plan.tensors, ...json.plan.constants].find(
    (item: Json) => item.name === stepOf(json).arguments[name],
  );

function refuse(given: Case, change: (json: Json) => void, why: string): void {
  const json = operatorProgram(given);
  change(json);
  let code = "accepted";
  try {
    parseProgram(json);
  } catch (thrown) {
    ({ code } = thrown as { code: string });
  }
  expect([why, code]).toEqual([why, "invalid_package"]);
}

/** What may be wrong with an array of each role. Each change makes an array that suffices one that does not. */
function damages({ name, role, written }: ArgumentDeclaration, prefill: boolean): [string, (json: Json) => void][] {
  const bind = (target: string) => (json: Json) => {
    stepOf(json).arguments[name] = target;
  };
  const set = (changes: Json) => (json: Json) => void Object.assign(targetOf(json, name), changes);
  const less =
    (index: number, by = 1) =>
    (json: Json) => {
      const { shape, sources } = targetOf(json, name);
      shape[index] -= by;
      if (sources && index === 0) sources[0].rows -= by;
    };
  // All of the logits may be written, and by one token only.
  const bindToPart = (json: Json) =>
    bind(prefill || targetOf(json, name).shape[0] !== VOCAB ? "logits" : "tokens")(json);
  const always: [string, (json: Json) => void][] = [
    ["is not given", (json) => void delete stepOf(json).arguments[name]],
    ["does not exist", bind("nowhere")],
    ["is named like a property of Object", bind("constructor")],
  ];
  switch (role) {
    case "activations":
      return [
        ...always,
        [
          "is a value short",
          (json) => {
            const { shape } = targetOf(json, name);
            targetOf(json, name).shape = [["-", shape.reduce((a: Json, b: Json) => ["*", a, b]), 1]];
          },
        ],
        [
          "shrinks with n",
          (json) => {
            const { shape } = targetOf(json, name);
            targetOf(json, name).shape = [shape.at(-1) * (prefill ? CHUNK : 1) - 1, ["-", CHUNK + 1, "n"]];
          },
        ],
        ["has integers", set({ dtype: "int32" })],
        ["has 16 bits", set({ dtype: "float16", shape: [2 ** 20] })],
        ["is the cache", bind("spare")],
        ["is a weight", bind("tensor.w.weight")],
        ["is a fixed buffer of integers", bind("token_counts")],
        ...(written ? [["is a part of the logits", bindToPart] as [string, (json: Json) => void]] : []),
        ["is an input", bind("sampling")],
      ];
    case "vector":
      return [
        ...always,
        ["is a value short", less(0)],
        ["has two dimensions", (json) => targetOf(json, name).shape.push(1)],
        ["is a buffer", bind("logits")],
      ];
    case "matrix":
      return [
        ...always,
        ["is a row short", less(0)],
        ["is four columns short", less(1, 4)],
        ["is a group of columns longer", less(1, -32)],
        ["is a buffer", bind("logits")],
        [
          "is a vector",
          (json) => {
            targetOf(json, name).shape.pop();
          },
        ],
      ];
    case "frequencies":
      return [
        ...always,
        ["has integers", set({ dtype: "int32" })],
        ["is a buffer", bind("sampling")],
        [
          "is a value short",
          (json) => {
            const { shape } = targetOf(json, name);
            shape[0] -= 1;
            json.constants[0].data = Buffer.alloc(4 * shape[0]).toString("base64");
          },
        ],
      ];
    case "cache":
      return [
        ...always,
        ["has fewer heads", less(1)],
        ["has smaller pages", less(2)],
        ["has shorter heads", less(3)],
        ["has another rank", (json) => targetOf(json, name).shape.splice(2, 2, PAGE * 16)],
        ["has integers", set({ dtype: "int32" })],
        ["is scratch", (json) => Object.assign(targetOf(json, name), { kind: "scratch", shape: [1, 4, PAGE, 16] })],
        ["is another cache", bind("spare")],
      ];
    case "recurrent":
      return [
        ...always,
        ["is a value short", less(1)],
        ["has integers", set({ dtype: "int32" })],
        ["has another rank", (json) => targetOf(json, name).shape.push(1)],
        ["is scratch", (json) => Object.assign(targetOf(json, name), { kind: "scratch", shape: [1, 32] })],
        ["is a cache", bind("spare")],
      ];
    case "embedding":
      return [
        ...always,
        ["is a value short", less(0)],
        ["is a value longer", less(0, -1)],
        ["has integers", set({ dtype: "int32" })],
        ["is scratch", set({ kind: "scratch" })],
        ["is a cache", bind("spare")],
        ["is an input", bind("sampling")],
      ];
    case "token_ids":
      return [
        ...always,
        ["are sampled ones", bind("tokens")],
        [
          "are those of the other phase",
          (json) => bind(stepOf(json).arguments[name] === "state" ? "prompt_ids" : "state")(json),
        ],
      ];
    case "fixed":
      return [...always, ["is another buffer", bind(name === "token_counts" ? "tokens" : "token_counts")]];
  }
}

describe.each(CASES.map((given) => [given.why, given] as const))("%s", (_, given) => {
  const all = argumentsOf(given);

  it("is taken where its arrays just suffice", () => {
    expect(() => parseProgram(operatorProgram(given))).not.toThrow();
  });

  it("is refused where an array is less, or none of its own", () => {
    for (const argument of all) {
      for (const [why, change] of damages(argument, given.prefill)) refuse(given, change, `${argument.name} ${why}`);
      for (const other of all) {
        if (!argument.written || other === argument) continue;
        const alias = (json: Json) => {
          stepOf(json).arguments[other.name] = stepOf(json).arguments[argument.name];
        };
        refuse(given, alias, `${other.name} is ${argument.name}, which is written`);
      }
    }
    refuse(given, (json) => Object.assign(stepOf(json).arguments, { more: "state" }), "an unknown argument");
  });

  it("is refused where a field is none", () => {
    for (const { name, kind, nullable } of OPERATORS[given.op].fields) {
      if (kind === "scheme") {
        refuse(given, (json) => Object.assign(stepOf(json).fields, { scheme: given.definition.scheme }), "a scheme");
        continue;
      }
      const set = (value: unknown) => (json: Json) => {
        stepOf(json).fields[name] = value;
      };
      refuse(given, (json) => void delete stepOf(json).fields[name], `no ${name}`);
      const [least, most, multiple] = INTEGER_KINDS[kind] ?? [0, NUMBER_KINDS[kind] ?? 1, 1];
      const wrong: unknown[] = ["nowhere", {}, [], ["+", 1], ["//", 1, 0], Number.NaN, "architecture"];
      if (!nullable) wrong.push(null);
      wrong.push(kind in NUMBER_KINDS ? 0 : least - 1, most * 1.5 + 1, multiple > 1 ? least + 1 : -1);
      if (kind !== "boolean") wrong.push(true, false);
      for (const value of wrong) refuse(given, set(value), `${name} ${JSON.stringify(value)}`);
    }
    refuse(given, (json) => Object.assign(stepOf(json).fields, { more: 1 }), "an unknown field");
  });

  it("is refused where it and the program have different numbers", () => {
    const shared = { page_size: PAGE, vocab_size: VOCAB, context_length: CONTEXT, prefill_chunk: CHUNK };
    for (const [name, value] of Object.entries(shared)) {
      if (!(name in given.definition)) continue;
      refuse(given, (json) => Object.assign(stepOf(json).fields, { [name]: value / 2 }), `another ${name}`);
    }
    if (all.some(({ role }) => role === "token_ids")) {
      const change = (json: Json) => {
        json.model.vocab_size = VOCAB + 1;
      };
      refuse(given, change, "a table of fewer rows than the vocabulary");
    }
  });
});

describe("checkDefinitions", () => {
  const read = (): Json => {
    const file = new URL("../../../tests/fixtures/program_v3/tiny_llama.program.json", import.meta.url);
    return JSON.parse(readFileSync(file, "utf8"));
  };
  const linear = (json: Json): Json =>
    json.plan.functions.decode.flatMap((entry: Json) => entry.items ?? [entry]).find(({ op }: Json) => op === "linear");
  const refused: [string, (json: Json) => void, RegExp][] = [
    [
      "a sampler as a step",
      (json) => {
        const op = Object.keys(OPERATORS).find((name) => isSampler(name as keyof typeof OPERATORS))!;
        json.plan.functions.decode.push({ op, fields: { vocab_size: "vocab_size" }, arguments: {} });
      },
      /function of its own/,
    ],
    [
      "a sampler as a function",
      (json) => {
        json.plan.functions.sample = json.plan.functions.decode;
      },
      /plan.functions.sample must be absent/,
    ],
    [
      "a rule that is broken in prefill only",
      (json) => {
        json.plan.functions.prefill = json.plan.functions.decode;
      },
      /for one token only|must be prompt_ids/,
    ],
    [
      "a lie in a function that the program adds",
      (json) => {
        const step = structuredClone(linear(json));
        step.arguments.x = "sampling";
        json.plan.functions.extra = [{ repeat: "layer", from: 0, to: 1, items: [step] }];
      },
      /functions.extra\[0\]/,
    ],
  ];
  it.each(refused)("refuses %s", (_, change, message) => {
    const json = read();
    expect(() => parseProgram(json)).not.toThrow();
    change(json);
    expect(() => parseProgram(json)).toThrow(
      expect.objectContaining({ code: "invalid_package", message: expect.stringMatching(message) }),
    );
  });
});
