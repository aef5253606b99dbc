/** What pages give to prompt, append and create, converted as WebIDL says and checked, as the messages of a session. */
import type { Message, ResponseFormat, ToolCall } from "../api/types";
import type { Json } from "../contract/rules";
import { domError } from "./errors";
import { toToolCall, toToolMessage } from "./tools";
import { dictionary, fail, isObject, isSequence, jsonCopy, oneOf, required, sequence, text } from "./webidl";

const ROLES = ["system", "user", "assistant"] as const;
export const TYPES = ["text", "image", "audio", "tool-call", "tool-response"] as const;
const JSON_TYPES = ["null", "boolean", "object", "array", "number", "string", "integer"];

export type Type = (typeof TYPES)[number];

export interface Input {
  readonly messages: readonly Message[];
  /** The last message is what the answer begins with. */
  readonly prefix: boolean;
}

/**
 * `place`: where the messages go. `expected`: types beside text that create() was told of. `empty`: the session has no
 * messages yet. Errors: TypeError, SyntaxError, NotSupportedError, DataError.
 */
export function readInput(
  value: unknown,
  place: "initial" | "prompt" | "append",
  expected: ReadonlySet<Type>,
  empty: boolean,
): Input {
  if (place !== "initial" && !isSequence(value))
    return { messages: [{ role: "user", content: text(value) }], prefix: false };
  const given = sequence(value, "prompts").map((entry) => {
    const { content, prefix = false, role } = dictionary(entry, "a message");
    const parts = readParts(required(content, "content"));
    return { parts, prefix: Boolean(prefix), role: oneOf(required(role, "role"), "role", ROLES) };
  });
  const messages = given.flatMap(({ parts, prefix, role }, i) => {
    if (role === "system" && !(i === 0 && empty)) fail("A system message must be the first of its session.");
    if (prefix && (role !== "assistant" || place !== "prompt" || i !== given.length - 1))
      throw domError("SyntaxError", "prefix is for the last message of a prompt, which must be the assistant's.");
    return toMessages(role, parts, expected);
  });
  // Nothing is an empty message of the user, where something must be answered.
  if (messages.length === 0 && place === "prompt") messages.push({ role: "user", content: "" });
  return { messages, prefix: given.at(-1)?.prefix ?? false };
}

interface Part {
  readonly type: Type;
  readonly value: unknown;
}

function readParts(content: unknown): readonly Part[] {
  if (!isSequence(content)) return [{ type: "text", value: text(content) }];
  return sequence(content, "content").map((entry) => {
    const given = dictionary(entry, "a content");
    const type = oneOf(required(given.type, "type"), "type", TYPES);
    return { type, value: required(given.value, "value") };
  });
}

/** One message, after one for each tool's response. */
function toMessages(role: (typeof ROLES)[number], parts: readonly Part[], expected: ReadonlySet<Type>): Message[] {
  const answers: Message[] = [];
  const calls: ToolCall[] = [];
  let content = "";
  for (const { type, value } of parts) {
    if (type === "text") {
      content += text(value);
      continue;
    }
    if (type === "tool-call" && role !== "assistant") fail("A tool-call must be the assistant's.");
    if (type === "tool-response" && role !== "user") fail("A tool-response must be the user's.");
    if (!expected.has(type)) throw domError("NotSupportedError", `${type} is not among the expectedInputs.`);
    if (type === "tool-call") calls.push(toToolCall(value));
    else answers.push(toToolMessage(value));
  }
  if (calls.length > 0) return [{ role: "assistant", content, tool_calls: calls }];
  return answers.length > 0 && content === "" ? answers : [...answers, { role, content }];
}

/** Errors: TypeError for what is neither RegExp nor schema; NotSupportedError for a schema with a bad type, or a cycle. */
export function readConstraint(options: Readonly<Record<string, unknown>>): {
  readonly responseFormat?: ResponseFormat;
  readonly describeFormat?: boolean;
} {
  const { omitResponseConstraintInput = false, responseConstraint: given } = options;
  if (given === undefined) {
    if (omitResponseConstraintInput) fail("omitResponseConstraintInput needs a responseConstraint.");
    return {};
  }
  if (!isObject(given) || typeof given === "function" || Array.isArray(given))
    fail("responseConstraint must be a RegExp or a JSON Schema.");
  const describeFormat = !omitResponseConstraintInput;
  if (given instanceof RegExp)
    return { responseFormat: { type: "regex", pattern: given.source, flags: given.flags }, describeFormat };
  const refuse = () => {
    throw domError("NotSupportedError", "responseConstraint must be a JSON Schema.");
  };
  const schema = jsonCopy(given, refuse) as Record<string, unknown>;
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (!types.every((type) => JSON_TYPES.includes(type as string))) refuse();
  return { responseFormat: { type: "schema", schema: schema as { readonly [key: string]: Json } }, describeFormat };
}
