/** Checks what a caller gives to generate, embed and logits. Everything here may come from a hostile page. */
import { accept } from "../contract/accept";
import {
  type AdapterUse,
  adapter,
  engineGenerateOptions,
  type PlainEngineGenerateOptions,
  prompt,
} from "../contract/generate";
import { ENGINE_LIMITS } from "../contract/limits";
import type { Message } from "../contract/messages";
import { array, countedText, either } from "../contract/rules";
import { LlmError } from "../internal/errors";
import { Reader } from "../internal/reader";

const OPTIONS = engineGenerateOptions(ENGINE_LIMITS);
const PROMPT = prompt(ENGINE_LIMITS);
const TEXTS = either(countedText(), array(countedText(), 1, 10_000));

/** Returns the options with only known keys. Errors: invalid_request, which names the option. */
export function readOptions(value: unknown): PlainEngineGenerateOptions {
  return accept("generate", OPTIONS, value, "options", "");
}

export function readPrompt(value: unknown): string | readonly Message[] {
  return accept("generate", PROMPT, value, "prompt");
}

/** The messages of a chat prompt, with the option `system` put first. Errors: invalid_request. */
export function toMessages(prompt: string | readonly Message[], system: string | undefined): readonly Message[] {
  const messages: readonly Message[] = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  if (system === undefined) return messages;
  if (messages.some(({ role }) => role === "system" || role === "developer")) {
    throw new LlmError(
      "invalid_request",
      "generate: give the system message in the messages or as the option system, not both.",
    );
  }
  return [{ role: "system", content: system }, ...messages];
}

/** The texts to embed. */
export function readTexts(value: unknown): readonly string[] {
  const texts = accept("embed", TEXTS, value, "input");
  return typeof texts === "string" ? [texts] : texts;
}

export function readTokenIds(value: unknown, vocabSize: number, contextLength: number): readonly number[] {
  const reader = new Reader("invalid_request", "logits");
  if (Array.isArray(value) && value.length > contextLength) throw contextOverflow(value.length, contextLength);
  return reader
    .array(value, "tokenIds", 1, contextLength)
    .map((id, i) => reader.integer(id, `tokenIds[${i}]`, 0, vocabSize - 1));
}

export function contextOverflow(requested: number, limit: number): LlmError {
  return new LlmError(
    "context_overflow",
    `The prompt has ${requested} tokens and the model's context ${limit}. Shorten the prompt or remove old messages.`,
    { requested, limit },
  );
}

/** What `adapter` names, in order. Errors: invalid_request. */
export function readAdapters(value: unknown): readonly AdapterUse[] {
  if (value === undefined || value === null) return [];
  const given = accept("adapter", adapter, value, "adapter");
  const uses = typeof given === "string" ? [{ name: given }] : given;
  if (new Set(uses.map(({ name }) => name)).size < uses.length)
    throw new LlmError("invalid_request", "adapter must be a list that names each once.", { path: "adapter" });
  return uses;
}

/** The strings of the option `stop`. */
export function stopStrings(stop: string | readonly string[] = []): readonly string[] {
  return typeof stop === "string" ? [stop] : stop;
}
