// Proves what formats other than schemas accept, what tokens their masks allow, what they force, and that forks and
// special tokens are kept apart. Needs nothing.
import { describe, expect, it } from "vitest";
import { type Constraint, Constraints, type Format, judge } from "../../src/constraint/index";
import { vocabularyOf } from "./vocabulary";

const words = ["the", "there", "<tool_call>", "<tool", '{"', '": ', "ab", "yes", " yes", "  ", " "];
const { source, end, idOf } = vocabularyOf(words, ["<|call|>"]);
const constraints = new Constraints(source);
const byte = (text: string) => text.charCodeAt(0);

function allowed(constraint: Constraint): number[] {
  const mask = constraint.mask();
  return Array.from({ length: source.size }, (_, id) => id).filter((id) => mask[id >> 5]! & (1 << (id & 31)));
}

function after(format: Format, ids: readonly number[]): Constraint {
  const constraint = constraints.compile(format);
  for (const id of ids) {
    expect(allowed(constraint)).toContain(id);
    constraint.accept(id);
  }
  return constraint;
}

describe("masks", () => {
  it("allow a token where all of its bytes fit, across the parts of a sequence", () => {
    const format: Format = {
      type: "sequence",
      items: [
        { type: "literal", text: "a" },
        { type: "regex", pattern: "b|c" },
      ],
    };
    expect(allowed(constraints.compile(format))).toEqual([byte("a"), idOf("ab")].sort((a, b) => a - b));
    expect(allowed(after(format, [idOf("ab")]))).toEqual([end]);
  });

  it("allow the end exactly where it is complete", () => {
    const format: Format = { type: "repeat", item: { type: "literal", text: "ab" }, min: 1, max: 3 };
    const constraint = constraints.compile(format);
    for (const complete of [false, true, true, true]) {
      expect([constraint.complete, allowed(constraint).includes(end)]).toEqual([complete, complete]);
      if (allowed(constraint).includes(idOf("ab"))) constraint.accept(idOf("ab"));
    }
    expect(allowed(constraint)).toEqual([end]);
  });

  it("keep special tokens for where they are asked for, which no text can spell", () => {
    const call: Format = { type: "token", text: "<|call|>" };
    const format: Format = { type: "sequence", items: [call, { type: "text", without: ["<|call|>"] }] };
    expect(allowed(constraints.compile(format))).toEqual([idOf("<|call|>")]);
    const constraint = after(format, [idOf("<|call|>"), idOf("the"), ...[..."<|call|"].map(byte)]);
    expect(allowed(constraint)).not.toContain(idOf("<|call|>"));
    expect(allowed(constraint)).not.toContain(byte(">"));
    expect(allowed(constraint)).toContain(byte("!"));
  });

  it("text ends where what it must not have begins", () => {
    const format: Format = {
      type: "sequence",
      items: [
        { type: "text", without: ["<tool_call>"] },
        {
          type: "choice",
          items: [
            { type: "literal", text: "<tool_call>" },
            { type: "literal", text: "" },
          ],
        },
      ],
    };
    const constraint = after(format, [idOf("the"), idOf("<tool")]);
    expect(constraint.complete).toBe(true);
    for (const character of "_call>") constraint.accept(byte(character));
    expect(allowed(constraint)).toEqual([end]);
    expect(allowed(after(format, [idOf("<tool_call>")]))).toEqual([end]);
  });

  it("a fork goes its own way", () => {
    const first = after({ type: "regex", pattern: "(yes|the|there)+" }, [idOf("yes")]);
    const other = first.fork();
    other.accept(idOf("the"));
    expect(allowed(first)).not.toContain(byte("r"));
    expect(allowed(other)).toContain(byte("r"));
    expect(() => first.accept(byte("r"))).toThrow(expect.objectContaining({ code: "internal" }));
  });

  it("the first token may lose a space at its front, and no other", () => {
    const { source: spaced, idOf: id } = vocabularyOf(words, [], 1);
    const constraint = new Constraints(spaced).compile({ type: "regex", pattern: "yes yes" });
    const may = allowed(constraint);
    expect(may).toContain(id(" yes"));
    expect(may).not.toContain(id("  "));
    constraint.accept(id(" yes"));
    expect(allowed(constraint)).toEqual(
      [byte(" "), id(" yes"), id(" ")].filter((x, i, all) => all.indexOf(x) === i).sort((a, b) => a - b),
    );
  });
});

