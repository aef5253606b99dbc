/**
 * The script of the task interfaces, registered for the sites that have them switched on and for no other. The browser keeps
 * the registration until the extension is updated.
 */

const ID = "tasks";

export async function registerTaskScripts(origins: readonly string[]): Promise<void> {
  const sites = origins.filter((origin) => /^https?:/.test(origin));
  await chrome.scripting.unregisterContentScripts({ ids: [ID] }).catch(() => undefined);
  if (sites.length > 0)
    await chrome.scripting.registerContentScripts([
      {
        id: ID,
        js: ["tasks.js"],
        matches: sites.map((origin) => `${origin}/*`),
        world: "MAIN",
        runAt: "document_start",
        allFrames: true,
        matchOriginAsFallback: true,
        persistAcrossSessions: true,
      },
    ]);
}
