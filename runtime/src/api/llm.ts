/** What a page has as `window.llm`, whoever provides it: the extension, or the page's own model (`@nomoat/client`). */
import type { PlainDecideOptions, Question } from "../contract/sessions";
import type { Availability } from "../language_model/port";
import type {
  Chat,
  Decision,
  GenerateOptions,
  Generation,
  Memory,
  Message,
  ModelInfo,
  Session,
  SessionOptions,
} from "./types";

export type { Availability } from "../language_model/port";

/** `model`: its id or name; left out: the one that the person, or the page whose model it is, has chosen. */
interface OfModel {
  readonly model?: string;
  readonly signal?: AbortSignal;
}

export interface LLM {
  readonly version: string;
  readonly chat: Chat;
  /** Of the person's machine where an extension provides it, and the person has switched it on for this site. */
  readonly memory: Memory;
  /** Never asks the person. */
  availability(options?: { readonly model?: string }): Promise<Availability>;
  generate(prompt: string | readonly Message[], options?: GenerateOptions): Generation;
  createSession(options?: Omit<SessionOptions, "partition">): Promise<Session>;
  decide(
    input: string,
    questions: readonly Question[],
    options?: OfModel & Omit<PlainDecideOptions, "partition">,
  ): Promise<Readonly<Record<string, Decision>>>;
  /** A vector for each text, in the order given. */
  embed(input: string | readonly string[], options?: OfModel): Promise<readonly Float32Array[]>;
  /** Those that the person has installed, once this site is allowed. */
  models(): Promise<readonly ModelInfo[]>;
}
