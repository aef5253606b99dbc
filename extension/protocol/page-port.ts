/**
 * Messages between a page and the engine: on the private MessagePort (main world ⇄ isolated world) and, with the
 * frame's facts beside them, on the runtime port (isolated world ⇄ offscreen document).
 *
 * Each request id gets any number of events and exactly one answer; `abort` has none of its own. There is no
 * administrative verb here.
 */
import type { ModelInfo, Usage, WireError } from "@nomoat/runtime";
import { type GenerateRequest, type Parsed, parseGenerate } from "./generate-request";
import { isSafeInteger, ownKeys } from "./primordials";

export const PAGE_PORT = "page";
/** The event that carries the private port. One-shot, dispatched and consumed before the first page script. */
export const CHANNEL_EVENT = "nomoat:channel";

/** What the popup asks the content script of the active tab; it answers with its origin. */
export const WHO_IS_HERE = "nomoat:who-is-here";

export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

export type PageRequest =
  | { readonly id: number; readonly method: "availability" | "models" | "abort" }
  | ({ readonly id: number; readonly method: "generate" } & GenerateRequest);

export type PageAnswer =
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly result: Availability | readonly ModelInfo[] | Usage }
  | { readonly id: number; readonly error: NamedWireError };

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

export function parseRequest(value: unknown): Parsed<PageRequest> & { readonly id: number } {
  if (typeof value !== "object" || value === null) return { id: 0, problem: "A request must be an object." };
  const { id, method, prompt, options } = value as Record<string, unknown>;
  if (!isSafeInteger(id) || (id as number) < 1)
    return { id: 0, problem: "A request must have a positive integer as id." };
  const known = { id: id as number };
  const fields = ownKeys(value).length;
  if (method === "generate") {
    if (fields !== 4) return { ...known, problem: "generate takes id, method, prompt and options." };
    const parsed = parseGenerate(prompt, options);
    return "problem" in parsed ? { ...known, ...parsed } : { ...known, value: { ...known, method, ...parsed.value } };
  }
  if (method === "availability" || method === "models" || method === "abort") {
    if (fields !== 2) return { ...known, problem: `${method} takes id and method.` };
    return { ...known, value: { ...known, method } };
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
