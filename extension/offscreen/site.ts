/**
 * Who is asking, from what the browser says about the port. A page can influence none of it.
 */
import { LlmError } from "@nomoat/runtime";
import type { FrameFacts } from "../protocol/page-port";

/** One document of one site. Its requests end with its port. */
export interface Site {
  readonly origin: string;
  /** Origin of the top-level page: equal to `origin` unless the site is embedded in another one. */
  readonly topOrigin: string;
  readonly documentId: string;
  readonly tabId: number;
  readonly incognito: boolean;
}

export type Sender = Pick<chrome.runtime.MessageSender, "origin" | "documentId" | "documentLifecycle" | "tab">;

/** Only secure origins: https, or http on the machine itself. "null", file:, data: and extensions are none. */
export function isUsableOrigin(origin: string): boolean {
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return false;
  }
  if (url.origin !== origin) return false;
  if (url.protocol === "https:") return true;
  return (
    url.protocol === "http:" &&
    (url.hostname === "localhost" || url.hostname === "127.0.0.1" || url.hostname === "[::1]")
  );
}

/** The site, or the reason why this frame may not use the engine. */
export function siteOf(sender: Sender, frame: FrameFacts): Site | LlmError {
  const { origin, documentId, tab } = sender;
  if (!origin || !isUsableOrigin(origin) || !frame.secureContext) {
    return new LlmError(
      "not_allowed",
      "Only pages of a secure origin (https, or http on localhost) may use window.llm; sandboxed frames have none.",
    );
  }
  if (!documentId || tab?.id === undefined)
    return new LlmError("not_allowed", "Only documents in a tab may use window.llm.");
  if (sender.documentLifecycle !== undefined && sender.documentLifecycle !== "active") {
    return new LlmError("not_allowed", "A page that is not shown (prerendered or cached) may not use window.llm.");
  }
  if (!frame.policyAllows) {
    return new LlmError(
      "not_allowed",
      'The permissions policy of this frame denies language-model: an embedding page grants it with <iframe allow="language-model">.',
    );
  }
  const topOrigin = frame.ancestorOrigins.at(-1) ?? origin;
  if (!isUsableOrigin(topOrigin)) {
    return new LlmError("not_allowed", "The page that embeds this frame must have a secure origin.");
  }
  return { origin, topOrigin, documentId, tabId: tab.id, incognito: tab.incognito };
}
