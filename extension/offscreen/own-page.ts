/** Whether a port comes from one of the extension's own pages, by what the browser says about its sender. */

export function isOwnPage(sender: chrome.runtime.MessageSender | undefined, pages: readonly string[]): boolean {
  if (!sender?.url || sender.id !== chrome.runtime.id) return false;
  // chrome-extension: has an opaque origin in URL, so compare the address up to its query and hash.
  const [address] = sender.url.split(/[?#]/, 1);
  return pages.some((page) => address === chrome.runtime.getURL(page));
}
