/** The popup of the toolbar button: what runs right now, one click to stop it, and this site's switch. */
import type { LoadedRow, ModelRow, RunningRow, Snapshot } from "../../protocol/admin-port";
import { WHO_IS_HERE } from "../../protocol/page-port";
import { AdminClient } from "../../ui/admin-client";
import { byId, h } from "../../ui/dom";
import { formatDevice, formatOrigin, formatProgress } from "../../ui/format";
import { KeyedList } from "../../ui/keyed-list";
import { switchTasks } from "../../ui/task-switch";

const STATES: Record<RunningRow["state"], string> = {
  consent: "Waits for your answer",
  waiting: "Waits for its turn",
  generating: "Generates text",
};
const siteAllowed = byId<HTMLInputElement>("site-allowed");
const siteLanguageModel = byId<HTMLInputElement>("site-language-model");
const siteTasks = byId<HTMLInputElement>("site-tasks");
const siteMemory = byId<HTMLInputElement>("site-memory");
let origin: string | null = null;
let latest: Snapshot | null = null;

const running = new KeyedList<RunningRow & { key: string }>(
  byId("running"),
  ({ key }) => key,
  ({ origin: site }) => {
    const state = h("p", { class: "quiet small" });
    const element = h(
      "li",
      {},
      h("div", { class: "grow" }, h("p", { class: "name" }, site ? formatOrigin(site) : "Side panel"), state),
      h("button", { onclick: () => void client.call("stop", { origin: site }) }, "Stop"),
    );
    return { element, update: (row) => state.replaceChildren(STATES[row.state]) };
  },
);

const client = new AdminClient((snapshot) => {
  latest = snapshot;
  draw(snapshot);
});

siteAllowed.addEventListener("change", () => {
  if (origin)
    void client.call("site.set", { origin, topOrigin: origin, decision: siteAllowed.checked ? "allow" : "deny" });
});
siteLanguageModel.addEventListener("change", () => {
  if (origin) void client.call("site.languageModel", { origin, on: siteLanguageModel.checked });
});
siteTasks.addEventListener("change", async () => {
  if (origin) siteTasks.checked = await switchTasks(client, origin, siteTasks.checked);
});
siteMemory.addEventListener("change", () => {
  if (origin) void client.call("site.memory", { origin, on: siteMemory.checked });
});
byId("stop-all").addEventListener("click", () => void client.call("stop", {}));
byId("open-options").addEventListener("click", () => void chrome.runtime.openOptionsPage());
byId("open-sidepanel").addEventListener("click", async () => {
  const { id } = await chrome.windows.getCurrent();
  if (id === undefined) return;
  await chrome.sidePanel.open({ windowId: id });
  window.close();
});

void findSite().then((found) => {
  origin = found;
  if (latest) draw(latest);
});

function draw({ problem, models, defaultModel, loaded, running: rows, sites, settings }: Snapshot): void {
  byId("model").textContent = problem?.message ?? modelLine(models, defaultModel, loaded);
  byId("doubts").textContent = loaded?.device?.doubts ?? "";
  drawLoading(loaded);
  byId("activity").hidden = rows.length === 0;
  // The same site may run several requests: its rows are told apart by their place.
  running.draw(rows.map((row, index) => ({ ...row, key: `${row.origin} ${index}` })));
  byId("site").hidden = origin === null;
  if (origin === null) return;
  const decision = sites.find((site) => site.origin === origin && site.topOrigin === origin)?.decision;
  byId("site-origin").textContent = formatOrigin(origin);
  siteAllowed.checked = decision === "allow" || decision === "once";
  siteLanguageModel.checked = !settings.withoutLanguageModel.includes(origin);
  siteTasks.checked = settings.withTasks.includes(origin);
  siteMemory.checked = settings.withMemory.includes(origin);
  byId("site-decision").textContent = {
    allow: "May use the model",
    once: "May use the model until it is closed",
    deny: "May not use the model",
    none: "Has not asked yet",
  }[decision ?? "none"];
}

function modelLine(models: readonly ModelRow[], defaultModel: string | null, loaded: LoadedRow | null): string {
  const chosen = models.find(({ id }) => id === defaultModel);
  if (!chosen) return "No model yet: add one in the options.";
  const name = chosen.info?.name ?? chosen.id;
  if (!loaded || loaded.id !== chosen.id) return name;
  return loaded.device
    ? `${name} · ${formatDevice(loaded.device)}`
    : `${name} · ${loaded.progress ? formatProgress(loaded.progress) : "loading"}`;
}

function drawLoading(loaded: LoadedRow | null): void {
  const bar = byId<HTMLProgressElement>("loading");
  bar.hidden = !loaded || loaded.device !== null;
  if (loaded?.progress && loaded.progress.total > 0) bar.value = loaded.progress.loaded / loaded.progress.total;
  else bar.removeAttribute("value");
}

/** The content script of the active tab says where it is; pages without one (settings, store) have no switch. */
async function findSite(): Promise<string | null> {
  const [tab] = await chrome.tabs.query({ active: true, currentWindow: true });
  if (tab?.id === undefined) return null;
  const answer: unknown = await chrome.tabs.sendMessage(tab.id, WHO_IS_HERE, { frameId: 0 }).catch(() => null);
  return typeof answer === "string" && /^https?:/.test(answer) ? answer : null;
}
