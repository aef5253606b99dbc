/** The options page: models and sites, drawn from the snapshots of the offscreen document. Holds no state of its own. */
import { LlmError } from "@nomoat/runtime";
import type { DeviceChoice } from "../../protocol/background";
import { AdminClient } from "../../ui/admin-client";
import { byId } from "../../ui/dom";
import { KeyedList } from "../../ui/keyed-list";
import { offerFile } from "../../ui/offer-file";
import { listenForFiles } from "./file-drop";
import { createMemoryLine } from "./memory-line";
import { createModelRow, type ModelItem } from "./model-row";
import { createSiteRow, type SiteItem, siteKey } from "./site-row";

const url = byId<HTMLInputElement>("model-url");
const addError = byId("add-error");
const ownPrograms = byId<HTMLInputElement>("allow-own-programs");
const device = byId<HTMLSelectElement>("device");

const client = new AdminClient((snapshot) => {
  const items = snapshot.models.map(
    (row): ModelItem => ({ row, isDefault: row.id === snapshot.defaultModel, loaded: snapshot.loaded }),
  );
  models.draw(items);
  const off = new Set(snapshot.settings.withoutLanguageModel);
  const withTasks = new Set(snapshot.settings.withTasks);
  const withMemory = new Set(snapshot.settings.withMemory);
  const kept = new Map(snapshot.memories.map((row) => [row.site && siteKey(row.site), row]));
  sites.draw(
    snapshot.sites.map((site): SiteItem => {
      const { origin } = site;
      return {
        ...site,
        languageModel: !off.has(origin),
        tasks: withTasks.has(origin),
        memory: withMemory.has(origin),
        kept: kept.get(siteKey(site)) ?? null,
      };
    }),
  );
  chatMemory.update(kept.get(null) ?? null);
  byId("chat-memory").hidden = !kept.has(null);
  byId("models-problem").textContent = snapshot.problem?.message ?? "";
  byId("models-problem").hidden = snapshot.problem === null;
  byId("models-empty").hidden = items.length > 0 || snapshot.problem !== null;
  byId("sites-empty").hidden = snapshot.sites.length > 0;
  ownPrograms.checked = snapshot.settings.allowOwnPrograms;
  device.value = snapshot.settings.device;
});

const models = new KeyedList<ModelItem>(
  byId("models"),
  ({ row }) => row.id,
  (item) => createModelRow(item, client, showError),
);
const chatMemory = createMemoryLine(null, client);
byId("chat-memory").append(chatMemory.element);
const sites = new KeyedList<SiteItem>(byId("sites"), siteKey, (site) => createSiteRow(site, client));

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const address = url.value;
  url.value = "";
  addError.hidden = true;
  try {
    await client.call("model.install", { url: address });
  } catch (error) {
    // What was typed comes back for mending, unless something new was typed meanwhile.
    if (url.value === "") url.value = address;
    showError(error);
  }
});

listenForFiles(byId("drop"), byId<HTMLInputElement>("model-file"), (file) => {
  addError.hidden = true;
  client.call("model.installFile", { key: offerFile(file) }).catch(showError);
});

ownPrograms.addEventListener("change", () => {
  client.call("settings.set", { allowOwnPrograms: ownPrograms.checked }).catch(showError);
});

device.addEventListener("change", () => {
  client.call("settings.set", { device: device.value as DeviceChoice }).catch(showError);
});

function showError(error: unknown): void {
  addError.textContent = LlmError.from(error).message;
  addError.hidden = false;
}
