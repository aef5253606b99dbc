/**
 * What a page may ask of generate(): the one schema, applied at the page edge, again in the isolated content script
 * and again in the offscreen document. Unknown keys, wrong types and values out of range are refused; every value is
 * read once and copied, so a getter or a proxy cannot answer differently later.
 */
import type { GenerateOptions, Message, Role } from "@nomoat/runtime";
import { charCodeAt, create, isArray, isFiniteNumber, isSafeInteger, ownKeys } from "./primordials";

/** Prompt, system message and all message contents together, as UTF-8. */
export const MAX_PROMPT_BYTES = 1024 * 1024;
export const MAX_MESSAGES = 1024;
export const MAX_OUTPUT_TOKENS = 8192;
export const DEFAULT_OUTPUT_TOKENS = 2048;
const MAX_STOP_STRINGS = 16;
const MAX_STOP_LENGTH = 256;

export type PageGenerateOptions = Omit<GenerateOptions, "signal">;
export interface GenerateRequest {
  readonly prompt: string | readonly Message[];
  readonly options: PageGenerateOptions;
}

/** A checked value, or a sentence that says what was wrong: what failed, got, expected. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string };

type Check = (value: unknown, budget: Budget) => Parsed<unknown>;
/** Bytes of prompt that are left. */
interface Budget {
  bytes: number;
}

const OPTIONS: Readonly<Record<keyof PageGenerateOptions, Check>> = {
  // @ts-expect-error: no prototype, so that a page that patches Object.prototype adds no option.
  __proto__: null,
  system: (value, budget) => text("system", value, budget),
  maxTokens: (value) => integer("maxTokens", value, 1, MAX_OUTPUT_TOKENS),
  temperature: (value) => number("temperature", value, 0, 5),
  topP: (value) => number("topP", value, Number.MIN_VALUE, 1),
  topK: (value) => integer("topK", value, 0, 1_000_000),
  minP: (value) => number("minP", value, 0, 1),
  repetitionPenalty: (value) => number("repetitionPenalty", value, Number.MIN_VALUE, 10),
  presencePenalty: (value) => number("presencePenalty", value, -2, 2),
  frequencyPenalty: (value) => number("frequencyPenalty", value, -2, 2),
  stop: (value) => stopStrings(value),
  seed: (value) => integer("seed", value, 0, 0xffff_ffff),
};

export function parseGenerate(prompt: unknown, options: unknown): Parsed<GenerateRequest> {
  try {
    const budget: Budget = { bytes: MAX_PROMPT_BYTES };
    const checkedPrompt = typeof prompt === "string" ? text("prompt", prompt, budget) : messages(prompt, budget);
    if ("problem" in checkedPrompt) return checkedPrompt;
    const checkedOptions = parseOptions(options, budget);
    if ("problem" in checkedOptions) return checkedOptions;
    return { value: { prompt: checkedPrompt.value, options: checkedOptions.value } };
  } catch {
    // Only a getter or a proxy trap of the caller can have thrown.
    return { problem: "The arguments of generate() could not be read: a getter or proxy threw." };
  }
}

function parseOptions(options: unknown, budget: Budget): Parsed<PageGenerateOptions> {
  const checked: Record<string, unknown> = create(null);
  if (options === undefined) return { value: checked };
  if (typeof options !== "object" || options === null)
    return { problem: `options must be an object, got ${nameOf(options)}.` };
  const keys = ownKeys(options);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    const check = typeof key === "string" ? (OPTIONS as Record<string, Check | undefined>)[key] : undefined;
    if (!check) return { problem: `Unknown option ${typeof key === "string" ? quoted(key) : "with a symbol as key"}.` };
    const value = (options as Record<string, unknown>)[key as string];
    if (value === undefined) continue;
    const result = check(value, budget);
    if ("problem" in result) return result;
    checked[key as string] = result.value;
  }
  return { value: checked };
}

