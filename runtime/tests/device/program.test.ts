// Proves that parseProgram accepts a right program and refuses each kind of broken or hostile one with
// invalid_package before anything is allocated. Needs nothing.
import { describe, expect, it } from "vitest";
import { parseProgram } from "../../src/device/program_reader";
import { hashOf, kernelTexts, toyProgram } from "../fixtures/toy_model";

// biome-ignore lint/suspicious/noExplicitAny: the changes below reach into plain JSON.
type Json = any;
const kernelOf = (json: Json, operator: string) => json.kernels[json.operators[operator].variants[0].kernel];
const bufferOf = (json: Json, name: string) => json.buffers.find((buffer: Json) => buffer.name === name);

describe("parseProgram", () => {
  it("reads the toy program", () => {
    const program = parseProgram(toyProgram());
    expect(program.buffers.size).toBe(10);
    expect([...program.functions.keys()]).toEqual(["prefill", "decode", "sample_greedy", "sample"]);
    expect([...program.kernels.keys()].sort()).toEqual([...kernelTexts.keys()].sort());
  });

  const changes: [string, (json: Json) => unknown, RegExp][] = [
    ["null", () => null, /an object/],
    ["an array", () => [], /an object/],
    ["another format", (json) => ({ ...json, format: "x" }), /format/],
    ["an old version", (json) => ({ ...json, version: 1 }), /version must be 2/],
    ["a newer version with other fields", () => ({ format: "nomoat-program", version: 3, plan: [] }), /version/],
    ["an unknown key", (json) => ({ ...json, extra: 1 }), /unknown keys/],
    [
      "an unknown architecture",
      (json) => {
        json.model.architecture = "GPT2";
      },
      /architecture/,
    ],
    [
      "a fractional vocab_size",
      (json) => {
        json.model.vocab_size = 1.5;
      },
      /vocab_size/,
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
    [
      "NaN",
      (json) => {
        json.model.rms_norm_eps = Number.NaN;
      },
      /rms_norm_eps/,
    ],
    [
      "negative sizes",
      (json) => {
        json.parameters[0].shape = [-1, 4];
      },
      /shape/,
    ],
    [
      "huge sizes",
      (json) => {
        json.parameters[0].shape = [2 ** 30, 2 ** 30, 2 ** 30];
      },
      /2\^53/,
    ],
    [
      "nbytes that lie",
      (json) => {
        json.parameters[0].nbytes = 4;
      },
      /nbytes/,
    ],
    [
      "a parameter given twice",
      (json) => {
        json.parameters.push(json.parameters[0]);
      },
      /unique/,
    ],
    [
      "a name used for two things",
      (json) => {
        json.constants[0].name = "state";
      },
      /given twice/,
    ],
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
      "a negative buffer",
      (json) => {
        bufferOf(json, "hidden").shape = [["-", 0, 5]];
      },
      /dimension/,
    ],
    [
      "a buffer beyond all memory",
      (json) => {
        bufferOf(json, "hidden").shape = [["*", 4294967295, 4096], 4096];
      },
      /2\^40/,
    ],
    [
      "a buffer dimension that overflows",
      (json) => {
        bufferOf(json, "hidden").shape = [["*", ["*", 4294967295, 4294967295], 4]];
      },
      /overflow/,
    ],
    [
      "kv_pages in a scratch buffer",
      (json) => {
        bufferOf(json, "hidden").shape = ["kv_pages"];
      },
      /kv_pages/,
    ],
    [
      "a cache whose pages are not outermost",
      (json) => {
        bufferOf(json, "kv.k.0").shape = [1, "kv_pages", 4, 4];
      },
      /kv_pages/,
    ],
    [
      "no cache",
      (json) => {
        for (const buffer of json.buffers)
          if (buffer.kind === "kv_cache") Object.assign(buffer, { kind: "scratch", shape: [64] });
      },
      /kv_cache/,
    ],
    [
      "no state buffer",
      (json) => {
        json.buffers.shift();
      },
      /state/,
    ],
    [
      "a short ring",
      (json) => {
        bufferOf(json, "tokens").shape = [32];
      },
      /tokens/,
    ],
    [
      "float token ids",
      (json) => {
        bufferOf(json, "prompt_ids").dtype = "float32";
      },
      /prompt_ids/,
    ],
    [
      "an unresolved argument",
      (json) => {
        json.functions.decode[0].arguments.k = "nowhere";
      },
      /nowhere/,
    ],
    [
      "an argument named like a property of Object",
      (json) => {
        json.functions.decode[0].arguments.k = "constructor";
      },
      /constructor/,
    ],
    [
      "an unknown argument",
      (json) => {
        json.functions.decode[0].arguments.z = "state";
      },
      /no argument/,
    ],
    [
      "a missing argument",
      (json) => {
        delete json.functions.decode[0].arguments.k;
      },
      /does not give/,
    ],
    [
      "an unknown operator",
      (json) => {
        json.functions.decode[0].operator = "attention";
      },
      /attention/,
    ],
    [
      "an unknown kernel",
      (json) => {
        json.operators.mix.variants[0].kernel = "0".repeat(16);
      },
      /not in kernels/,
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
      "writing to a weight",
      (json) => {
        kernelOf(json, "project").bindings[1].access = "read_write";
      },
      /writes to head/,
    ],
    [
      "writing to a constant",
      (json) => {
        kernelOf(json, "mix").bindings[5].access = "read_write";
      },
      /writes to one/,
    ],
    [
      "writing to an input",
      (json) => {
        kernelOf(json, "mix").bindings[1].access = "read_write";
      },
      /writes to block_table/,
    ],
    [
      "one buffer read and written in a dispatch",
      (json) => {
        json.functions.decode[0].arguments.v = "kv.k.0";
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
        json.operators.mix.variants[0].grid = [0, 1, 1];
      },
      /grid/,
    ],
    [
      "a grid that is too large for some n",
      (json) => {
        json.operators.append_prefill.variants[0].grid[0] = ["*", "n", 4096];
      },
      /grid/,
    ],
    [
      "a grid that is 0 for some n",
      (json) => {
        json.operators.append_prefill.variants[0].grid[0] = ["//", "n", 4];
      },
      /grid/,
    ],
    [
      "a uniform out of its type",
      (json) => {
        kernelOf(json, "append_prefill").uniforms[2].value = ["-", 0, "n"];
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
        json.operators.mix.variants[0].grid[0] = ["**", 2, 2];
      },
      /one of/,
    ],
    [
      "an unknown symbol",
      (json) => {
        json.operators.mix.variants[0].grid[0] = "m";
      },
      /integer/,
    ],
    [
      "a last variant that needs a feature",
      (json) => {
        json.operators.mix.variants[0].requires = { features: ["subgroups"] };
      },
      /last variant/,
    ],
    [
      "an unknown feature",
      (json) => {
        json.operators.mix.variants[0].requires = { features: ["bgra8unorm-storage"] };
      },
      /one of/,
    ],
    [
      "no decode",
      (json) => {
        delete json.functions.decode;
      },
      /decode/,
    ],
    [
      "an empty sampler",
      (json) => {
        json.functions.sample = [];
      },
      /sample/,
    ],
    [
      "a tensor without its parameter",
      (json) => {
        json.tensors[0].parameters.weight = "w";
      },
      /parameter/,
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
  ];
  it.each(changes)("refuses %s", (_, change, message) => {
    const json = toyProgram();
    const changed = change(json);
    expect(() => parseProgram(changed === undefined ? json : changed)).toThrow(
      expect.objectContaining({ code: "invalid_package", message: expect.stringMatching(message) }),
    );
  });

  it("gives different texts different hashes", () => {
    expect(hashOf("a")).toMatch(/^[0-9a-f]{16}$/);
    expect(hashOf("a")).not.toBe(hashOf("b"));
  });
});
