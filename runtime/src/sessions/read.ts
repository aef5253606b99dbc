/** Checks what callers give to sessions and to `decide`. Everything here may come from a hostile page. */
import type { Question, ResponseFormat, SessionMessage, Tool, ToolCall } from "../api/types";
import { Reader } from "../internal/reader";
import { describeFormat } from "./described_format";
import { SAMPLING_MODES, type SamplingMode } from "./sampling_mode";

const ROLES = ["system", "user", "assistant", "tool"] as const;
const MAX_TOOLS = 128;
const MAX_TEXT = 16 * 2 ** 20;
const MAX_MESSAGES = 10_000;
const MAX_QUESTIONS = 64;
const MAX_OPTIONS = 64;
/** Each of them is encoded with the whole input. */
const MAX_ALL_OPTIONS = 256;
const MAX_LABEL = 256;
const MAX_PROMPT = 2 ** 16;

const session = new Reader("invalid_request", "session");
const decide = new Reader("invalid_request", "decide");

/** A string is one message of the user. `first`: they begin a session, so that a system message may be among them. */
export function readMessages(value: unknown, path: string, first: boolean): readonly SessionMessage[] {
  if (typeof value === "string") return [{ role: "user", content: session.string(value, path, MAX_TEXT) }];
  return session.array(value, path, 0, MAX_MESSAGES).map((entry, i): SessionMessage => {
    const at = `${path}[${i}]`;
    const given = session.object(entry, at, ["role", "content"], ["tool_calls", "tool_call_id", "name"]);
    const role = session.oneOf(given.role, `${at}.role`, ROLES);
    const content = session.string(given.content, `${at}.content`, MAX_TEXT);
    if (role === "tool") {
      const name = given.name === undefined ? {} : { name: session.string(given.name, `${at}.name`, MAX_LABEL) };
      const tool_call_id = session.string(given.tool_call_id, `${at}.tool_call_id`, MAX_LABEL);
      return { role, content, tool_call_id, ...name };
    }
    if (role === "system" && !(first && i === 0))
      session.fail(`${at}.role`, '"system" in the first message of a session only', role);
    if (role !== "assistant" || given.tool_calls === undefined) return { role, content };
    return { role, content, tool_calls: readToolCalls(given.tool_calls, `${at}.tool_calls`) };
  });
}

function readToolCalls(value: unknown, path: string): readonly ToolCall[] {
  return session.array(value, path, 0, MAX_TOOLS).map((entry, i): ToolCall => {
    const { id, type, function: called } = session.object(entry, `${path}[${i}]`, ["id", "type", "function"]);
    const given = session.object(called, `${path}[${i}].function`, ["name", "arguments"]);
    return {
      id: session.string(id, `${path}[${i}].id`, MAX_LABEL),
      type: session.oneOf(type, `${path}[${i}].type`, ["function"] as const),
      function: {
        name: session.string(given.name, `${path}[${i}].function.name`, MAX_LABEL),
        arguments: session.string(given.arguments, `${path}[${i}].function.arguments`, MAX_TEXT),
      },
    };
  });
}

function readTools(value: unknown): readonly Tool[] {
  return session.array(value, "tools", 0, MAX_TOOLS).map((entry, i): Tool => {
    const path = `tools[${i}]`;
    const { type, function: given } = session.object(entry, path, ["type", "function"]);
    const called = session.object(given, `${path}.function`, ["name"], ["description", "parameters", "strict"]);
    return {
      type: session.oneOf(type, `${path}.type`, ["function"] as const),
      function: {
        name: session.string(called.name, `${path}.function.name`, MAX_LABEL),
        ...(called.description === undefined
          ? {}
          : { description: session.string(called.description, `${path}.function.description`, MAX_PROMPT) }),
        ...(called.parameters === undefined
          ? {}
          : {
              parameters: Object.fromEntries(
                session.entries(called.parameters, `${path}.function.parameters`, /^/, 64),
              ),
            }),
      },
    };
  });
}

