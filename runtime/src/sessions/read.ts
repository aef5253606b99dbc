/** Checks what callers give to sessions and to `decide`, beyond its types. Everything here may come from a hostile page. */
import { accept } from "../contract/accept";
import { type Tool, tools as toolList } from "../contract/chat";
import { type ResponseFormat, responseFormat } from "../contract/generate";
import { ENGINE_LIMITS } from "../contract/limits";
import { type PlainMessage, toPlainMessage } from "../contract/messages";
import { boolean, countedText } from "../contract/rules";
import {
  decideOptions,
  type PlainDecideOptions,
  type Question,
  questions,
  type SamplingMode,
  samplingMode,
  sessionInput,
} from "../contract/sessions";
import { LlmError } from "../internal/errors";
import { describeFormat } from "./described_format";

/** Each option is encoded with the whole input. */
const MAX_ALL_OPTIONS = 256;
const INPUT = sessionInput(ENGINE_LIMITS);
const FLAG = boolean();

type Options = Readonly<Record<string, unknown>>;

/** A string is one message of the user. `first`: they begin a session, so that a system message may be the first. */
export function readMessages(value: unknown, name: string, first: boolean): readonly PlainMessage[] {
  const given = accept("session", INPUT, value, name);
  if (typeof given === "string") return [{ role: "user", content: given }];
  return given.map(toPlainMessage).map((message, i) => {
    if (message.role !== "system" || (first && i === 0)) return message;
    throw invalid(`${name}[${i}].role`, "a system message must be the first of its session");
  });
}

/** Options of a session: its tools, samplingMode, and those of `generate` that are given with it, unchecked. */
export function readSessionOptions(value: unknown): {
  readonly samplingMode: SamplingMode;
  readonly tools: readonly Tool[];
  readonly generate: Options;
} {
  const { samplingMode: mode = "balanced", tools = [], ...generate } = readKeys(value);
  return {
    samplingMode: accept("session", samplingMode, mode, "samplingMode"),
    tools: accept("session", toolList, tools, "tools"),
    generate: withoutChat(generate),
  };
}

/** A prompt and its options: whether it ends with the beginning of the answer, and those of `generate`, unchecked. */
export function readPrompt(
  inputGiven: unknown,
  optionsGiven: unknown,
  first: boolean,
): { readonly input: readonly PlainMessage[]; readonly prefix: boolean; readonly generate: Options } {
  const { prefix: prefixGiven, describeFormat: described = false, ...generate } = readKeys(optionsGiven);
  const given = readMessages(inputGiven, "input", first);
  const answers = given.at(-1)?.role === "assistant";
  const prefix = prefixGiven === undefined ? answers : accept("session", FLAG, prefixGiven, "prefix");
  if (prefix && !answers) throw invalid("prefix", "prefix needs a last message of the assistant");
  const { responseFormat: format } = generate;
  const describes = accept("session", FLAG, described, "describeFormat") && format !== undefined;
  const input = describes ? describeFormat(given, readFormat(format)) : given;
  return { input, prefix, generate: withoutChat(generate) };
}

export function readDecideOptions(value: unknown): PlainDecideOptions {
  return accept("decide", decideOptions, value, "options", "");
}

export function readDecideInput(value: unknown): string {
  return accept("decide", countedText(), value, "input");
}

export function readQuestions(value: unknown): readonly Question[] {
  const given = accept("decide", questions, value, "questions");
  let count = 0;
  for (const [i, question] of given.entries()) {
    const options: readonly (string | number)[] = ("options" in question ? question.options : undefined) ?? [];
    count += options.length;
    const path = `questions[${i}].options`;
    if (options.some((option) => String(option).trim() === "")) throw invalid(path, "an option must not be blank");
    if (new Set(options).size < options.length) throw invalid(path, "an option must not be named twice");
  }
  if (count > MAX_ALL_OPTIONS)
    throw invalid("questions", `there may be ${MAX_ALL_OPTIONS} options in all, not ${count}`);
  if (new Set(given.map(({ id }) => id)).size < given.length) throw invalid("questions", "an id must not occur twice");
  return given;
}

function readFormat(value: unknown): ResponseFormat {
  return accept("session", responseFormat, value, "responseFormat");
}

function withoutChat(options: Options): Options {
  for (const key of ["raw", "system"])
    if (Object.hasOwn(options, key)) throw invalid(key, `a session does not take ${key}`);
  return options;
}

function readKeys(value: unknown): Options {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid("options", "options must be an object");
}

function invalid(path: string, problem: string): LlmError {
  return new LlmError("invalid_request", `session: ${problem}.`, { path });
}
