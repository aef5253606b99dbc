/**
 * The messages of a conversation, with OpenAI's names, and what a chat template sees of them.
 *
 * A template knows one text per message: parts of text are joined with nothing between them.
 */
import {
  array,
  choice,
  countedText,
  either,
  type Infer,
  ignored,
  nullable,
  object,
  optional,
  refused,
  text,
  unsupported,
  variants,
} from "./rules";

const MAX_PARTS = 1024;
const MAX_TOOL_CALLS = 128;

/** Where a cache should end is nothing to decide here: every prefix is kept. */
const textPart = object({ type: choice("text"), text: countedText(), prompt_cache_breakpoint: ignored() });
const parts = array(
  variants("type", { text: textPart, image_url: unsupported(), input_audio: unsupported(), file: unsupported() }),
  1,
  MAX_PARTS,
);
const answerParts = array(
  variants("type", { text: textPart, refusal: object({ type: choice("refusal"), refusal: countedText() }) }),
  1,
  MAX_PARTS,
);
const content = either(countedText(), parts);
const name = nullable(text(1, 256));

export const toolCall = object({
  /** The answer to the call names it. */
  id: text(1, 256),
  type: choice("function"),
  function: object({
    name: text(1, 256),
    /** JSON, as the model wrote it. */
    arguments: countedText(),
  }),
});

export const message = variants("role", {
  system: object({ role: choice("system"), content, name }),
  developer: object({ role: choice("developer"), content, name }),
  user: object({ role: choice("user"), content, name }),
  assistant: object({
    role: choice("assistant"),
    content: nullable(either(countedText(), answerParts)),
    name,
    refusal: nullable(countedText()),
    /** What the model thought before it answered; templates decide what becomes of it. */
    reasoning_content: nullable(countedText()),
    tool_calls: optional(array(toolCall, 0, MAX_TOOL_CALLS)),
    audio: refused(),
    function_call: refused(),
  }),
  tool: object({ role: choice("tool"), content, tool_call_id: text(1, 256), name }),
  function: unsupported(),
});

export type Message = Infer<typeof message>;
export type Role = Message["role"];
export type ToolCall = Infer<typeof toolCall>;

/** A message as a chat template sees it. */
export interface PlainMessage {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  readonly content: string;
  readonly name?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_call_id?: string;
}

export function toPlainMessage(given: Message): PlainMessage {
  const { role } = given;
  const named = given.name ? { name: given.name } : {};
  if (role === "tool") return { role, content: joined(given.content), tool_call_id: given.tool_call_id, ...named };
  if (role !== "assistant") return { role, content: joined(given.content), ...named };
  const { content: own, refusal, reasoning_content: reasoning, tool_calls: calls } = given;
  return {
    role,
    content: joined(own ?? refusal ?? ""),
    ...named,
    ...(reasoning ? { reasoning_content: reasoning } : {}),
    ...(calls && calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

type Part = { readonly type: "text"; readonly text: string } | { readonly type: "refusal"; readonly refusal: string };

function joined(given: string | readonly Part[]): string {
  if (typeof given === "string") return given;
  return given.map((part) => (part.type === "text" ? part.text : part.refusal)).join("");
}
