// Proves that patterns match exactly what this JavaScript engine says, over a table and over random ones, and that what
// no automaton decides is refused by name. Needs nothing.
import { describe, expect, it } from "vitest";
import { judge } from "../../src/constraint/index";

function whole(pattern: string, flags = ""): (text: string) => boolean {
  return judge({ type: "regex", pattern, flags }, "assert");
}

const TEXTS = [
  "",
  "a",
  "b",
  "ab",
  "ba",
  "aab",
  "abc",
  "abab",
  "A",
  "aB",
  "0",
  "12",
  "a1",
  "_",
  "-",
  " ",
  "\n",
  "\t",
  "é",
  "É",
  "ß",
  "ſ",
  "K",
  "Ω",
  "😀",
  "a😀",
  "\u2028",
  "a\nb",
  "xyz",
  "foo",
  "foobar",
  "}",
  "{",
  "a{",
  "a{1",
  "]",
  "^",
  "$",
  "\\",
  "/",
]; // prettier-ignore

describe("patterns", () => {
  it.each([
    ["abc"],
    ["a|b|"],
    ["(?:ab)+"],
    ["(a)(b)?"],
    ["(?<x>a)b*"],
    ["a{2}b"],
    ["a{1,}b?"],
    ["a{0,2}"],
    ["[^ab]"],
    ["[a-c]+?"],
    ["."],
    [".", "s"],
    [".+", "u"],
    ["\\d+"],
    ["\\D"],
    ["\\w*"],
    ["\\W"],
    ["\\s"],
    ["\\S+"],
    ["\\u0061b"],
    ["\\x61"],
    ["\\cJ"],
    ["\\t"],
    ["[\\d\\-x]"],
    ["[\\b]"],
    ["a{"],
    ["a{1"],
    ["\\}"],
    ["]"],
    ["^a$"],
    ["^"],
    ["a^b"],
    ["(^|x)a"],
    ["a($|x)"],
    ["$^"],
    ["\\/"],
    ["\\p{L}", "u"],
    ["\\p{Lu}|\\P{L}+", "u"],
    ["\\u{1F600}", "u"],
    ["a", "i"],
    ["[a-z]+", "i"],
    ["[^a]", "iu"],
    ["s", "iu"],
    ["k", "iu"],
    ["k", "i"],
    ["ω", "i"],
    ["[😀]", "u"],
    ["\\0"],
    ["[]"],
    ["[^]"],
    ["[\\]]"],
    ["\\$"],
    ["()"],
    ["(?:)*a"],
    ["(a*)*"],
  ])("%s with flags %s", (pattern, flags = "") => {
    const is = whole(pattern, flags);
    // Text is code points here, which it is to JavaScript with the flag u.
    const reference = new RegExp(`^(?:${pattern})$`, flags);
    for (const text of TEXTS) {
      if (!flags.includes("u") && /\p{Surrogate}|[\u{10000}-\u{10ffff}]/u.test(text)) continue;
      expect([text, is(text)]).toEqual([text, reference.test(text)]);
    }
  });

  it("random ones", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 8) % below;
    };
    const atoms = ["a", "b", "[ab]", "[^a]", ".", "\\w", "^", "$", "\\d"];
    const make = (depth: number): string => {
      const choice = depth === 0 ? 0 : random(6);
      if (choice <= 1) return atoms[random(atoms.length)]!;
      if (choice === 2) return `(?:${make(depth - 1)}|${make(depth - 1)})`;
      if (choice === 3) return `(?:${make(depth - 1)})${["*", "+", "?", "{2}", "{0,2}"][random(5)]}`;
      return make(depth - 1) + make(depth - 1);
    };
    const texts = [
      "",
      ...["a", "b", "1"].flatMap((x) => [x, ...["a", "b", "1"].flatMap((y) => [x + y, `${x}${y}a`, `${x}${y}b`])]),
    ];
    for (let i = 0; i < 300; i++) {
      const pattern = make(4);
      const is = whole(pattern);
      const found = judge({ type: "schema", schema: { type: "string", pattern } }, "assert");
      for (const text of texts) {
        expect([pattern, text, is(text)]).toEqual([pattern, text, new RegExp(`^(?:${pattern})$`).test(text)]);
        expect([pattern, text, found(JSON.stringify(text))]).toEqual([pattern, text, new RegExp(pattern).test(text)]);
      }
    }
  });

  it.each([
    ["(?=a)", "lookahead"],
    ["(?!a)", "lookahead"],
    ["(?<=a)", "lookbehind"],
    ["(?<!a)", "lookbehind"],
    ["(a)\\1", "a backreference"],
    ["(?<x>a)\\k<x>", "a backreference"],
    ["\\bword", "\\b"],
    ["\\B", "\\B"],
  ])("%s is refused as %s", (pattern, keyword) => {
    expect(() => whole(pattern)).toThrow(
      expect.objectContaining({ code: "not_supported", detail: { path: "format.pattern", keyword } }),
    );
  });

  it.each([["("], ["a{2,1}"], ["[b-a]"], ["*"], ["\\u{110000}"]])("%s is none", (pattern) => {
    const flags = pattern.includes("u") ? "u" : "";
    expect(() => whole(pattern, flags)).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });

  it("the flag m is refused, and an unknown one", () => {
    expect(() => whole("a", "m")).toThrow(expect.objectContaining({ code: "not_supported" }));
    expect(() => whole("a", "q")).toThrow(expect.objectContaining({ code: "invalid_request" }));
  });
});
