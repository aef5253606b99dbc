/**
 * Messages between a page and the engine: on the private MessagePort (main world ⇄ isolated world) and, with the
 * frame's facts beside them, on the runtime port (isolated world ⇄ offscreen document).
 *
 * Each request id gets any number of events and exactly one answer; `abort` has none of its own. There is no
 * administrative verb here.
 */
import type {
  Availability,
  ChatCompletion,
  ChatCompletionChunk,
  Decision,
  ErrorCode,
  ModelInfo,
  ToolCall,
  Usage,
  WireError,
} from "@nomoat/runtime";
import {
  budgetOf,
  type ChatRequest,
  type Checked,
  check,
  type Infer,
  isSafeInteger,
  type MemoryResults,
  object,
  optional,
  ownKeys,
  text,
} from "@nomoat/runtime/contract";
import { type Call, isCallMethod, parseCall } from "./page-calls";
import { type GenerateRequest, parseChat, parseGenerate } from "./page-contract";

export const PAGE_PORT = "page";
/** The event that carries the private port. One-shot, dispatched and consumed before the first page script. */
export const CHANNEL_EVENT = "nomoat:channel";

/** What the popup asks the content script of the active tab; it answers with its origin. */
export const WHO_IS_HERE = "nomoat:who-is-here";

const MODEL_OPTIONS = object({
  /** The id or name of a model; left out: the one that the person has chosen. */
  model: optional(text(1, 256)),
});
/** For which request availability() answers. */
export type ModelOptions = Infer<typeof MODEL_OPTIONS>;

export type PageRequest =
  | { readonly id: number; readonly method: "models" }
  | { readonly id: number; readonly method: "abort" }
  | { readonly id: number; readonly method: "availability"; readonly options: ModelOptions }
  | { readonly id: number; readonly method: "chat"; readonly request: ChatRequest }
  | ({ readonly id: number; readonly method: "generate" } & GenerateRequest)
  | ({ readonly id: number } & Call);

export type PageAnswer =
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly chunks: readonly ChatCompletionChunk[] }
  | { readonly id: number; readonly events: readonly SessionEvent[] }
  /** The fraction of a model's download. */
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly result: PageResult }
  | { readonly id: number; readonly error: NamedWireError };
/** Of a stream of chunks: null. */
export type PageResult =
  | Availability
  | readonly ModelInfo[]
  | Usage
  | ChatCompletion
  | SessionState
  | Readonly<Record<string, Decision>>
  /** Vectors, as numbers because a runtime port carries JSON. */
  | readonly (readonly number[])[]
  | MemoryResults[keyof MemoryResults]
  /** Tokens of measureSession. */
  | number
  | null;

/** `overflow`: old messages had to go. */
export type SessionEvent = { readonly text: string } | { readonly toolCall: ToolCall } | { readonly overflow: true };

/** A session after a request of it. Nothing tells what the person's machine is. */
export interface SessionState {
  readonly contextUsage: number;
  readonly contextWindow: number;
  /** Its number, where it is new. */
  readonly session?: number;
  /** Of a prompt. */
  readonly usage?: Usage;
}

/** The wire form of an error with the DOMException-compatible name of its code, for the page to rebuild. */
export interface NamedWireError extends WireError {
  readonly name: string;
}

/** What only the isolated content script can know about its frame. Origin and document come from the browser. */
export interface FrameFacts {
  /** The user has just clicked or typed in this frame (transient activation). */
  readonly userActivation: boolean;
  /** The permissions policy `language-model` allows this frame. */
  readonly policyAllows: boolean;
  readonly secureContext: boolean;
  /** Origins of the embedding frames, nearest first; the last is the top-level page. */
  readonly ancestorOrigins: readonly string[];
}

export interface FramedRequest {
  readonly request: PageRequest;
  readonly frame: FrameFacts;
}

/** A checked value, or a sentence that says what was wrong, and the code of its error. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string; readonly code?: ErrorCode };

/** `options` left out are none. */
export function parseModelOptions(options: unknown): Checked<ModelOptions> {
  return options === undefined ? { value: {} } : check(MODEL_OPTIONS, options, "options", budgetOf(0), "");
}

export function parseRequest(value: unknown): Parsed<PageRequest> & { readonly id: number } {
  if (typeof value !== "object" || value === null) return { id: 0, problem: "A request must be an object." };
  const { id, method, prompt, options, request, params } = value as Record<string, unknown>;
  if (!isSafeInteger(id) || (id as number) < 1)
    return { id: 0, problem: "A request must have a positive integer as id." };
  const known = { id: id as number };
  const fields = ownKeys(value).length;
  const fieldsMustBe = (count: number, names: string) =>
    fields === count ? null : { ...known, problem: `${method} takes ${names}.` };
  if (method === "generate") {
    const parsed = parseGenerate(prompt, options);
    if ("problem" in parsed) return { ...known, ...parsed };
    return (
      fieldsMustBe(4, "id, method, prompt and options") ?? { ...known, value: { ...known, method, ...parsed.value } }
    );
  }
  if (method === "chat") {
    const parsed = parseChat(request);
    if ("problem" in parsed) return { ...known, ...parsed };
    return (
      fieldsMustBe(3, "id, method and request") ?? { ...known, value: { ...known, method, request: parsed.value } }
    );
  }
  if (method === "availability") {
    const parsed = parseModelOptions(options);
    if ("problem" in parsed) return { ...known, ...parsed };
    return (
      fieldsMustBe(3, "id, method and options") ?? { ...known, value: { ...known, method, options: parsed.value } }
    );
  }
  if (method === "models" || method === "abort")
    return fieldsMustBe(2, "id and method") ?? { ...known, value: { ...known, method } };
  if (isCallMethod(method)) {
    const parsed = parseCall(method, params);
    if ("problem" in parsed) return { ...known, ...parsed };
    return fieldsMustBe(3, "id, method and params") ?? { ...known, value: { ...known, ...parsed.value } };
  }
  return { ...known, problem: "Unknown method." };
}

const MAX_ANCESTORS = 64;

export function parseFrameFacts(value: unknown): FrameFacts | null {
  if (typeof value !== "object" || value === null) return null;
  const { userActivation, policyAllows, secureContext, ancestorOrigins } = value as Record<string, unknown>;
  if (typeof userActivation !== "boolean" || typeof policyAllows !== "boolean" || typeof secureContext !== "boolean")
    return null;
  if (!Array.isArray(ancestorOrigins) || ancestorOrigins.length > MAX_ANCESTORS) return null;
  if (!ancestorOrigins.every((origin) => typeof origin === "string")) return null;
  return { userActivation, policyAllows, secureContext, ancestorOrigins };
}
