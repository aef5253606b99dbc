/**
 * What a page may ask of sessions, decide(), embed() and its memory: a table of declarations, applied at the page edge, again in the
 * isolated content script and again in the offscreen document.
 *
 * Which document a session belongs to is not said here: its number means something only on the port that it came from.
 */
import {
  array,
  budgetOf,
  type Checked,
  check,
  countedText,
  create,
  either,
  type Infer,
  integer,
  memoryCall,
  object,
  optional,
  pageDecideOptions,
  pageSessionOptions,
  pageSessionPromptOptions,
  questions,
  type Rule,
  sessionInput,
  text,
} from "@nomoat/runtime/contract";
import { PAGE_LIMITS } from "./page-contract";

const MAX_EMBED_INPUTS = 256;
const MAX_MEMORY_ITEMS = 256;

const SESSION = integer(1, Number.MAX_SAFE_INTEGER);
const INPUT = sessionInput(PAGE_LIMITS);
const PROMPT_OPTIONS = pageSessionPromptOptions(PAGE_LIMITS);

const RULES = {
  /** LanguageModel.create(): asks the person and has the model loaded. */
  prepareModel: object({}),
  /** Whether LanguageModel may be used here. */
  modelAvailability: object({}),
  createSession: object({ options: pageSessionOptions(PAGE_LIMITS) }),
  promptSession: object({ session: SESSION, input: INPUT, options: PROMPT_OPTIONS }),
  appendSession: object({ session: SESSION, input: INPUT }),
  measureSession: object({ session: SESSION, input: INPUT, options: PROMPT_OPTIONS }),
  cloneSession: object({ session: SESSION }),
  destroySession: object({ session: SESSION }),
  decide: object({ input: countedText(), questions, options: pageDecideOptions }),
  embed: object({
    input: either(countedText(), array(countedText(), 1, MAX_EMBED_INPUTS)),
    /** `model`: as in `generate`; it has to be one that embeds. */
    options: object({ model: optional(text(1, 256)) }),
  }),
  memory: memoryCall(MAX_MEMORY_ITEMS),
} as const;
const CALLS: Readonly<Record<string, Rule>> = Object.assign(create(null), RULES);

export type CallMethod = keyof typeof RULES;
export type CallParams<M extends CallMethod> = Infer<(typeof RULES)[M]>;
/** A request of one of these methods, without its id. */
export type Call<M extends CallMethod = CallMethod> = {
  [N in M]: { readonly method: N; readonly params: CallParams<N> };
}[M];

export function isCallMethod(method: unknown): method is CallMethod {
  return typeof method === "string" && CALLS[method] !== undefined;
}

export function parseCall<M extends CallMethod>(method: M, params: unknown): Checked<Call<M>> {
  const checked = check(CALLS[method]!, params, "params", budgetOf(PAGE_LIMITS.textBytes), "");
  return "problem" in checked ? checked : { value: { method, params: checked.value } as Call<M> };
}