/** Options of a session: its tools, samplingMode, and those of `generate` that are given with it, unchecked. */
export function readSessionOptions(value: unknown): {
  readonly samplingMode: SamplingMode;
  readonly tools: readonly Tool[];
  readonly generate: Readonly<Record<string, unknown>>;
} {
  const { samplingMode = "balanced", tools = [], ...generate } = readKeys(value);
  for (const key of ["raw", "system"])
    if (Object.hasOwn(generate, key)) session.fail("options", `without ${key}, which a session does not take`);
  return {
    samplingMode: session.oneOf(samplingMode as SamplingMode, "samplingMode", SAMPLING_MODES),
    tools: readTools(tools),
    generate,
  };
}

/** A prompt and its options: whether it ends with the beginning of the answer, and those of `generate`, unchecked. */
export function readPrompt(
  inputGiven: unknown,
  optionsGiven: unknown,
  first: boolean,
): {
  readonly input: readonly SessionMessage[];
  readonly prefix: boolean;
  readonly generate: Readonly<Record<string, unknown>>;
} {
  const { prefix: prefixGiven, describeFormat: described = false, ...generate } = readKeys(optionsGiven);
  const given = readMessages(inputGiven, "input", first);
  const answers = given.at(-1)?.role === "assistant";
  const prefix = prefixGiven === undefined ? answers : session.boolean(prefixGiven, "options.prefix");
  if (prefix && !answers) session.fail("options.prefix", "true with a last message of the assistant only");
  const { responseFormat } = generate;
  const input =
    session.boolean(described, "options.describeFormat") && responseFormat !== undefined
      ? describeFormat(given, readFormat(responseFormat))
      : given;
  return { input, prefix, generate };
}

/** As much of it as its description needs; the constraint is checked where it is made. */
function readFormat(value: unknown): ResponseFormat {
  const { type, ...rest } = session.object(value, "responseFormat", ["type"], ["schema", "pattern", "flags", "ebnf"]);
  const known = session.oneOf(type, "responseFormat.type", ["schema", "json", "regex", "grammar"] as const);
  const text = known === "regex" ? "pattern" : known === "grammar" ? "ebnf" : null;
  if (text) session.string(rest[text], `responseFormat.${text}`, MAX_TEXT);
  return { type: known, ...rest } as ResponseFormat;
}

function readKeys(value: unknown): Record<string, unknown> {
  return Object.fromEntries(session.entries(value, "options", /^[a-zA-Z]+$/, 64));
}

export function readDecideOptions(value: unknown): {
  readonly calibrate: boolean;
  readonly generate: Readonly<Record<string, unknown>>;
} {
  const { calibrate = true, ...generate } = decide.object(value, "options", [], ["calibrate", "adapter", "partition"]);
  return { calibrate: decide.boolean(calibrate, "calibrate"), generate };
}

export function readInput(value: unknown): string {
  return decide.string(value, "input", MAX_TEXT);
}

export function readQuestions(value: unknown): readonly Question[] {
  const questions = decide.array(value, "questions", 1, MAX_QUESTIONS).map((entry, i): Question => {
    const path = `questions[${i}]`;
    const given = decide.object(entry, path, ["id", "prompt", "type"], ["options"]);
    const id = decide.string(given.id, `${path}.id`, MAX_LABEL);
    const prompt = decide.string(given.prompt, `${path}.prompt`, MAX_PROMPT);
    const type = decide.oneOf(given.type, `${path}.type`, ["boolean", "choice", "score"] as const);
    if (type === "boolean") {
      if (given.options !== undefined) decide.fail(`${path}.options`, "left out: a boolean has none");
      return { id, prompt, type };
    }
    if (type === "score" && given.options === undefined) return { id, prompt, type };
    const options = decide.array(given.options, `${path}.options`, 2, MAX_OPTIONS).map((option, k) => {
      const at = `${path}.options[${k}]`;
      if (type === "score") return decide.number(option, at, -1e9, 1e9);
      const label = decide.string(option, at, MAX_LABEL);
      return label.trim() === "" ? decide.fail(at, "a string with more than spaces") : label;
    });
    if (new Set(options).size < options.length) decide.fail(`${path}.options`, "a list that names each once");
    return { id, prompt, type, options } as Question;
  });
  const count = questions.reduce((sum, { options }) => sum + (options?.length ?? 5), 0);
  if (count > MAX_ALL_OPTIONS) decide.fail("questions", `a list with at most ${MAX_ALL_OPTIONS} options in all`, count);
  if (new Set(questions.map(({ id }) => id)).size < questions.length)
    decide.fail("questions", "a list in which each id occurs once");
  return questions;
}
