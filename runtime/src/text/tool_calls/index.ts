/**
 * Tool calls: found once per chat template, parsed while they come, forced where the caller wants them.
 *
 * probe.ts reads off a template how calls are written (a Syntax); parser.ts and format.ts work from that alone, and no
 * model's name is looked at. This folder is loaded when a request first has tools.
 */
import { LlmError } from "../../internal/errors";
import type { ChatMessage, ChatTemplate, Json } from "../template";
import { templateInput } from "../tool_prompt";
import { familyOf } from "./families";
import { toolsFormat } from "./format";
import { CallParser } from "./parser";
import { PROBE_TOOLS, probe, type Traits } from "./probe";
import { write } from "./syntax";
import type { Tool, ToolFormat } from "./types";

export interface TemplateTools {
  /** Null: the template neither shows tools nor writes calls, or its calls are of no form that can be parsed. */
  readonly format: ToolFormat | null;
  /** The messages as the template takes them. Errors: invalid_request for arguments that are no JSON object. */
  messages(messages: readonly ChatMessage[], tools: readonly Tool[]): ChatMessage[];
}

/**
 * `specials`: contents of the tokenizer's special tokens; `stops`: of those that end an answer.
 */
export function templateTools(
  template: ChatTemplate,
  specials: readonly string[],
  stops: readonly string[],
): TemplateTools {
  const traits = probe(
    [template.source, ...specials].join("\n"),
    (messages, tools, addGenerationPrompt) => {
      try {
        const given = messages as unknown as readonly ChatMessage[];
        const input = templateInput(template.source, given, tools ? PROBE_TOOLS : []);
        return template.render(input.messages, { ...input.variables, add_generation_prompt: addGenerationPrompt });
      } catch (error) {
        if (error instanceof LlmError) return null;
        throw error;
      }
    },
    stops,
  );
  return {
    format: formatOf(traits, specials),
    messages: (messages, tools) => adapted(listed(messages, tools, traits), traits),
  };
}

function formatOf(
  { syntax, hasShortIds, showsTools, writesCalls }: Traits,
  specials: readonly string[],
): ToolFormat | null {
  if (syntax === null || !(showsTools || writesCalls)) return null;
  const { start, open, separator, close, between, end, also, arguments: form } = syntax;
  const marks = [
    start,
    open,
    separator,
    close,
    between,
    end,
    also,
    ...(typeof form === "object" ? Object.values(form) : []),
  ].join("\n");
  return {
    name: familyOf(syntax),
    markers: specials.filter((special) => marks.includes(special)),
    format: (tools, choice, parallel) =>
      toolsFormat(syntax, tools, choice, parallel, specials, hasShortIds ? "[a-zA-Z0-9]{9}" : "[a-zA-Z0-9_]{1,32}"),
    parser: (tools) => new CallParser(syntax, tools, () => (hasShortIds ? randomText(9) : `call_${randomText(24)}`)),
  };
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function randomText(length: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(length)), (byte) => LETTERS[byte % LETTERS.length]).join("");
}

/** DeepSeek's templates write calls and leave it to the system message to name the tools, in these words. */
function listed(
  messages: readonly ChatMessage[],
  tools: readonly Tool[],
  { showsTools, writesCalls }: Traits,
): readonly ChatMessage[] {
  if (tools.length === 0 || showsTools || !writesCalls) return messages;
  const about = tools.map(
    ({ function: { name, description = "", parameters = {} } }) =>
      `### ${name}\nDescription: ${description}\n\nParameters: ${JSON.stringify(parameters)}`,
  );
  const text = ["## Tools\nYou have access to the following tools:", ...about].join("\n\n");
  const isSystem = messages[0]?.role === "system" || messages[0]?.role === "developer";
  const first = isSystem ? messages[0]! : { role: "system", content: "" };
  const system = { ...first, content: [first.content, text].filter(Boolean).join("\n\n") };
  return [system, ...messages.slice(isSystem ? 1 : 0)];
}

function adapted(messages: readonly ChatMessage[], traits: Traits): ChatMessage[] {
  const { syntax, argumentsAs, emptyContent, hasShortIds, writesCalls } = traits;
  // The same id stays the same, and one that the template takes stays as it is.
  const id = (text: string): string => (hasShortIds && !/^[a-zA-Z0-9]{9}$/.test(text) ? shortId(text) : text);
  return messages.map((message, index) => {
    if (message.tool_call_id !== undefined) return { ...message, tool_call_id: id(message.tool_call_id) };
    const calls = message.tool_calls;
    if (calls === undefined || calls.length === 0) return message;
    const values = calls.map((call) => argumentsOf(call.function, index));
    if (!writesCalls && syntax !== null) {
      const { tool_calls: _, ...rest } = message;
      const text = write(
        syntax,
        calls.map((call) => ({
          id: id(call.id),
          name: call.function.name,
          arguments: argumentText(call.function.arguments),
        })),
      );
      return { ...rest, content: (message.content ?? "") + text };
    }
    return {
      ...message,
      content: message.content || emptyContent,
      tool_calls: calls.map((call, at) => ({
        ...call,
        id: id(call.id),
        function: {
          name: call.function.name,
          arguments: argumentsAs === "object" ? values[at]! : argumentText(call.function.arguments),
        },
      })),
    };
  });
}

function argumentText(given: Json): string {
  return typeof given === "string" ? given || "{}" : JSON.stringify(given);
}

function argumentsOf({ name, arguments: given }: { name: string; arguments: Json }, index: number): Json {
  try {
    const value = JSON.parse(argumentText(given)) as Json;
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below, as for any other value.
  }
  throw new LlmError(
    "invalid_request",
    `messages[${index}]: the arguments of ${JSON.stringify(name)} must be JSON text of an object.`,
  );
}

/** Nine letters and digits made of any id (FNV-1a). */
function shortId(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const unit of text) hash = BigInt.asUintN(64, (hash ^ BigInt(unit.codePointAt(0)!)) * 0x100000001b3n);
  return hash.toString(36).padStart(9, "0").slice(-9);
}
