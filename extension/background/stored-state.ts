/** chrome.storage.local, read and written for the offscreen document, which has no access to it. */
import type { Settings, StoredState } from "../protocol/background";

/** What an earlier version has stored may lack settings that came later. */
type Stored = Partial<Omit<StoredState, "settings">> & { readonly settings?: Partial<Settings> };

export async function readState(): Promise<StoredState> {
  const stored = (await chrome.storage.local.get(["permissions", "settings", "sources"])) as Stored;
  return {
    permissions: stored.permissions ?? [],
    settings: { ...(await defaultSettings()), ...stored.settings },
    sources: stored.sources ?? {},
  };
}

async function defaultSettings(): Promise<Settings> {
  return {
    defaultModel: null,
    allowOwnPrograms: await isUnpacked(),
    device: "auto",
    withoutLanguageModel: [],
    withTasks: [],
    withMemory: [],
  };
}

export async function writeState(state: Partial<StoredState>): Promise<void> {
  await chrome.storage.local.set(state);
}

/** Sites the user has visited are nobody's business: content scripts get no access to the storage. */
export async function closeStorageToContentScripts(): Promise<void> {
  await chrome.storage.local.setAccessLevel({ accessLevel: "TRUSTED_CONTEXTS" });
}

/** Loaded by hand in developer mode, which is the explicit developer setting of docs/decisions/0041. */
async function isUnpacked(): Promise<boolean> {
  return (await chrome.management.getSelf()).installType === "development";
}
