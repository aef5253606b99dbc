/** What the browser and the content script say about an ordinary page, for tests to change one thing of. */
import type { Sender } from "../offscreen/site";
import type { FrameFacts } from "../protocol/page-port";

export function sender(changed: Partial<Sender> & { incognito?: boolean; tabId?: number } = {}): Sender {
  const { incognito = false, tabId = 1, ...rest } = changed;
  const tab = { id: tabId, incognito } as chrome.tabs.Tab;
  return { origin: "https://a.example", documentId: "document-1", documentLifecycle: "active", tab, ...rest } as Sender;
}

export function frame(changed: Partial<FrameFacts> = {}): FrameFacts {
  return { userActivation: true, policyAllows: true, secureContext: true, ancestorOrigins: [], ...changed };
}
