/**
 * A chat template: Jinja, rendered by @huggingface/jinja with the globals that transformers gives to templates.
 *
 * Errors: `invalid_package` where the template cannot be parsed or uses what is not there, `invalid_request` where it
 * refuses the messages itself (raise_exception: wrong order of roles, no system message allowed...).
 */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { LlmError } from "../internal/errors";
import { PythonWhitespace } from "./python_whitespace";

/** A message as templates see it; the public Message fits. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** Jinja's sandbox has the same limit. */
const MAX_RANGE = 100_000;
const MAX_TEMPLATE_LENGTH = 1_000_000;

export class ChatTemplate {
  private readonly program: ReturnType<typeof parse>;

  /** `specialTokens`: bos_token, eos_token, ... of tokenizer_config.json, seen by the template under these names. */
  constructor(
    source: string,
    private readonly specialTokens: Readonly<Record<string, string>>,
  ) {
    if (source.length > MAX_TEMPLATE_LENGTH) {
      throw new LlmError(
        "invalid_package",
        `The chat template must have at most ${MAX_TEMPLATE_LENGTH} characters, not ${source.length}.`,
      );
    }
    try {
      this.program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
    } catch (error) {
      throw new LlmError("invalid_package", `The chat template must be Jinja; it cannot be parsed: ${reason(error)}.`);
    }
  }

  render(messages: readonly ChatMessage[]): string {
    const whitespace = new PythonWhitespace(messages.map(({ content }) => content));
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...this.specialTokens })) environment.set(name, value);
    environment.set(
      "messages",
      messages.map(({ role, content }) => ({ role, content: whitespace.enter(content) })),
    );
    environment.set("add_generation_prompt", true);
    try {
      const { value } = new Interpreter(environment).run(this.program);
      return whitespace.leave(String(value));
    } catch (error) {
      if (error instanceof LlmError) throw error;
      throw new LlmError(
        "invalid_package",
        `The chat template failed: ${reason(error)}. The package's template cannot be used; use raw prompts.`,
      );
    }
  }
}

const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  tools: null,
  documents: null,
  raise_exception: (message: unknown): never => {
    throw new LlmError("invalid_request", `The model's chat template refuses these messages: ${String(message)}`);
  },
  range: (start: number, stop?: number, step = 1): number[] => {
    const [from, to] = stop == null ? [0, start] : [start, stop];
    const count = step === 0 ? Number.NaN : Math.max(0, Math.ceil((to - from) / step));
    if (!(count <= MAX_RANGE)) throw new Error(`range(${from}, ${to}, ${step}) must give at most ${MAX_RANGE} numbers`);
    return Array.from({ length: count }, (_, index) => from + index * step);
  },
  strftime_now: (format: string): string => strftime(new Date(), format),
};

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** Python's strftime in the C locale, local time; a directive that is not known stays as it is. */
export function strftime(date: Date, format: string): string {
  const padded = (value: number, digits = 2): string => String(value).padStart(digits, "0");
  const dayOfYear =
    Math.round(
      (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000,
    ) + 1;
  const values: Record<string, () => string> = {
    Y: () => padded(date.getFullYear(), 4),
    y: () => padded(date.getFullYear() % 100),
    m: () => padded(date.getMonth() + 1),
    d: () => padded(date.getDate()),
    e: () => String(date.getDate()).padStart(2),
    H: () => padded(date.getHours()),
    I: () => padded(date.getHours() % 12 || 12),
    M: () => padded(date.getMinutes()),
    S: () => padded(date.getSeconds()),
    p: () => (date.getHours() < 12 ? "AM" : "PM"),
    A: () => DAYS[date.getDay()]!,
    a: () => DAYS[date.getDay()]!.slice(0, 3),
    B: () => MONTHS[date.getMonth()]!,
    b: () => MONTHS[date.getMonth()]!.slice(0, 3),
    h: () => MONTHS[date.getMonth()]!.slice(0, 3),
    j: () => padded(dayOfYear, 3),
    "%": () => "%",
  };
  return format.replace(/%(.)/g, (directive, letter: string) => values[letter]?.() ?? directive);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason";
}
