/** Calls to the service worker; sending the message wakes it. This document has no chrome.storage or windows. */
import { LlmError } from "@nomoat/runtime";
import type { BackgroundMessage, BackgroundMethod, BackgroundMethods, BackgroundReply } from "../protocol/background";

export async function askBackground<M extends BackgroundMethod>(
  method: M,
  params: BackgroundMethods[M]["params"],
): Promise<BackgroundMethods[M]["result"]> {
  const message: BackgroundMessage<M> = { to: "background", method, params };
  const reply: BackgroundReply<M> = await chrome.runtime.sendMessage(message);
  if ("error" in reply) throw LlmError.fromWire(reply.error);
  return reply.result;
}
