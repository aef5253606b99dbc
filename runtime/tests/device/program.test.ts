// Proves that parseProgram accepts a right program and refuses each kind of broken or hostile one with
// invalid_package before anything is allocated. Needs nothing.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseProgram } from "../../src/device/program_reader";
import { LlmError } from "../../src/internal/errors";
import { hashOf, kernelTexts, toyProgram } from "../fixtures/toy_model";

// biome-ignore lint/suspicious/noExplicitAny: the changes below reach into plain JSON.
type Json = any;
const ownOf = (json: Json, name: string) => json.own_operators.find((own: Json) => own.definition.name === name);
const variantOf = (json: Json, name: string) => ownOf(json, name).stages[0].variants[0];
const kernelOf = (json: Json, name: string) => json.kernels[variantOf(json, name).kernel];
const tensorOf = (json: Json, name: string) => json.plan.tensors.find((tensor: Json) => tensor.name === name);
const hidden = (json: Json) => json.plan.buffers[0];
const caches = (json: Json) => json.plan.buffers[1].items;
/** The steps of the layers in decode. */
const layerSteps = (json: Json) => json.plan.functions.decode[0].items;
const repeat = (...items: Json[]) => ({ repeat: "layer", from: 0, to: "num_hidden_layers", items });
const deep = (levels: number): Json => (levels === 0 ? 1 : ["+", deep(levels - 1), 1]);
const wide = (values: number): Json => Array.from({ length: values }, () => 0);

