/** Names for people; nothing depends on them. docs/tools.md has the table. */
import type { Syntax } from "./syntax";

const NAMES: readonly (readonly [string, string])[] = [
  ["<tool_call>{", "hermes"],
  ["<tool_call>\n<function=", "qwen3-coder"],
  ["[TOOL_CALLS][{", "mistral"],
  ["[TOOL_CALLS]", "mistral-args"],
  ["<function=", "functionary-v3.1"],
  [">>>", "functionary-v3.2"],
  ["<｜tool▁calls▁begin｜>", "deepseek"],
  ["<|tool_call|>[{", "granite"],
  ["<|tool_call_start|>[", "lfm2"],
  ["functools[{", "firefunction"],
  ["Action:", "command-r-plus"],
  ["<|START_ACTION|>", "command-r7b"],
  ["<tool_call>", "glm"],
  ["{", "llama3"],
];

export function familyOf({ start, open, head, arguments: form }: Syntax): string {
  const written = (start + open).trim() + head;
  const compact = written.replace(/\s+(?=\{)/g, "");
  return (
    NAMES.find(([begin]) => written.startsWith(begin) || compact.startsWith(begin))?.[1] ??
    (typeof form === "object" ? "tagged" : "json")
  );
}
