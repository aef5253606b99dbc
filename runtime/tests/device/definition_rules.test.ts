// Proves that the runtime takes what the compiler writes, and refuses a program whose steps do not give what their
// definitions demand. Needs nothing.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseProgram } from "../../src/device/program_reader";

// biome-ignore lint/suspicious/noExplicitAny: the changes below reach into plain JSON.
type Json = any;
const REPOSITORY = new URL("../../../", import.meta.url);
const readJson = (path: string): Json => JSON.parse(readFileSync(new URL(path, REPOSITORY), "utf8"));

/** A small Llama as the compiler writes it, with q4 and q8 matrices. */
const GOLDEN = readJson("tests/golden/two-layers-q4/program.json");
const QKV = "linear_decode_q4m_g32_float16_160x96_norm_float32";
const O = "linear_decode_q4m_g32_float16_96x96_residual";
const GATE_UP = "linear_decode_q4m_g32_float16_384x96_norm_float32_swiglu";
const HEAD = "linear_decode_q8s128_g32_float16_512x96_norm_float32";
const EMBED = "embed_decode_q8s128_g32_float16_512x96";

const bufferOf = (json: Json, name: string) => json.buffers.find((buffer: Json) => buffer.name === name);
const parameterOf = (json: Json, name: string) => json.parameters.find((parameter: Json) => parameter.name === name);
const definitionOf = (json: Json, operator: string) => json.operators[operator].definition;
/** The arguments of the first step of a function that calls the operator. */
const argumentsOf = (json: Json, operator: string, name = "decode") =>
  json.functions[name].find((step: Json) => step.operator === operator).arguments;
const eachStep = (json: Json, operator: string, change: (given: Json) => void) => {
  for (const steps of Object.values<Json>(json.functions))
    for (const step of steps) if (step.operator === operator) change(step.arguments);
};
/** Gives the operator a further argument before its last, in every step. */
const addArgument = (json: Json, operator: string, argument: string, target: string) => {
  json.operators[operator].arguments.splice(-1, 0, argument);
  eachStep(json, operator, (given) => {
    given[argument] = target;
  });
};
const addParameter = (json: Json, name: string, shape: number[], dtype: string) => {
  const bytes = dtype === "float32" || dtype === "uint32" ? 4 : 2;
  json.parameters.push({ name, shape, dtype, nbytes: shape.reduce((product, size) => product * size, bytes) });
};
/** No kernel of the operator binds the argument any more. */
const unbind = (json: Json, operator: string, argument: string) => {
  for (const { kernel } of json.operators[operator].variants)
    json.kernels[kernel].bindings = json.kernels[kernel].bindings.filter((b: Json) => b.argument !== argument);
};
/** The projection gets a bias of `length` values. */
const addBias = (json: Json, length: number, dtype: string) => {
  definitionOf(json, O).bias = true;
  json.operators[O].arguments.splice(3, 0, "bias");
  addParameter(json, "bias", [length], dtype);
  eachStep(json, O, (given) => {
    given.bias = "bias";
  });
};
/** The embedding becomes a plain matrix of bfloat16, by its definition one of `dtype`. */
const makeTablePlain = (json: Json, dtype: string) => {
  definitionOf(json, EMBED).scheme = { bits: 16, dtype };
  json.operators[EMBED].arguments = ["token_ids", "w", "out"];
  addParameter(json, "table", [512, 96], "bfloat16");
  eachStep(json, EMBED, (given) => {
    given.w = "table";
    delete given.w_scale;
  });
  unbind(json, EMBED, "w_scale");
};

