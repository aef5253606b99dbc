/** Puts the parts of the offscreen document together, from the stored state and a way to make an engine. */
import type { Engine } from "@nomoat/runtime";
import type { Settings, StoredState } from "../protocol/background";
import type { AdminServices } from "./admin";
import { askBackground } from "./background-client";
import { ConsentDesk } from "./consent";
import { Memories } from "./memories";
import { Models } from "./models";
import { PageSessions } from "./page-sessions";
import { Permissions } from "./permissions";
import { RateLimiter } from "./rate-limit";
import { Requests } from "./requests";
import { StateSaver } from "./state-saver";

export function createServices(makeEngine: () => Engine, stored: StoredState, onChange: () => void): AdminServices {
  let settings: Settings = stored.settings;
  const saver = new StateSaver(
    (state) => askBackground("storage.write", state),
    (error) => console.error("The settings could not be saved.", error),
  );
  const save = (state: Partial<StoredState>): void => {
    saver.save(state);
    onChange();
  };
  const requests = new Requests(({ site }) => {
    if (site) showBadge(site.tabId, requests.isGenerating(site.tabId));
    onChange();
  });
  const models: Models = new Models(makeEngine, {
    onChange,
    device: () => settings.device,
    ownPrograms: () => settings.allowOwnPrograms,
    held: () => sessions.size > 0,
    sources: stored.sources,
    saveSources: (sources) => save({ sources }),
  });
  const sessions: PageSessions = new PageSessions((model) => models.isLoaded(model));
  return {
    models,
    memories: new Memories(models, (origin) => settings.withMemory.includes(origin), onChange),
    sessions,
    languageModelAllowed: (origin) => !settings.withoutLanguageModel.includes(origin),
    permissions: new Permissions(stored.permissions, (permissions) => save({ permissions })),
    consent: new ConsentDesk((id) => askBackground("consent.open", { id })),
    requests,
    rate: new RateLimiter(),
    defaultModel: () => settings.defaultModel,
    settings: () => settings,
    setSettings: (changed) => {
      settings = { ...settings, ...changed };
      save({ settings });
    },
    registerTasks: (origins) => askBackground("tasks.register", { origins }),
    onChange,
  };
}

const badges = new Set<number>();

function showBadge(tabId: number, generating: boolean): void {
  if (badges.has(tabId) === generating) return;
  if (generating) badges.add(tabId);
  else badges.delete(tabId);
  // The tab may be gone: then there is no badge to set.
  askBackground("badge.set", { tabId, generating }).catch(() => {});
}
