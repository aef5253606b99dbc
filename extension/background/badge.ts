/** Marks the tab whose page is generating, on the extension's button. */

export async function setBadge(tabId: number, generating: boolean): Promise<void> {
  await chrome.action.setBadgeBackgroundColor({ tabId, color: "#0f766e" });
  await chrome.action.setBadgeText({ tabId, text: generating ? "●" : "" });
  await chrome.action.setTitle({ tabId, title: generating ? "NoMoat: this page is generating text" : "NoMoat" });
}