describe("checkDefinitions", () => {
  const accepted: [string, (json: Json) => void][] = [
    ["what the compiler writes", () => {}],
    ["a bias in any float dtype", (json) => addBias(json, 96, "bfloat16")],
    ["a plain matrix", (json) => makeTablePlain(json, "bfloat16")],
    [
      "an opaque operator anywhere",
      (json) => {
        for (const operator of Object.values<Json>(json.operators)) operator.definition = { op: "opaque" };
      },
    ],
    [
      "a longer buffer than needed",
      (json) => {
        bufferOf(json, "scratch.0").shape = [["*", 24576, 2]];
      },
    ],
  ];
  it.each(accepted)("takes %s", (_, change) => {
    const json = structuredClone(GOLDEN);
    change(json);
    expect(() => parseProgram(json)).not.toThrow();
  });

  const refused: [string, (json: Json) => void, RegExp][] = [
    // The operator.
    [
      "an operator without a definition",
      (json) => {
        delete json.operators[O].definition;
      },
      /the key definition/,
    ],
    [
      "a definition of another operation",
      (json) => {
        definitionOf(json, "attention_decode").op = "sampling";
      },
      /unknown keys/,
    ],
    [
      "a norm without its gain",
      (json) => {
        definitionOf(json, O).norm_eps = 1e-5;
      },
      /must be x, gain, w, w_scale, residual, out/,
    ],
    [
      "a gain without its norm",
      (json) => {
        definitionOf(json, QKV).norm_eps = null;
      },
      /must be x, w, w_scale, out/,
    ],
    [
      "a bias that is not there",
      (json) => {
        definitionOf(json, O).bias = true;
      },
      /must be x, w, w_scale, bias, residual, out/,
    ],
    [
      "a residual that is not there",
      (json) => {
        definitionOf(json, QKV).residual = true;
      },
      /residual, out/,
    ],
    [
      "a residual that is not defined",
      (json) => {
        definitionOf(json, O).residual = false;
      },
      /must be x, w, w_scale, out/,
    ],
    [
      "scales of a plain matrix",
      (json) => {
        definitionOf(json, O).scheme = { bits: 32, dtype: "float32" };
      },
      /must be x, w, residual, out/,
    ],
    [
      "arguments in another order",
      (json) => {
        json.operators[O].arguments.reverse();
      },
      /must be x, w/,
    ],
    [
      "one argument with the name of two",
      (json) => {
        addArgument(json, "attention_decode", "more", "scratch.1");
      },
      /must be q, state, block_table, k_pages, v_pages, out/,
    ],
    [
      "a kernel that writes to what the operation reads",
      (json) => {
        const { kernel } = json.operators[O].variants[0];
        json.kernels[kernel].bindings.find((b: Json) => b.argument === "residual").access = "read_write";
      },
      /writes to residual/,
    ],
    // What it shares with the model.
    [
      "an embedding of more rows than the vocabulary",
      (json) => {
        definitionOf(json, EMBED).rows = 513;
      },
      /has rows 513, but the model has 512/,
    ],
    [
      "an embedding of other columns than hidden_size",
      (json) => {
        definitionOf(json, EMBED).columns = 92;
      },
      /has columns 92/,
    ],
    [
      "another number of heads",
      (json) => {
        definitionOf(json, "attention_decode").heads = 8;
      },
      /has heads 8/,
    ],
    [
      "another number of kv_heads",
      (json) => {
        definitionOf(json, "attention_prefill").kv_heads = 6;
      },
      /has kv_heads 6/,
    ],
    [
      "another head_dim",
      (json) => {
        definitionOf(json, "rope_append_decode").head_dim = 32;
      },
      /has head_dim 32/,
    ],
    [
      "another page_size",
      (json) => {
        definitionOf(json, "rope_append_prefill").page_size = 8;
      },
      /has page_size 8/,
    ],
    [
      "heads that do not share their keys evenly",
      (json) => {
        json.model.num_key_value_heads = 4;
        for (const { definition } of Object.values<Json>(json.operators)) if (definition.heads) definition.kv_heads = 4;
      },
      /no multiple/,
    ],
    [
      "swiglu of an odd number of rows",
      (json) => {
        definitionOf(json, GATE_UP).rows = 383;
      },
      /equally many/,
    ],
    // Matrices and vectors.
    [
      "more rows than the matrix has",
      (json) => {
        definitionOf(json, QKV).rows = 161;
      },
      /must have the shape \[161,12\]/,
    ],
    [
      "more columns than the matrix has",
      (json) => {
        definitionOf(json, O).columns = 128;
      },
      /must have the shape \[96,16\]/,
    ],
    [
      "other bits than the matrix has",
      (json) => {
        definitionOf(json, QKV).scheme.bits = 8;
      },
      /must have the shape \[160,24\]/,
    ],
    [
      "other groups than the scales have",
      (json) => {
        definitionOf(json, QKV).scheme.group_size = 96;
      },
      /w_scale .* must have the shape \[160,1,2\]/,
    ],
    [
      "a minimum that is not stored",
      (json) => {
        definitionOf(json, EMBED).scheme = { bits: 8, group_size: 32, minimum: true, scale_dtype: "float16" };
      },
      /must have the shape \[512,3,2\]/,
    ],
    [
      "scales of another dtype",
      (json) => {
        definitionOf(json, QKV).scheme.scale_dtype = "float32";
      },
      /w_scale .* must be of float32/,
    ],
    [
      "a matrix of another dtype",
      (json) => {
        const name = argumentsOf(json, QKV).w;
        parameterOf(json, name).dtype = "int32";
      },
      /must be of uint32/,
    ],
    ["a plain matrix of another dtype", (json) => makeTablePlain(json, "float16"), /must be of float16/],
    [
      "a matrix that is a buffer",
      (json) => {
        argumentsOf(json, QKV).w = "scratch.2";
      },
      /w of .* must be a parameter/,
    ],
    [
      "a short gain",
      (json) => {
        addParameter(json, "gain", [92], "float32");
        argumentsOf(json, QKV).gain = "gain";
      },
      /gain .* must have the shape \[96\]/,
    ],
    [
      "a gain of integers",
      (json) => {
        addParameter(json, "gain", [96], "uint32");
        argumentsOf(json, QKV).gain = "gain";
      },
      /must be of float32 or float16 or bfloat16/,
    ],
    [
      "a gain of rms_norm that is short",
      (json) => {
        addParameter(json, "gain", [92], "float32");
        argumentsOf(json, "rms_norm_96_float32", "prefill").gain = "gain";
      },
      /gain .* must have the shape \[96\]/,
    ],
    ["a short bias", (json) => addBias(json, 95, "float32"), /bias .* must have the shape \[96\]/],
    [
      "frequencies of another length",
      (json) => {
        Object.assign(json.constants[0], { shape: [7], data: Buffer.alloc(28).toString("base64") });
      },
      /inv_freq .* of shape \[8\]/,
    ],
    [
      "frequencies that are integers",
      (json) => {
        json.constants[0].dtype = "int32";
      },
      /inv_freq .* float32/,
    ],
    [
      "frequencies in a buffer",
      (json) => {
        argumentsOf(json, "rope_append_decode").inv_freq = "sampling";
      },
      /inv_freq .* constant or parameter/,
    ],
    // The cache.
    [
      "a cache of other heads",
      (json) => {
        bufferOf(json, "kv.k.0").shape[1] = 1;
      },
      /k_pages .* pages of \[2, 16, 16\]/,
    ],
    [
      "a cache of smaller pages",
      (json) => {
        bufferOf(json, "kv.v.1").shape[2] = 8;
      },
      /v_pages .* pages of \[2, 16, 16\]/,
    ],
    [
      "a cache of another rank",
      (json) => {
        bufferOf(json, "kv.v.1").shape = ["kv_pages", 512];
      },
      /v_pages .* pages of/,
    ],
    [
      "a cache of integers",
      (json) => {
        bufferOf(json, "kv.k.0").dtype = "int32";
      },
      /kv_cache buffer of float32/,
    ],
    [
      "a cache that is scratch",
      (json) => {
        argumentsOf(json, "attention_decode").k_pages = "scratch.1";
      },
      /k_pages .* must be a kv_cache buffer/,
    ],
    [
      "keys and values in one buffer",
      (json) => {
        eachStep(json, "rope_append_decode", (given) => {
          given.v_pages = given.k_pages;
        });
        // Nor does a kernel that leaves one of them out make it right.
        unbind(json, "rope_append_decode", "v_pages");
      },
      /gives kv.k.0 twice/,
    ],
    // Buffers with fixed names.
    [
      "token ids of decode from elsewhere",
      (json) => {
        argumentsOf(json, EMBED).token_ids = "tokens";
      },
      /token_ids .* must be state/,
    ],
    [
      "token ids of prefill from elsewhere",
      (json) => {
        argumentsOf(json, "embed_prefill_q8s128_g32_float16_512x96", "prefill").token_ids = "state";
      },
      /token_ids .* must be prompt_ids/,
    ],
    [
      "a position from elsewhere",
      (json) => {
        argumentsOf(json, "attention_decode").state = "token_counts";
      },
      /state .* must be state/,
    ],
    [
      "pages from elsewhere",
      (json) => {
        argumentsOf(json, "rope_append_decode").block_table = "token_counts";
      },
      /block_table .* must be block_table/,
    ],
    // Activations.
    [
      "a buffer too short for a full prefill",
      (json) => {
        bufferOf(json, "scratch.0").shape = [24575];
      },
      /needs 24576 values, and scratch.0 has 24575/,
    ],
    [
      "a buffer that shrinks with n",
      (json) => {
        bufferOf(json, "scratch.2").shape = [["*", 96, ["-", 129, "n"]]];
      },
      /needs 12288 values, and scratch.2 has 96/,
    ],
    [
      "x of integers",
      (json) => {
        argumentsOf(json, QKV).x = "token_counts";
      },
      /x .* must be a float32 buffer/,
    ],
    [
      "x too short",
      (json) => {
        argumentsOf(json, QKV).x = "sampling";
      },
      /x .* needs 96 values/,
    ],
    [
      "x that is a weight",
      (json) => {
        argumentsOf(json, QKV).x = "model.norm.weight";
      },
      /x .* must be a float32 buffer/,
    ],
    [
      "x that is the cache",
      (json) => {
        argumentsOf(json, QKV).x = "kv.k.0";
      },
      /no kv_cache/,
    ],
    [
      "a short residual",
      (json) => {
        argumentsOf(json, O).residual = "sampling";
      },
      /residual .* needs 96 values/,
    ],
    [
      "short queries",
      (json) => {
        argumentsOf(json, "attention_decode").q = "sampling";
      },
      /q .* needs 96 values/,
    ],
    [
      "a short output",
      (json) => {
        json.buffers.push({ name: "short", kind: "scratch", dtype: "float32", shape: [191] });
        argumentsOf(json, GATE_UP).out = "short";
      },
      /out .* needs 192 values/,
    ],
    [
      "an output of integers",
      (json) => {
        argumentsOf(json, QKV).out = "token_counts";
      },
      /out .* must be a float32 buffer/,
    ],
    [
      "an output that is the cache",
      (json) => {
        argumentsOf(json, O).out = "kv.v.0";
      },
      /no kv_cache/,
    ],
    [
      "logits of fewer tokens than the vocabulary",
      (json) => {
        argumentsOf(json, O).out = "logits";
      },
      /writes 96 logits/,
    ],
    [
      "an output that is also read",
      (json) => {
        unbind(json, O, "residual");
        eachStep(json, O, (given) => {
          given.residual = given.out;
        });
      },
      /twice, once for writing/,
    ],
    [
      "an output that no kernel binds and that is an input",
      (json) => {
        json.buffers.push({ name: "given", kind: "input", dtype: "float32", shape: [96] });
        unbind(json, O, "out");
        eachStep(json, O, (given) => {
          given.out = "given";
        });
      },
      /given is an input/,
    ],
    [
      "an argument that only the definition needs, not given",
      (json) => {
        unbind(json, HEAD, "gain");
        eachStep(json, HEAD, (given) => {
          delete given.gain;
        });
      },
      /does not give gain/,
    ],
    // Functions.
    [
      "sampling in decode",
      (json) => {
        json.functions.decode.push(json.functions.sample_greedy[0]);
      },
      /for samplers only/,
    ],
    [
      "a matmul in a sampler",
      (json) => {
        json.functions.sample.push(json.functions.decode.at(-1));
      },
      /linear, which no sampler does/,
    ],
    [
      "a lie in a function that the program adds",
      (json) => {
        const step = structuredClone(json.functions.decode.at(-1));
        step.arguments.x = "sampling";
        json.functions.extra = [step];
      },
      /functions.extra\[0\] needs 96 values/,
    ],
    // The table of tensors.
    [
      "a tensor with a scheme of no kind",
      (json) => {
        json.tensors[0].scheme = { bits: 8, dtype: "float16" };
      },
      /tensors\[0\].scheme/,
    ],
  ];
  it.each(refused)("refuses %s", (_, change, message) => {
    const json = structuredClone(GOLDEN);
    change(json);
    expect(() => parseProgram(json)).toThrow(
      expect.objectContaining({ code: "invalid_package", message: expect.stringMatching(message) }),
    );
  });
});
