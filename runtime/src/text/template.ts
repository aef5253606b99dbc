/**
 * A chat template: Jinja with Python's semantics (jinja/), the globals that transformers gives to templates and bounds
 * on what a rendering may cost, because a package is not trusted.
 *
 * Errors: `invalid_package` where the template cannot be parsed or uses what is not there, `invalid_request` where it
 * refuses the messages itself (raise_exception: wrong order of roles, no system message allowed...).
 */
import { LlmError } from "../internal/errors";
import { GLOBALS, Refusal } from "./jinja/globals";
import { compileTemplate } from "./jinja/statements";
import { Dict, type Value } from "./jinja/values";
import { beginWork } from "./jinja/work";

/** A message as OpenAI's API has it and as templates take it; the public Message fits. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string | null;
  readonly name?: string;
  readonly tool_calls?: readonly {
    readonly id: string;
    readonly type: "function";
    /** `arguments`: JSON text of an object; templates get the object where they want it. */
    readonly function: { readonly name: string; readonly arguments: Json };
  }[];
  readonly tool_call_id?: string;
  /** What the model thought before it answered; left out where the template does not know it. */
  readonly reasoning_content?: string;
}

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

// The names of rare.ts behind | or . or as text, and what looks like a directive of % formatting.
const RARE =
  /(?:[|.'"]|\bfilter)\s*(?:abs|attr|batch|casefold|center|dictsort|encode|expandtabs|filesizeformat|float|forceescape|format|format_map|groupby|indent|int|is[a-z]+|ljust|max|min|partition|random|rindex|rjust|round|rpartition|slice|sort|splitlines|sum|swapcase|title|truncate|unique|urlencode|word(?:count|wrap)|xmlattr|zfill)\b|\b(?:cycler|joiner|lipsum|strftime_now)\b|(?<!\{)%[-+ #0]*[\d.*]*[diouxXeEfFgGcrsa(]/;

/** Loads what the template needs and few templates use. Before the first ChatTemplate of this source. */
export async function loadRareParts(source: string): Promise<void> {
  if (needsRareParts(source)) await import("./jinja/rare");
}

export function needsRareParts(source: string): boolean {
  return RARE.test(source);
}

const MAX_TEMPLATE_LENGTH = 1_000_000;

export class ChatTemplate {
  private readonly rendering: (given: ReadonlyMap<string, Value>) => string;

  /** `specialTokens`: bos_token, eos_token, ... of tokenizer_config.json, seen by the template under these names. */
  constructor(
    readonly source: string,
    private readonly specialTokens: Readonly<Record<string, string>>,
  ) {
    if (source.length > MAX_TEMPLATE_LENGTH) {
      throw new LlmError(
        "invalid_package",
        `The chat template must have at most ${MAX_TEMPLATE_LENGTH} characters, not ${source.length}.`,
      );
    }
    try {
      this.rendering = compileTemplate(source);
    } catch (error) {
      throw new LlmError("invalid_package", `The chat template must be Jinja; it cannot be parsed: ${reason(error)}.`);
    }
  }

  /** `variables` beside the messages, such as tools; an object is a dict and a whole number an int. */
  render(messages: readonly ChatMessage[], variables: Readonly<Record<string, Json>> = {}): string {
    const given = new Map(GLOBALS);
    const all = { tools: null, documents: null, add_generation_prompt: true, ...this.specialTokens, ...variables };
    for (const [name, value] of Object.entries({ ...all, messages: messages as unknown as Json })) {
      given.set(name, fromJson(value));
    }
    beginWork();
    try {
      return this.rendering(given);
    } catch (error) {
      if (error instanceof Refusal) {
        throw new LlmError("invalid_request", `The model's chat template refuses these messages: ${error.message}`);
      }
      throw new LlmError(
        "invalid_package",
        `The chat template failed: ${reason(error)}. The package's template cannot be used; use raw prompts.`,
      );
    }
  }
}

function fromJson(value: Json): Value {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromJson);
  return Dict.of(Object.entries(value).map(([key, item]) => [key, fromJson(item)] as const));
}

/** Too deep a template ends as a RangeError of the engine. */
function reason(error: unknown): string {
  return error instanceof Error ? error.message : "unknown reason";
}