const CHANGES: readonly [string, (json: Json) => unknown, RegExp][] = [
  ["null", () => null, /an object/],
  ["an array", () => [], /an object/],
  ["another format", (json) => ({ ...json, format: "x" }), /format/],
  ["an old version", (json) => ({ ...json, version: 2 }), /version must be 3 \(compile the model again/],
  ["a newer version with other fields", () => ({ format: "nomoat-program", version: 4, plans: [] }), /version/],
  ["an unknown key", (json) => ({ ...json, extra: 1 }), /unknown keys/],
  // The model.
  ["no architecture", (json) => void delete json.model.architecture, /architecture/],
  [
    "a fractional vocab_size",
    (json) => {
      json.model.vocab_size = 1.5;
    },
    /vocab_size/,
  ],
  [
    "no layers",
    (json) => {
      json.model.num_hidden_layers = 0;
    },
    /num_hidden_layers/,
  ],
  [
    "a million layers",
    (json) => {
      json.model.num_hidden_layers = 1e6;
    },
    /num_hidden_layers/,
  ],
  [
    "a large model",
    (json) => {
      json.model.more = "x".repeat(65536);
    },
    /65536 bytes/,
  ],
  [
    "NaN in the model",
    (json) => {
      json.model.rms_norm_eps = Number.NaN;
    },
    /rms_norm_eps/,
  ],
  [
    "a number beyond 2^53",
    (json) => {
      json.model.more = 2 ** 53;
    },
    /more/,
  ],
  [
    "a name of the runtime's",
    (json) => {
      json.model.n = 1;
    },
    /names as keys/,
  ],
  [
    "a name that is none",
    (json) => {
      json.model["a b"] = 1;
    },
    /names as keys/,
  ],
  [
    "a list for other layers",
    (json) => {
      json.layers.width = [1, 2];
    },
    /1 to 1 items/,
  ],
  [
    "words about layers",
    (json) => {
      json.layers.width = ["x"];
    },
    /layers.width/,
  ],
  [
    "a huge context",
    (json) => {
      json.context_length = 1e9;
    },
    /context_length/,
  ],
  [
    "a page of nothing",
    (json) => {
      json.page_size = 0;
    },
    /page_size/,
  ],
  // Size.
  [
    "a plan of many values",
    (json) => {
      json.plan.buffers = wide(20001);
    },
    /20000 JSON values/,
  ],
  [
    "a plan of deep arrays",
    (json) => {
      hidden(json).shape = [deep(1000)];
    },
    /24 levels/,
  ],
  [
    "a plan that unrolls without end",
    (json) => {
      json.model.num_hidden_layers = 1024;
      json.plan.functions.decode = [repeat(...Array(900).fill(layerSteps(json)[1]))];
    },
    /items, more than/,
  ],
  [
    "expressions over all layers without end",
    (json) => {
      json.model.num_hidden_layers = 1024;
      const shape = [["max_layers", deep(20)]];
      json.plan.buffers.push(repeat({ name: "b.{layer}", kind: "scratch", dtype: "int32", shape }));
    },
    /repeats of the plan/,
  ],
  [
    "a repeat beyond the layers",
    (json) => {
      json.plan.buffers[1].to = 2;
    },
    /there are 1 layers/,
  ],
  [
    "a repeat backwards",
    (json) => {
      json.plan.buffers[1].from = 2;
    },
    /repeats from 2/,
  ],
  [
    "a repeat of something else",
    (json) => {
      json.plan.buffers[1].repeat = "head";
    },
    /repeat must be/,
  ],
  ["a repeat in a repeat", (json) => void json.plan.buffers[1].items.push(repeat()), /the key name/],
  // Tensors.
  [
    "a tensor of nothing",
    (json) => {
      tensorOf(json, "head").shape[1] = 0;
    },
    /must be from 1/,
  ],
  [
    "a tensor beyond all memory",
    (json) => {
      tensorOf(json, "head").shape[1] = 2 ** 30;
    },
    /bytes/,
  ],
  ["a tensor given twice", (json) => void json.plan.tensors.push(tensorOf(json, "head")), /in the plan before/],
  ["two tensors with one name", (json) => two(json), /given twice/],
  ["a tensor of no scheme", (json) => void delete json.tensor_schemes.head, /tensor_schemes lacks head/],
  [
    "a scheme that is not there",
    (json) => {
      json.tensor_schemes.head = 1;
    },
    /from 0 to 0/,
  ],
  [
    "a scheme for no tensor",
    (json) => {
      json.tensor_schemes.tail = 0;
    },
    /names tail/,
  ],
  [
    "a list of schemes outside of a repeat",
    (json) => {
      json.tensor_schemes.head = [0];
    },
    /must have 1 indices/,
  ],
  [
    "a scheme of no kind",
    (json) => {
      json.schemes[0] = { bits: 8, dtype: "float16" };
    },
    /schemes\[0\]/,
  ],
  ["a vector in groups", (json) => groups(json), /is no matrix/],
  [
    "sources of fewer rows",
    (json) => {
      tensorOf(json, "head").sources[0].rows = 39;
    },
    /its sources have 39/,
  ],
  [
    "an unknown kind of tensor",
    (json) => {
      tensorOf(json, "head").kind = "table";
    },
    /kind/,
  ],
  // Names.
  [
    "a name with a slash",
    (json) => {
      tensorOf(json, "head").name = "../head";
    },
    /a string like/,
  ],
  [
    "a layer's name outside of a repeat",
    (json) => {
      hidden(json).name = "h.{layer}";
    },
    /no symbol layer/,
  ],
  [
    "a name of the model's numbers",
    (json) => {
      hidden(json).name = "h{vocab_size}";
    },
    /may only have/,
  ],
  [
    "a name of words",
    (json) => {
      caches(json)[0].name = "h{layer.width}";
    },
    /no symbol layer.width/,
  ],
  [
    "a name used for two things",
    (json) => {
      hidden(json).name = "state";
    },
    /given twice/,
  ],
  [
    "a buffer called like a weight",
    (json) => void json.plan.buffers.push({ ...hidden(json), name: "head.weight" }),
    /given twice/,
  ],
  [
    "a buffer called like a tensor",
    (json) => void json.plan.buffers.push({ ...hidden(json), name: "head" }),
    /given twice/,
  ],
  // Constants.
  [
    "a constant that is not base64",
    (json) => {
      json.constants[0].data = "%%%%";
    },
    /base64/,
  ],
  [
    "a constant of the wrong size",
    (json) => {
      json.constants[0].data = "AQAAAAEA";
    },
    /bytes/,
  ],
  [
    "a constant without data",
    (json) => {
      json.constants = [];
    },
    /lacks one/,
  ],
  ["data of no constant", (json) => void json.constants.push({ name: "two", data: "" }), /has two/],
  [
    "constants that are too large",
    (json) => {
      json.plan.constants[0].shape = [2 ** 23];
    },
    /constants have more/,
  ],
  // Buffers.
  [
    "a negative buffer",
    (json) => {
      hidden(json).shape = [["-", 0, 5]];
    },
    /dimension/,
  ],
  [
    "a buffer beyond all memory",
    (json) => {
      hidden(json).shape = [["*", 4294967295, 4096], 4096];
    },
    /2\^40/,
  ],
  [
    "a dimension that overflows",
    (json) => {
      hidden(json).shape = [["*", ["*", 4294967295, 4294967295], 4]];
    },
    /overflow/,
  ],
  [
    "a dimension by zero",
    (json) => {
      hidden(json).shape = [["//", 4, 0]];
    },
    /zero/,
  ],
  [
    "a dimension that is a fraction",
    (json) => {
      hidden(json).shape = ["rms_norm_eps"];
    },
    /overflow|dimension|integer/,
  ],
  [
    "kv_pages in a scratch buffer",
    (json) => {
      hidden(json).shape = ["kv_pages"];
    },
    /no symbol kv_pages/,
  ],
  [
    "n in a cache",
    (json) => {
      caches(json)[0].shape[1] = "n";
    },
    /no symbol n/,
  ],
  ["a cache whose pages are not outermost", (json) => void caches(json)[0].shape.reverse(), /kv_pages/],
  [
    "a cache that grows twice",
    (json) => {
      caches(json)[0].shape[1] = "kv_pages";
    },
    /kv_pages/,
  ],
  [
    "a recurrent state without slots",
    (json) => void Object.assign(hidden(json), { kind: "recurrent_state", shape: [8] }),
    /state_slots/,
  ],
  [
    "no memory of the sequence",
    (json) => {
      json.plan.buffers = [hidden(json)];
    },
    /no .*/,
  ],
  [
    "an input of its own",
    (json) => {
      hidden(json).kind = "input";
    },
    /kind/,
  ],
  // Steps.
  [
    "an unresolved argument",
    (json) => {
      layerSteps(json)[0].arguments.k = "nowhere";
    },
    /nowhere/,
  ],
  [
    "an argument named like a property of Object",
    (json) => {
      layerSteps(json)[0].arguments.k = "constructor";
    },
    /constructor/,
  ],
  [
    "an unknown argument",
    (json) => {
      layerSteps(json)[0].arguments.z = "state";
    },
    /must give/,
  ],
  ["a missing argument", (json) => void delete layerSteps(json)[0].arguments.k, /must give/],
  [
    "an unknown operator",
    (json) => {
      layerSteps(json)[0].op = "softmax";
    },
    /one of/,
  ],
  [
    "an operator named like a property of Object",
    (json) => {
      layerSteps(json)[0].op = "constructor";
    },
    /one of/,
  ],
  [
    "an opaque operator that is not there",
    (json) => {
      layerSteps(json)[0].name = "other";
    },
    /has no other/,
  ],
  [
    "an opaque operator of the other phase",
    (json) => {
      ownOf(json, "mix").prefill = 1;
    },
    /has no mix/,
  ],
  [
    "fields of an opaque operator",
    (json) => {
      layerSteps(json)[0].fields.rows = 1;
    },
    /no fields/,
  ],
  ["no decode", (json) => void delete json.plan.functions.decode, /decode/],
  [
    "an empty decode",
    (json) => {
      json.plan.functions.decode = [];
    },
    /decode/,
  ],
  [
    "a sampler of its own",
    (json) => {
      json.plan.functions.sample = json.plan.functions.decode;
    },
    /absent/,
  ],
  [
    "many functions",
    (json) =>
      void Object.assign(json.plan.functions, Object.fromEntries(wide(20).map((_: 0, i: number) => [`f${i}`, []]))),
    /keys/,
  ],
  // Kernels.
  [
    "an unknown kernel",
    (json) => {
      variantOf(json, "mix").kernel = "0".repeat(16);
    },
    /one of kernels/,
  ],
  [
    "a kernel key that is no hash",
    (json) => {
      json.kernels["../../etc"] = kernelOf(json, "mix");
    },
    /keys like/,
  ],
  [
    "a kernel that binds what the operator lacks",
    (json) => {
      kernelOf(json, "mix").bindings[0].argument = "other";
    },
    /no argument/,
  ],
  [
    "a kernel that binds an argument twice",
    (json) => {
      kernelOf(json, "mix").bindings[0].argument = "k";
    },
    /different names/,
  ],
  [
    "a kernel that writes what is read",
    (json) => {
      kernelOf(json, "mix").bindings[2].access = "read_write";
    },
    /only reads/,
  ],
  ["writing to a weight", (json) => writes(json, "project", "head"), /writes to head.weight/],
  ["writing to a constant", (json) => writes(json, "mix", "weight"), /writes to one/],
  ["writing to an input", (json) => writes(json, "mix", "block_table"), /writes to block_table/],
  [
    "one buffer read and written in a dispatch",
    (json) => {
      layerSteps(json)[0].arguments.v = "kv.k.{layer}";
    },
    /twice/,
  ],
  [
    "an access that does not exist",
    (json) => {
      kernelOf(json, "mix").bindings[0].access = "write";
    },
    /access/,
  ],
  [
    "an empty grid",
    (json) => {
      variantOf(json, "mix").grid = [0, 1, 1];
    },
    /grid/,
  ],
  [
    "a grid that is too large for some n",
    (json) => {
      variantOf(json, "append_prefill").grid[0] = ["*", "n", 4096];
    },
    /grid/,
  ],
  [
    "a grid that is 0 for some n",
    (json) => {
      variantOf(json, "append_prefill").grid[0] = ["//", "n", 4];
    },
    /grid/,
  ],
  [
    "a uniform out of its type",
    (json) => {
      kernelOf(json, "append_prefill").uniforms[1].value = ["-", 0, "n"];
    },
    /uniform/,
  ],
  [
    "a division by zero",
    (json) => {
      kernelOf(json, "append_prefill").uniforms[0].value = ["//", 1, ["-", "n", 1]];
    },
    /divide by zero/,
  ],
  [
    "a bad expression",
    (json) => {
      variantOf(json, "mix").grid[0] = ["**", 2, 2];
    },
    /one of/,
  ],
  [
    "a symbol of the plan in a grid",
    (json) => {
      variantOf(json, "mix").grid[0] = "vocab_size";
    },
    /one of n/,
  ],
  [
    "a last variant that needs a feature",
    (json) => {
      variantOf(json, "mix").requires = { features: ["subgroups"] };
    },
    /last variant/,
  ],
  [
    "an unknown feature",
    (json) => {
      variantOf(json, "mix").requires = { features: ["bgra8unorm-storage"] };
    },
    /one of/,
  ],
  [
    "a workgroup of 10000",
    (json) => {
      kernelOf(json, "mix").workgroup_size = [10000, 1, 1];
    },
    /workgroup_size/,
  ],
  [
    "an entry point with code in it",
    (json) => {
      kernelOf(json, "mix").entry_point = "main() {}";
    },
    /entry_point/,
  ],
  ["kernels for nothing twice", (json) => void json.own_operators.push(ownOf(json, "mix")), /the only one/],
  [
    "scratch of nothing",
    (json) => void ownOf(json, "mix").scratch.push({ name: "s", dtype: "float32", length: 0 }),
    /length of s/,
  ],
  [
    "scratch called like an argument",
    (json) => void ownOf(json, "mix").scratch.push({ name: "k", dtype: "float32", length: 1 }),
    /name twice/,
  ],
];

function two(json: Json): void {
  json.plan.tensors.push(repeat({ ...tensorOf(json, "head"), name: "h{layer}" }), {
    ...tensorOf(json, "head"),
    name: "h0",
  });
  Object.assign(json.tensor_schemes, { "h{layer}": 0, h0: 0 });
}
function groups(json: Json): void {
  json.schemes[0] = { bits: 8, group_size: 32, scale_dtype: "float16", zero: 0 };
  tensorOf(json, "head").shape = ["vocab_size"];
}
function writes(json: Json, name: string, argument: string): void {
  kernelOf(json, name).bindings.find((binding: Json) => binding.argument === argument).access = "read_write";
  ownOf(json, name).arguments.find((given: Json) => given.name === argument).access = "read_write";
}

describe("parseProgram", () => {
  it("reads the toy program", () => {
    const program = parseProgram(toyProgram());
    expect([...program.buffers.keys()].slice(-3)).toEqual(["hidden", "kv.k.0", "kv.v.0"]);
    expect([...program.functions.keys()]).toEqual(["prefill", "decode", "sample_greedy", "sample", "mask_logits"]);
    expect([...program.operators.keys()]).toContain("opaque_mix");
    const kernels = [...program.ownOperators.values()].flatMap(({ stages }) => stages[0]!.variants[0]!.kernel);
    expect(kernels.sort()).toEqual([...kernelTexts.keys()].sort());
  });

  it.each(CHANGES)("refuses %s", (_, change, message) => {
    const json = toyProgram();
    const changed = change(json);
    expect(() => parseProgram(changed === undefined ? json : changed)).toThrow(
      expect.objectContaining({ code: "invalid_package", message: expect.stringMatching(message) }),
    );
  });

  it("gives a tensor no scheme and no place where the model does not have it", () => {
    const json = toyProgram();
    json.plan.tensors.push({ ...tensorOf(json, "head"), name: "bias", when: ["==", "num_hidden_layers", 2] });
    expect(parseProgram(json).tensors.has("bias")).toBe(false);
    json.plan.functions.decode.unshift({ ...json.plan.functions.decode.at(-1), when: 0 });
    expect(parseProgram(json).functions.get("decode")).toHaveLength(3);
  });

  it("gives different texts different hashes", () => {
    expect(hashOf("a")).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf("a")).not.toBe(hashOf("b"));
  });
});

