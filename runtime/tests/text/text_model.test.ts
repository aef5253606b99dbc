/** The text model without Python: chat and control tokens, stop ids, defaults, hostile files. Needs Node. */
import { describe, expect, test } from "vitest";
import { LlmError } from "../../src/internal/errors";
import "../../src/text/rare_models";
import { createTextModel, type TextFiles } from "../../src/text/index";
import "../../src/text/jinja/rare";
import { strftime } from "../../src/text/jinja/strftime";
import { ChatTemplate } from "../../src/text/template";

/** One character a token; "ab" merges; "</s>" can be merged together, "<|x|>" only be added. */
const LETTERS = [..."abcdefghijklmnopqrstuvwxyz <>|/:\n", "</", "s>", "</s>", "ab", "<|x|>", "[A]"];
const VOCAB = Object.fromEntries(LETTERS.map((token, id) => [token, id]));
const id = (token: string): number => VOCAB[token]!;

function tokenizerJson(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    added_tokens: [
      { id: id("</s>"), content: "</s>", special: true, normalized: false },
      { id: id("<|x|>"), content: "<|x|>", special: false, normalized: false },
      { id: id("[A]"), content: "[A]", special: true, normalized: true },
    ],
    normalizer: { type: "NFC" },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] },
    model: { type: "BPE", vocab: VOCAB, merges: ["a b", "< /", "s >", "</ s>"], unk_token: null },
    ...changes,
  });
}

function files(changes: Partial<TextFiles> = {}): TextFiles {
  return {
    tokenizer: tokenizerJson(),
    tokenizerConfig: '{"eos_token": "</s>"}',
    chatTemplate: null,
    generationConfig: null,
    ...changes,
  };
}

function thrown(work: () => unknown): LlmError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(LlmError);
    return error as LlmError;
  }
  throw new Error("nothing was thrown");
}

const count = (ids: readonly number[], token: string): number => ids.filter((each) => each === id(token)).length;

describe("control tokens", () => {
  test("text never becomes a special token, not even by merges", () => {
    const model = createTextModel(files());
    expect(model.encode("a</s>", { allowSpecial: true })).toEqual([id("a"), id("</s>")]);
    expect(model.encode("a</s>", { allowSpecial: false })).toEqual([id("a"), id("</"), id("s>")]);
    expect(count(model.encode("[A]", { allowSpecial: true }), "[A]")).toBe(1);
    expect(count(model.encode("[A]", { allowSpecial: false }), "[A]")).toBe(0);
  });

  test.each([
    ["plain", "{% for m in messages %}{{ m.content }}</s>{% endfor %}"],
    ["trimmed", "{% for m in messages %}{{ m.content | trim }}</s>{% endfor %}"],
    ["split", "{% for m in messages %}{{ m.content.split('cut')[0] }}</s>{% endfor %}"],
    ["quoted", "{% for m in messages %}{{ m.content | tojson }}</s>{% endfor %}"],
    ["twice", "{% for m in messages %}{{ m.content }}{{ m.content }}</s>{% endfor %}"],
    [
      "conditional",
      "{% for m in messages %}{% if m.content.startswith('a') %}x{% endif %}{{ m.content }}</s>{% endfor %}",
    ],
  ])("a %s template writes its own and no others", (_, chatTemplate) => {
    const model = createTextModel(files({ chatTemplate }));
    for (const content of ["a</s>", "</s>", " </s> ", "<</s>/s>", "[A]", "a[A]cut</s>"]) {
      const { tokenIds } = model.encodeChat([{ role: "user", content }]);
      expect(count(tokenIds, "</s>"), content).toBe(1);
      expect(count(tokenIds, "[A]"), content).toBe(0);
    }
  });

  test("content and template cannot make a control token together", () => {
    const model = createTextModel(
      files({ chatTemplate: "{{ messages[0].content }}/s>{{ '<' }}{{ messages[0].content }}" }),
    );
    for (const content of ["<", "/s>"])
      expect(count(model.encodeChat([{ role: "user", content }]).tokenIds, "</s>")).toBe(0);
  });

  test("a token that is not marked special counts where the template writes it", () => {
    const plain = createTextModel(files({ chatTemplate: "{{ messages[0].content }}" }));
    const own = createTextModel(files({ chatTemplate: "<|x|>{{ messages[0].content }}" }));
    expect(count(plain.encodeChat([{ role: "user", content: "<|x|>" }]).tokenIds, "<|x|>")).toBe(1);
    expect(count(own.encodeChat([{ role: "user", content: "<|x|>" }]).tokenIds, "<|x|>")).toBe(1);
  });

  test("a template whose changes cannot be followed takes no control tokens", () => {
    const model = createTextModel(files({ chatTemplate: "{{ messages[0].content | upper | lower }}" }));
    expect(model.encodeChat([{ role: "user", content: "ab" }]).tokenIds).toEqual([id("ab")]);
    const shouted = createTextModel(files({ chatTemplate: "{{ messages[0].content | replace('<', '') | lower }}" }));
    expect(thrown(() => shouted.encodeChat([{ role: "user", content: "a</s>" }])).code).toBe("invalid_request");
  });
});

