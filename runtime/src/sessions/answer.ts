/** Collects the deltas of one answer into the message that the history keeps. */
import type { PlainMessage, ToolCall } from "../contract/messages";
import type { Delta } from "../text/tool_calls/types";

export class Answer {
  private readonly calls: { id: string; name: string; arguments: string }[] = [];

  /** `text`: what the answer begins with. */
  constructor(private text = "") {}

  /** Returns the text that the delta adds to the answer. Thoughts are no part of it. */
  push(delta: Delta): string {
    if (delta.type === "content") {
      this.text += delta.text;
      return delta.text;
    }
    if (delta.type === "tool_call") {
      this.calls[delta.index] ??= { id: "", name: "", arguments: "" };
      const call = this.calls[delta.index]!;
      call.id = delta.id ?? call.id;
      call.name = delta.name ?? call.name;
      call.arguments += delta.arguments ?? "";
    }
    return "";
  }

  get toolCalls(): readonly ToolCall[] {
    return this.calls.map(({ id, ...call }) => ({ id, type: "function", function: call }));
  }

  get message(): PlainMessage {
    const { text: content, toolCalls: tool_calls } = this;
    return tool_calls.length > 0 ? { role: "assistant", content, tool_calls } : { role: "assistant", content };
  }
}