describe("random damage", () => {
  const file = new URL("../../../tests/fixtures/program_v3/tiny_llama.program.json", import.meta.url);
  const junk: readonly unknown[] = [
    ...[null, true, false, 0, 1, -1, 1.5, 2 ** 31, 2 ** 53, 1e300, Number.NaN, "", "n", "layer", "state", "{layer}"],
    ...[
      "constructor",
      "__proto__",
      [],
      {},
      [[]],
      ["+", 1, 2],
      ["//", "n", 0],
      ["max_layers", "layer"],
      "a".repeat(500),
    ],
  ];
  const random = (seed: number) => {
    let state = seed;
    return (below: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
  };
  /** Changes one value somewhere: to junk, to another value of the program, away, or twice. */
  function damage(json: Json, next: (below: number) => number): void {
    let parent = json;
    for (;;) {
      const keys = Object.keys(parent);
      const key = keys[next(keys.length)]!;
      const child = parent[key];
      if (typeof child === "object" && child !== null && Object.keys(child).length > 0 && next(5) > 0) {
        parent = child;
        continue;
      }
      const list = Array.isArray(parent);
      const way = next(5);
      if (way === 0) parent[key] = structuredClone(junk[next(junk.length)]);
      else if (way === 1) parent[key] = parent[keys[next(keys.length)]!];
      else if (way === 2 && list) parent.splice(Number(key), 1);
      else if (way === 2) delete parent[key];
      else if (way === 3 && list) parent.push(child);
      else if (way === 3) parent[`${key}0`] = child;
      else parent[key] = typeof child === "number" ? child * 2 + 1 : `${child}x`;
      return;
    }
  }

  it.each([
    ["the toy model", toyProgram, 2000],
    ["a compiled model", () => JSON.parse(readFileSync(file, "utf8")), 400],
  ] as const)("of %s never throws anything but invalid_package", (_, make, rounds) => {
    const counts = { taken: 0, refused: 0 };
    const text = JSON.stringify(make());
    for (let seed = 1; seed <= rounds; seed++) {
      const json = JSON.parse(text);
      const next = random(seed);
      for (let i = 0; i <= next(3); i++) damage(json, next);
      try {
        parseProgram(json);
        counts.taken += 1;
      } catch (thrown) {
        if (!(thrown instanceof LlmError) || thrown.code !== "invalid_package")
          throw new Error(`seed ${seed}: ${thrown instanceof Error ? thrown.stack : thrown}`);
        counts.refused += 1;
      }
    }
    expect(counts.refused).toBeGreaterThan(rounds / 3);
  });
});
