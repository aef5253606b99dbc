/** Opens the window that asks the user about a site. Its answer goes to the offscreen document, not through here. */

export async function openConsentWindow(id: number): Promise<void> {
  await chrome.windows.create({
    type: "popup",
    url: `consent.html?id=${id}`,
    width: 440,
    height: 620,
    focused: true,
  });
}