function messages(value: unknown, budget: Budget): Parsed<readonly Message[]> {
  if (!isArray(value)) return { problem: `prompt must be a string or an array of messages, got ${nameOf(value)}.` };
  const length = value.length;
  if (length === 0) return { problem: "prompt must have at least one message." };
  if (length > MAX_MESSAGES) return { problem: `prompt must have at most ${MAX_MESSAGES} messages, got ${length}.` };
  const checked: Message[] = [];
  for (let i = 0; i < length; i++) {
    const message: unknown = value[i];
    if (typeof message !== "object" || message === null) {
      return { problem: `Message ${i} must be {role, content}, got ${nameOf(message)}.` };
    }
    const keys = ownKeys(message);
    for (let k = 0; k < keys.length; k++) {
      const key = keys[k];
      if (key !== "role" && key !== "content")
        return { problem: `Message ${i} has an unknown key; expected role and content.` };
    }
    const role = (message as Partial<Message>).role as unknown;
    if (!isRole(role)) return { problem: `Message ${i}: role must be "system", "user" or "assistant".` };
    const content = text(`The content of message ${i}`, (message as Partial<Message>).content, budget);
    if ("problem" in content) return content;
    checked[i] = { role, content: content.value };
  }
  return { value: checked };
}

function isRole(value: unknown): value is Role {
  return value === "system" || value === "user" || value === "assistant";
}

function text(name: string, value: unknown, budget: Budget): Parsed<string> {
  if (typeof value !== "string") return { problem: `${name} must be a string, got ${nameOf(value)}.` };
  // A UTF-16 unit is at least one byte, so a string that is far too long is refused without walking it.
  budget.bytes -= value.length > budget.bytes ? value.length : utf8Bytes(value);
  if (budget.bytes < 0) return { problem: `The prompt must have at most ${MAX_PROMPT_BYTES} bytes in total.` };
  return { value };
}

function stopStrings(value: unknown): Parsed<string | readonly string[]> {
  if (typeof value === "string") return stopString(value);
  if (!isArray(value)) return { problem: `stop must be a string or an array of strings, got ${nameOf(value)}.` };
  const length = value.length;
  if (length > MAX_STOP_STRINGS)
    return { problem: `stop must have at most ${MAX_STOP_STRINGS} strings, got ${length}.` };
  const checked: string[] = [];
  for (let i = 0; i < length; i++) {
    const result = stopString(value[i]);
    if ("problem" in result) return result;
    checked[i] = result.value;
  }
  return { value: checked };
}

function stopString(value: unknown): Parsed<string> {
  if (typeof value !== "string" || value.length === 0 || value.length > MAX_STOP_LENGTH) {
    return { problem: `Each stop string must have 1 to ${MAX_STOP_LENGTH} characters.` };
  }
  return { value };
}

function integer(name: string, value: unknown, least: number, most: number): Parsed<number> {
  if (!isSafeInteger(value) || (value as number) < least || (value as number) > most) {
    return { problem: `${name} must be an integer from ${least} to ${most}, got ${shown(value)}.` };
  }
  return { value: value as number };
}

function number(name: string, value: unknown, least: number, most: number): Parsed<number> {
  if (!isFiniteNumber(value) || (value as number) < least || (value as number) > most) {
    const range = least === Number.MIN_VALUE ? `more than 0 and at most ${most}` : `from ${least} to ${most}`;
    return { problem: `${name} must be a number ${range}, got ${shown(value)}.` };
  }
  return { value: value as number };
}

function utf8Bytes(value: string): number {
  let bytes = 0;
  for (let i = 0; i < value.length; i++) {
    const unit = charCodeAt(value, i);
    // Each half of a surrogate pair counts 2; a lone one becomes U+FFFD, 3 bytes, which is close enough for a cap.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}

function nameOf(value: unknown): string {
  return value === null ? "null" : isArray(value) ? "an array" : typeof value;
}

function shown(value: unknown): string {
  return typeof value === "number" ? `${value}` : nameOf(value);
}

function quoted(key: string): string {
  return key.length <= 64 ? `"${key}"` : "with a name of more than 64 characters";
}
