/** Tools: what a page declares, the model's calls as the page sees them, and what the page answers. */
import type { Message, Tool, ToolCall } from "../api/types";
import { domError } from "./errors";
import { dictionary, fail, isObject, isSequence, jsonCopy, required, sequence, text } from "./webidl";

/** A call of the model, or one that a page puts into a history. `callID` is what it was called before. */
export class LanguageModelToolCall {
  readonly callId: string;
  readonly name: string;
  readonly arguments: object;
  constructor(init: object) {
    [this.callId, this.name] = named(init);
    const { arguments: given } = dictionary(init, "init");
    this.arguments = given === undefined ? {} : isObject(given) ? given : fail("arguments must be an object.");
  }
}

export class LanguageModelToolSuccess {
  readonly callId: string;
  readonly name: string;
  readonly result: unknown;
  constructor(init: object) {
    [this.callId, this.name] = named(init);
    this.result = required(dictionary(init, "init").result, "result");
  }
}

export class LanguageModelToolError {
  readonly callId: string;
  readonly name: string;
  readonly errorMessage: string;
  constructor(init: object) {
    [this.callId, this.name] = named(init);
    this.errorMessage = text(required(dictionary(init, "init").errorMessage, "errorMessage"));
  }
}

function named(init: unknown): [callId: string, name: string] {
  const given = dictionary(init, "init");
  return [text(required(given.callId ?? given.callID, "callId")), text(required(given.name, "name"))];
}

export interface DeclaredTool extends Tool {
  /** Of the closed form: called by us. */
  readonly execute: ((input: unknown) => unknown) | null;
}

/** All or nothing. Errors: TypeError; whatever getters, proxies and toJSON throw. */
export function readTools(value: unknown): readonly DeclaredTool[] {
  if (value === undefined) return [];
  const names = new Set<string>();
  return sequence(value, "tools").map((entry) => {
    const given = dictionary(entry, "a tool");
    const description = text(required(given.description, "description"));
    const { execute = null } = given;
    if (execute !== null && typeof execute !== "function") fail("execute must be a function.");
    const inputSchema = required(given.inputSchema, "inputSchema");
    const name = text(required(given.name, "name"));
    if (!name || !description) fail("The name and the description of a tool must not be empty.");
    if (names.size === names.add(name).size) fail(`Two tools are called ${name}.`);
    const parameters = readSchema(inputSchema);
    return { type: "function", function: { name, description, parameters }, execute } as DeclaredTool;
  });
}

function readSchema(value: unknown): Record<string, unknown> {
  const refuse = () => fail("inputSchema must be a JSON Schema of an object.");
  const schema = isObject(value) ? jsonCopy(value, refuse) : refuse();
  if (!isObject(schema) || Array.isArray(schema)) return refuse();
  const { type, properties, required: names } = schema as Record<string, unknown>;
  if (type !== "object") refuse();
  if (properties !== undefined) {
    if (!isObject(properties) || Array.isArray(properties)) return refuse();
    for (const each of Object.values(properties)) if (!isObject(each) && typeof each !== "boolean") refuse();
  }
  if (names !== undefined && !(Array.isArray(names) && names.every((name) => typeof name === "string"))) refuse();
  return schema as Record<string, unknown>;
}

/** Errors: TypeError; DataError where the arguments are no JSON. */
export function toToolCall(value: unknown): ToolCall {
  const call = value instanceof LanguageModelToolCall ? value : new LanguageModelToolCall(value as object);
  const refuse = () => {
    throw domError("DataError", "The arguments of a tool call must be an object that JSON can hold.");
  };
  const args = jsonCopy(call.arguments, refuse);
  if (!isObject(args) || Array.isArray(args)) refuse();
  return { id: call.callId, type: "function", function: { name: call.name, arguments: JSON.stringify(args) } };
}

export function fromToolCall({ id, function: called }: ToolCall): LanguageModelToolCall {
  return new LanguageModelToolCall({ callId: id, name: called.name, arguments: argumentsOf(called.arguments) });
}

export function argumentsOf(json: string): object {
  try {
    const value: unknown = JSON.parse(json || "{}");
    return isObject(value) ? value : {};
  } catch {
    // A model without a constraint may write what is no JSON.
    return {};
  }
}

/** Errors: TypeError; DataError where the result is no JSON; NotSupportedError for images and audio. */
export function toToolMessage(value: unknown): Message {
  const given = dictionary(value, "a tool response");
  const [tool_call_id, name] = named(given);
  const content =
    "errorMessage" in given ? `Error: ${text(given.errorMessage)}` : resultText(required(given.result, "result"));
  return { role: "tool", content, tool_call_id, name };
}

/** Of a string itself, of a list of contents their texts, of everything else its JSON. */
export function resultText(result: unknown): string {
  if (typeof result === "string") return result;
  const refuse = () => {
    throw domError("DataError", "The result of a tool must be a value that JSON can hold.");
  };
  if (isSequence(result)) {
    const parts = [...result];
    if (parts.length > 0 && parts.every((part) => isObject(part) && "type" in part && "value" in part)) {
      return parts
        .map((part) => {
          const { type, value } = part as { type: unknown; value: unknown };
          if (type === "image" || type === "audio")
            throw domError("NotSupportedError", "The result of a tool cannot have images or audio.");
          return typeof value === "string" ? value : JSON.stringify(jsonCopy(value, refuse));
        })
        .join("");
    }
  }
  return JSON.stringify(jsonCopy(result, refuse)) ?? "";
}