describe("templates", () => {
  test("without one, messages are an invalid_request", () => {
    expect(thrown(() => createTextModel(files()).encodeChat([{ role: "user", content: "a" }])).code).toBe(
      "invalid_request",
    );
  });

  test("tokenizer_config.json may hold it, also under the name default", () => {
    const chat_template = [
      { name: "tool_use", template: "no" },
      { name: "default", template: "{{ messages[0].content }}" },
    ];
    const model = createTextModel(files({ tokenizerConfig: JSON.stringify({ chat_template }) }));
    expect(model.encodeChat([{ role: "user", content: "ab" }]).tokenIds).toEqual([id("ab")]);
  });

  test("what a template refuses is invalid_request, what it cannot do is invalid_package", () => {
    const refusing = createTextModel(files({ chatTemplate: "{{ raise_exception('no ' + messages[0].role) }}" }));
    const error = thrown(() => refusing.encodeChat([{ role: "system", content: "a" }]));
    expect(error.code).toBe("invalid_request");
    expect(error.message).toContain("no system");
    for (const chatTemplate of [
      "{% for x in %}",
      "{{ a",
      "{% if %}{% endfor %}",
      "{{ 1 | nosuchfilter }}",
      "{{ range(10 ** 9) }}",
      "{{ (".repeat(20_000),
    ]) {
      expect(
        thrown(() => createTextModel(files({ chatTemplate })).encodeChat([{ role: "user", content: "a" }])).code,
        chatTemplate.slice(0, 30),
      ).toBe("invalid_package");
    }
  });

  test("strftime_now is Python's", () => {
    const date = new Date(2024, 6, 4, 15, 5, 9);
    expect(strftime(date, "%d %b %Y|%B %A %a|%H:%M:%S|%I %p|%j|%y|%e|100%%|%Q")).toBe(
      "04 Jul 2024|July Thursday Thu|15:05:09|03 PM|186|24| 4|100%|%Q",
    );
    expect(new ChatTemplate("{{ strftime_now('%Y') }}", {}).render([])).toBe(String(new Date().getFullYear()));
  });
});

describe("stopping and sampling", () => {
  test("stop ids are those of generation_config.json and the eos token", () => {
    const stops = (generationConfig: string | null): number[] => [
      ...createTextModel(files({ generationConfig })).stopTokenIds,
    ];
    expect(stops(null)).toEqual([id("</s>")]);
    expect(stops('{"eos_token_id": 3}')).toEqual([3, id("</s>")]);
    expect(stops('{"eos_token_id": [3, 4]}')).toEqual([3, 4, id("</s>")]);
  });

  test("defaults follow the documented rule", () => {
    const defaults = (config: object) => createTextModel(files({ generationConfig: JSON.stringify(config) })).defaults;
    expect(defaults({})).toEqual({});
    expect(defaults({ temperature: 0.6, top_p: 0.9, top_k: 40, repetition_penalty: 1.1, do_sample: true })).toEqual({
      temperature: 0.6,
      topP: 0.9,
      topK: 40,
      repetitionPenalty: 1.1,
    });
    expect(defaults({ do_sample: false, temperature: 0.6 })).toEqual({ temperature: 0 });
    expect(defaults({ temperature: null, top_p: 0 })).toEqual({ topP: 1 });
    expect(defaults({ top_k: -1 })).toEqual({ topK: 0 });
  });
});

