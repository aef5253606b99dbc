/** Where templates want what is not in every template: tools, earlier reasoning, the developer's role. */

import { type ChatMessage, ChatTemplate, type Json } from "./template";
import type { Tool } from "./tool_calls/types";

export interface TemplateInput {
  readonly messages: readonly ChatMessage[];
  readonly variables: Readonly<Record<string, Json>>;
}

/** The messages and variables that say so to a template of this source. */
export function templateInput(source: string, messages: readonly ChatMessage[], tools: readonly Tool[]): TemplateInput {
  const said = messages.map((message) => known(source, message));
  if (tools.length === 0) return { messages: said, variables: {} };
  // `strict` is for whoever constrains the answer.
  const plain = tools.map(({ function: { name, description, parameters } }) => ({
    name,
    description: description ?? "",
    parameters: (parameters ?? { type: "object", properties: {} }) as Json,
  }));
  const listed = plain.map((tool) => ({ type: "function", function: tool }));
  const variables: Record<string, Json> = { tools: listed };
  if (source.includes("<|tool|>") && /message(?:\.tools|\[['"]tools['"]\])/.test(source)) {
    // Phi-4-mini: JSON text in the system message.
    const [first, ...rest] = said;
    const system = first?.role === "system" ? [first, ...rest] : [{ role: "system", content: "" }, ...said];
    const extended = { ...system[0]!, tools: pythonJson(plain) };
    return { messages: [extended, ...system.slice(1)], variables };
  }
  if (source.includes("functions") && source.includes("datetime")) {
    // FireFunction: JSON text and the time, which its template ends with "Today is".
    variables.functions = pythonJson(listed);
    variables.datetime = new Date().toUTCString().slice(5);
  }
  return { messages: said, variables };
}

function known(source: string, message: ChatMessage): ChatMessage {
  const { reasoning_content: reasoning, ...rest } = message;
  const role = rest.role === "developer" && !/['"]developer['"]/.test(source) ? "system" : rest.role;
  const key = ["reasoning_content", "thinking", "reasoning"].find((name) => new RegExp(`[.'"]${name}\\b`).test(source));
  return { ...rest, role, ...(reasoning !== undefined && key !== undefined ? { [key]: reasoning } : {}) };
}

function pythonJson(value: Json): string {
  return new ChatTemplate("{{ value | tojson }}", {}).render([], { value });
}
