/**
 * The service worker: control plane only. The browser stops it whenever it likes, so it keeps nothing in memory, and
 * no token passes through it. Each message wakes it.
 */
import { LlmError } from "@nomoat/runtime";
import { defineBackground } from "wxt/utils/define-background";
import { setBadge } from "../background/badge";
import { openConsentWindow } from "../background/consent-window";
import { ensureOffscreenDocument } from "../background/offscreen-document";
import { closeStorageToContentScripts, readState, writeState } from "../background/stored-state";
import { registerTaskScripts } from "../background/task-scripts";
import type { BackgroundMessage, BackgroundMethods, BackgroundReply } from "../protocol/background";

type Handlers = {
  [M in keyof BackgroundMethods]: (params: BackgroundMethods[M]["params"]) => Promise<BackgroundMethods[M]["result"]>;
};

const HANDLERS: Handlers = {
  "engine.ensure": ensureOffscreenDocument,
  "storage.read": readState,
  "storage.write": writeState,
  "consent.open": ({ id }) => openConsentWindow(id),
  "tasks.register": ({ origins }) => registerTaskScripts(origins),
  "badge.set": ({ tabId, generating }) => setBadge(tabId, generating),
};

export default defineBackground({
  type: "module",
  main() {
    chrome.runtime.onMessage.addListener(
      (message: BackgroundMessage, sender, reply: (answer: BackgroundReply) => void) => {
        if (message?.to !== "background") return false;
        answer(message, sender).then(reply, (error) => reply({ error: LlmError.from(error).toWire() }));
        return true;
      },
    );
    // An update forgets what was registered.
    chrome.runtime.onInstalled.addListener(
      () => void readState().then(({ settings }) => registerTaskScripts(settings.withTasks)),
    );
    void closeStorageToContentScripts();
  },
});

async function answer(message: BackgroundMessage, sender: chrome.runtime.MessageSender): Promise<BackgroundReply> {
  const fromOwnPage = sender.id === chrome.runtime.id && sender.url?.startsWith(chrome.runtime.getURL("/")) === true;
  if (!Object.hasOwn(HANDLERS, message.method) || !(fromOwnPage || message.method === "engine.ensure")) {
    throw new LlmError("not_allowed", "This context may not ask that.");
  }
  const handle = HANDLERS[message.method] as (
    params: unknown,
  ) => Promise<BackgroundMethods[keyof BackgroundMethods]["result"]>;
  return { result: await handle(message.params) };
}