describe("decoding", () => {
  test("special tokens and unknown ids give no text", () => {
    expect(createTextModel(files()).decodeAll([id("a"), id("</s>"), 9999, -1, id("b"), id("<|x|>")])).toBe("ab<|x|>");
  });
});

const bpe = (changes: object): string =>
  tokenizerJson({ model: { type: "BPE", vocab: { a: 0, b: 1 }, merges: [], ...changes }, added_tokens: [] });

test.each<[string, Partial<TextFiles>]>([
  ["no JSON", { tokenizer: "{" }],
  ["null", { tokenizer: "null" }],
  ["no model", { tokenizer: "{}" }],
  ["another model", { tokenizer: bpe({ type: "Unigram" }) }],
  ["a vocabulary that is a list", { tokenizer: bpe({ vocab: ["a"] }) }],
  ["a huge id", { tokenizer: bpe({ vocab: { a: 1e12 } }) }],
  ["a negative id", { tokenizer: bpe({ vocab: { a: -1 } }) }],
  ["a fraction as id", { tokenizer: bpe({ vocab: { a: 0.5 } }) }],
  ["a merge of three", { tokenizer: bpe({ merges: ["a b c"] }) }],
  ["a merge of unknown tokens", { tokenizer: bpe({ merges: ["a b"] }) }],
  ["merges that are no list", { tokenizer: bpe({ merges: { a: 1 } }) }],
  ["an unknown token that is not there", { tokenizer: bpe({ unk_token: "<unk>" }) }],
  ["dropout", { tokenizer: bpe({ dropout: 0.1 }) }],
  ["an added token without content", { tokenizer: tokenizerJson({ added_tokens: [{ id: 1, content: "" }] }) }],
  ["an added token with a huge id", { tokenizer: tokenizerJson({ added_tokens: [{ id: 2 ** 40, content: "x" }] }) }],
  ["an unknown normalizer", { tokenizer: tokenizerJson({ normalizer: { type: "Precompiled" } }) }],
  ["an unknown pre-tokenizer", { tokenizer: tokenizerJson({ pre_tokenizer: { type: "UnicodeScripts" } }) }],
  ["an unknown decoder", { tokenizer: tokenizerJson({ decoder: { type: "CTC" } }) }],
  ["an unknown post-processor", { tokenizer: tokenizerJson({ post_processor: { type: "Other" } }) }],
  [
    "a pattern that is no regular expression",
    { tokenizer: tokenizerJson({ pre_tokenizer: { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated" } }) },
  ],
  [
    "a post-processor naming a missing token",
    {
      tokenizer: tokenizerJson({
        post_processor: {
          type: "TemplateProcessing",
          single: [{ SpecialToken: { id: "toString" } }, { Sequence: { id: "A" } }],
          special_tokens: {},
        },
      }),
    },
  ],
  [
    "normalizers nested without end",
    {
      tokenizer: tokenizerJson({ normalizer: null }).replace(
        '"normalizer":null',
        `"normalizer":${'{"type":"Sequence","normalizers":['.repeat(100_000)}${"]}".repeat(100_000)}`,
      ),
    },
  ],
  ["a configuration that is a list", { tokenizerConfig: "[]" }],
  ["an eos token that is a number", { tokenizerConfig: '{"eos_token": 3}' }],
  ["a generation config that is no JSON", { generationConfig: "x" }],
  ["a stop id that is text", { generationConfig: '{"eos_token_id": "2"}' }],
  ["a stop string that is a number", { generationConfig: '{"stop_strings": [7]}' }],
  ["a hundred and one stop strings", { generationConfig: JSON.stringify({ stop_strings: Array(101).fill("a") }) }],
  ["a temperature that is text", { generationConfig: '{"temperature": "hot"}' }],
  ["a negative temperature", { generationConfig: '{"temperature": -1}' }],
])("%s is invalid_package", (_, changes) => {
  expect(thrown(() => createTextModel(files(changes))).code).toBe("invalid_package");
});

test("named templates without a default one are named where messages need it", () => {
  const named = [
    { name: "tool_use", template: "T" },
    { name: "rag", template: "R" },
  ];
  const model = createTextModel(files({ tokenizerConfig: JSON.stringify({ chat_template: named }) }));
  expect(thrown(() => model.encodeChat([{ role: "user", content: "a" }])).message).toContain("only tool_use, rag");
});
