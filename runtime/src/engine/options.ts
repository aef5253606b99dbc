/** Checks what a caller gives to generate, embed and logits. Everything here may come from a hostile page. */
import type { AdapterUse, EngineGenerateOptions, Message, Role } from "../api/types";
import { MOST_STACKED } from "../device/operators.gen";
import { LlmError } from "../internal/errors";
import { Reader } from "../internal/reader";

type Options = Omit<EngineGenerateOptions, "signal">;

const read = new Reader("invalid_request", "generate");
const ROLES: readonly Role[] = ["system", "user", "assistant"];
const MAX_TEXT = 16 * 2 ** 20;
const MAX_MESSAGES = 10_000;
const MAX_WEIGHT = 1000;
const MAX_TEXTS = 10_000;
const MAX_TOKENS = 2 ** 31;

/** Range of each numeric option, and whether it is an integer. */
const NUMBERS: Readonly<Record<string, readonly [number, number, boolean]>> = {
  maxTokens: [1, MAX_TOKENS, true],
  temperature: [0, 100, false],
  topP: [Number.MIN_VALUE, 1, false],
  topK: [0, MAX_TOKENS, true],
  minP: [0, 1, false],
  repetitionPenalty: [Number.MIN_VALUE, 10, false],
  presencePenalty: [-2, 2, false],
  frequencyPenalty: [-2, 2, false],
  seed: [0, 2 ** 32 - 1, true],
};
const KEYS = [...Object.keys(NUMBERS), "system", "stop", "raw", "partition", "adapter"];

/** Returns the options with only known keys. Errors: invalid_request, which names the option. */
export function readOptions(value: unknown): Options {
  const given = read.object(value, "options", [], KEYS);
  const options: Record<string, unknown> = {};
  for (const [key, option] of Object.entries(given)) {
    // An option given as undefined is an option not given; null is a value, and no option takes it.
    if (option === undefined) continue;
    const range = NUMBERS[key];
    if (range)
      options[key] = range[2]
        ? read.integer(option, key, range[0], range[1])
        : read.number(option, key, range[0], range[1]);
    else if (key === "stop") options[key] = readStops(option);
    else if (key === "adapter") options[key] = readAdapters(option);
    else if (key === "raw") options[key] = read.boolean(option, key);
    else options[key] = read.string(option, key, key === "partition" ? 1024 : MAX_TEXT);
  }
  return options as Options;
}

export function readPrompt(value: unknown): string | readonly Message[] {
  if (typeof value === "string") return read.string(value, "prompt", MAX_TEXT);
  return read.array(value, "prompt", 1, MAX_MESSAGES).map((entry, i): Message => {
    const message = read.object(entry, `prompt[${i}]`, ["role", "content"]);
    return {
      role: read.oneOf(message.role, `prompt[${i}].role`, ROLES),
      content: read.string(message.content, `prompt[${i}].content`, MAX_TEXT),
    };
  });
}

/** The messages of a chat prompt, with the option `system` put first. Errors: invalid_request. */
export function toMessages(prompt: string | readonly Message[], system: string | undefined): readonly Message[] {
  const messages: readonly Message[] = typeof prompt === "string" ? [{ role: "user", content: prompt }] : prompt;
  if (system === undefined) return messages;
  if (messages.some(({ role }) => role === "system")) {
    throw new LlmError(
      "invalid_request",
      "generate: give the system message in the messages or as the option system, not both.",
    );
  }
  return [{ role: "system", content: system }, ...messages];
}

/** The texts to embed. */
export function readTexts(value: unknown): readonly string[] {
  const reader = new Reader("invalid_request", "embed");
  if (typeof value === "string") return [reader.string(value, "input", MAX_TEXT)];
  return reader.array(value, "input", 1, MAX_TEXTS).map((text, i) => reader.string(text, `input[${i}]`, MAX_TEXT));
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
  if (typeof value === "string") return [{ name: value }];
  const uses = read.array(value, "adapter", 0, MOST_STACKED).map((entry, i): AdapterUse => {
    const { name, weight = 1 } = read.object(entry, `adapter[${i}]`, ["name"], ["weight"]);
    return {
      name: read.string(name, `adapter[${i}].name`, 128),
      weight: read.number(weight, `adapter[${i}].weight`, -MAX_WEIGHT, MAX_WEIGHT),
    };
  });
  if (new Set(uses.map(({ name }) => name)).size < uses.length) read.fail("adapter", "a list that names each once");
  return uses;
}

function readStops(value: unknown): readonly string[] {
  const stops = typeof value === "string" ? [value] : read.array(value, "stop", 0, 16);
  return stops.map((stop, i) => {
    const text = read.string(stop, `stop[${i}]`, 256);
    if (text === "") read.fail(`stop[${i}]`, "a string of at least one character");
    return text;
  });
}
