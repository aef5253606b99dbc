/** One answer of a model as content, reasoning and tool calls: the parsers that the model calls for, one after the other. */
import type { ReasoningSplitter } from "./reasoning_splitter";
import type { Delta, ToolCallParser } from "./tool_calls/types";

/** `calls` sees what is not reasoning; null: there are no tools, and null for `reasoning`: the model does not think. */
export function answerParser(reasoning: ReasoningSplitter | null, calls: ToolCallParser | null): ToolCallParser {
  const called = (deltas: readonly Delta[]): readonly Delta[] =>
    calls === null ? deltas : deltas.flatMap((delta) => (delta.type === "content" ? calls.push(delta.text) : [delta]));
  const content = (text: string): readonly Delta[] => (text === "" ? [] : [{ type: "content", text }]);
  return {
    push: (text) => called(reasoning?.push(text) ?? content(text)),
    end: () => [...called(reasoning?.end() ?? []), ...(calls?.end() ?? [])],
  };
}
