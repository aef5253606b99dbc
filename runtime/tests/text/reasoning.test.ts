/** Reasoning is told from the answer while it comes, wherever the text is cut. Needs nothing. */
import { describe, expect, test } from "vitest";
import { answerParser } from "../../src/text/answer_parser";
import { findReasoning, isOpened } from "../../src/text/reasoning";
import { ReasoningSplitter, withReasoning } from "../../src/text/reasoning_splitter";
import { ChatTemplate } from "../../src/text/template";
import { templateTools } from "../../src/text/tool_calls/index";
import { matches } from "./format_matcher";
import { STOPS, TEMPLATES } from "./tool_templates";

const THINK = findReasoning("{{ '<think>' }}{{ '</think>' }}")!;

function split(text: readonly string[], opened: boolean, marks = THINK) {
  const splitter = new ReasoningSplitter(marks, opened);
  const answer = { reasoning: "", content: "" };
  for (const delta of [...text.flatMap((piece) => splitter.push(piece)), ...splitter.end()]) {
    if (delta.type !== "tool_call") answer[delta.type] += delta.text;
  }
  return answer;
}

const GRANITE = findReasoning("<think></think><response></response>")!;
const MAGISTRAL = findReasoning("[THINK] and [/THINK]")!;
const HARMONY = findReasoning(
  "<|channel|>analysis<|message|> <|end|> <|start|>assistant <|channel|>final<|message|> <|channel|>commentary<|message|>",
)!;

describe("splitting", () => {
  test.each([
    ["<think>\nTwo and two.\n</think>\n\nFour. ", false, "Two and two.", "Four. ", THINK],
    ["Two < three </thin.\n</think>\n\nFour.", true, "Two < three </thin.", "Four.", THINK],
    ["\n\n</think>\n\nFour.", true, "", "Four.", THINK],
    ["\n<think></think>Four.", false, "", "Four.", THINK],
    ["Not done", true, "Not done", "", THINK],
    [" Four.\n", false, "", " Four.\n", THINK],
    // An answer about the mark is an answer.
    ["Write <think>x</think> there.", false, "", "Write <think>x</think> there.", THINK],
    ["<think>a</think>Use <think>b</think>.", false, "a", "Use <think>b</think>.", THINK],
    ["<thi", false, "", "<thi", THINK],
    ["[THINK]a[/THINK]b", false, "a", "b", MAGISTRAL],
    ["<think>a</think>\n<response>b</response>", false, "a", "b", GRANITE],
    ["<response>b</response>", false, "", "<response>b</response>", GRANITE],
    ["<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", false, "a", "b", HARMONY],
  ] as const)("%j", (text, opened, reasoning, content, marks) => {
    expect(split([text], opened, marks)).toEqual({ reasoning, content });
    expect(split(Array.from(text), opened, marks)).toEqual({ reasoning, content });
    for (let at = 1; at < text.length; at++) {
      expect(split([text.slice(0, at), text.slice(at)], opened, marks)).toEqual({ reasoning, content });
    }
  });

  test("what a budget counts", () => {
    const splitter = new ReasoningSplitter(THINK, false);
    const inside = ["<think>", "a", " b", "</think>", "c"].map((piece) => {
      splitter.push(piece);
      return splitter.inside;
    });
    expect(inside).toEqual([true, true, true, false, false]);
  });
});

test("what the prompt has opened or closed", () => {
  expect(isOpened(THINK, "<|Assistant|><think>\n")).toBe(true);
  expect(isOpened(THINK, "<|im_start|>assistant\n<think>\n\n</think>\n\n")).toBe(false);
  expect(isOpened(THINK, "<|im_start|>assistant\n")).toBe(false);
  expect(findReasoning("no marks, <think> alone")).toBeNull();
});

test("calls are looked for in the answer, not in the reasoning", () => {
  const { format } = templateTools(new ChatTemplate(TEMPLATES.hermes!, {}), [], STOPS);
  const call = '<tool_call>{"name": "now", "arguments": {}}</tool_call>';
  const parser = answerParser(new ReasoningSplitter(THINK, false), format!.parser([]));
  const deltas = [...parser.push(`<think>${call}</think>Yes.${call}`), ...parser.end()];
  expect(deltas).toMatchObject([
    { type: "reasoning", text: call },
    { type: "content", text: "Yes." },
    { type: "tool_call", name: "now", arguments: "{}" },
  ]);
  const plain = answerParser(null, null);
  expect([...plain.push("a"), ...plain.push(""), ...plain.end()]).toEqual([{ type: "content", text: "a" }]);
});

test("a constraint holds for the answer, after free reasoning", () => {
  const answer = { type: "literal", text: "4" } as const;
  const format = withReasoning(answer, THINK, false, ["<think>"]);
  expect(["4", "<think>hm</think>\n\n4"].map((text) => matches(format, text))).toEqual([true, true]);
  expect(["5", "<think>hm</think>5", "hm</think>4"].map((text) => matches(format, text))).toEqual([
    false,
    false,
    false,
  ]);
  expect(matches(withReasoning(answer, THINK, true, []), "hm</think>4")).toBe(true);
});
