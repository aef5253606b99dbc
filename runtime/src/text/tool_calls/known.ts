/** Syntaxes that a template teaches the model, or the model knows, without the template's writing calls itself. */
import type { Syntax } from "./syntax";

const OBJECT = {
  open: "",
  head: '{"name": "',
  separator: '", "arguments": ',
  tail: "}",
  close: "",
  between: ", ",
  json: { name: "name", arguments: "arguments" },
  arguments: "json",
} as const;

const KNOWN: readonly (readonly [string, Syntax])[] = [
  // LFM2: Python's calls in a list; older templates have its token in the tokenizer alone.
  [
    "<|tool_call_start|>",
    {
      ...OBJECT,
      start: "<|tool_call_start|>[",
      head: "",
      separator: "(",
      tail: "",
      close: ")",
      end: "]<|tool_call_end|>",
      json: null,
      arguments: "python",
    },
  ],
  // Granite 3 is told to answer so.
  ["<|tool_call|>", { ...OBJECT, start: "<|tool_call|>[", end: "]" }],
  // Phi-4-mini, whose template has the tools in the system message.
  ["<|tool|>", { ...OBJECT, start: "<|tool_call|>[", end: "]<|/tool_call|>" }],
  ["<tool_call>", { ...OBJECT, start: "", open: "<tool_call>\n", close: "\n</tool_call>", between: "\n", end: "" }],
];

/** The first whose word occurs in the template or among the tokens. */
export function knownSyntax(words: string): Syntax | null {
  return KNOWN.find(([word]) => words.includes(word))?.[1] ?? null;
}

/** What models write beside what their template writes. */
export function completed(words: string, syntax: Syntax): Syntax {
  const isBare = (syntax.start + syntax.open).trim() === "";
  return isBare && words.includes("<|python_tag|>") ? { ...syntax, also: "<|python_tag|>" } : syntax;
}