describe("forced tokens", () => {
  it("follow as the tokenizer has them; the last of a run stays open, unless the answer ends", () => {
    const open = constraints.compile({ type: "regex", pattern: "there yes[ab]" });
    expect(open.forced()).toEqual([idOf("there")]);
    const closed = constraints.compile({ type: "literal", text: "there yes" });
    expect(closed.forced()).toEqual([idOf("there"), idOf(" yes"), end]);
    expect(constraints.compile({ type: "regex", pattern: "a|b" }).forced()).toEqual([]);
  });

  it("are the special token where only that may come", () => {
    expect(constraints.compile({ type: "token", text: "<|call|>" }).forced()).toEqual([idOf("<|call|>")]);
  });

  it("are names of properties and what is around them", () => {
    const schema = { type: "object", properties: { there: { const: "yes" } }, required: ["there"] };
    const constraint = after({ type: "schema", schema }, [idOf('{"')]);
    expect(constraint.forced()).toEqual([idOf("there"), byte('"')]);
  });
});

describe("grammars", () => {
  const grammar = (ebnf: string) => judge({ type: "grammar", ebnf }, "assert");

  it("recursion, repetition, classes, comments and escapes", () => {
    const is = grammar(`
      # sums of numbers
      root ::= term ("+" term)*   # any number of them
      term ::= [0-9]{1,3} | "(" root ")"
        | [^\\x00-\\x7f] . "\\u00e9"
    `);
    for (const text of ["1", "1+2", "(1+(22))+333", "éxé", "(ñ\\é)"]) expect([text, is(text)]).toEqual([text, true]);
    for (const text of ["", "1+", "1234", "(1", "1)", "ééx"]) expect([text, is(text)]).toEqual([text, false]);
  });

  it("rules that never end are left out, and a grammar of nothing else is refused", () => {
    expect(grammar('root ::= "a" | loop\nloop ::= "b" loop')("b")).toBe(false);
    expect(() => constraints.compile({ type: "grammar", ebnf: 'root ::= "b" root' })).toThrow(
      expect.objectContaining({ code: "invalid_request" }),
    );
    const { source: plain } = vocabularyOf([]);
    expect(
      new Constraints(plain)
        .compile({ type: "grammar", ebnf: 'root ::= "a" | "c" loop\nloop ::= "b" loop' })
        .forced()[0],
    ).toBe(byte("a"));
  });

  it.each([
    ['root ::= root "a" | "b"', "not_supported", "left recursion"],
    ['root ::= x* root "a" | "b"\nx ::= "x"', "not_supported", "left recursion"],
    ['root ::= a\na ::= b\nb ::= a | "c"', "not_supported", "left recursion"],
    ['root ::= !"a"', "not_supported", "!"],
    ['start ::= "a"', "invalid_request", "root"],
    ["root ::= missing", "invalid_request", "missing"],
    ['root ::= "a', "invalid_request", "closing"],
    ['root ::= "a" )', "invalid_request", "name"],
    ["root ::= [z-a]", "invalid_request", "ascends"],
    ['root ::= "\\q"', "invalid_request", "escape"],
    ['root ::= "a"{3,1}', "invalid_request", "repetition"],
    ['root ::= "a"{99999}', "not_supported", "repetitions"],
    [`root ::= ${"(".repeat(300)}"a"${")".repeat(300)}`, "not_supported", "nested"],
  ])("%s is refused", (ebnf, code, message) => {
    expect(() => grammar(ebnf)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});

describe("formats that are none", () => {
  const circular: Record<string, unknown> = { type: "object" };
  circular.properties = { self: circular };
  let deep: unknown = { type: "literal", text: "a" };
  for (let i = 0; i < 200; i++) deep = { type: "sequence", items: [deep] };
  it.each<[string, unknown, string]>([
    ["null", null, "invalid_request"],
    ["an unknown type", { type: "xml" }, "invalid_request"],
    ["an inherited type", { type: "toString" }, "invalid_request"],
    ["an unknown key", { type: "json", strict: true }, "invalid_request"],
    ["a schema that is a string", { type: "schema", schema: "{}" }, "invalid_request"],
    ["a function", { type: "schema", schema: { default: () => 1 } }, "invalid_request"],
    ["a number that is not finite", { type: "schema", schema: { minimum: Number.NaN } }, "invalid_request"],
    ["a circular schema", { type: "schema", schema: circular }, "not_supported"],
    ["one that is too deep", deep, "not_supported"],
    ["a token that is not there", { type: "token", text: "<|no|>" }, "invalid_request"],
    ["an empty string that must not occur", { type: "text", without: [""] }, "invalid_request"],
    ["a repetition the wrong way round", { type: "repeat", item: { type: "json" }, min: 2, max: 1 }, "invalid_request"],
    ["a choice of nothing", { type: "choice", items: [] }, "invalid_request"],
    [
      "an enum of 60,000 values",
      { type: "schema", schema: { enum: Array.from({ length: 60_000 }, (_, i) => i) } },
      "not_supported",
    ],
  ])("%s", (_, format, code) => {
    expect(() => constraints.compile(format)).toThrow(expect.objectContaining({ code }));
  });
});
