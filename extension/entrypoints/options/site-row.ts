/** One site of the options page and what the user has decided about it. */
import type { MemoryRow, SiteRow } from "../../protocol/admin-port";
import type { AdminClient } from "../../ui/admin-client";
import { h } from "../../ui/dom";
import { formatOrigin } from "../../ui/format";
import type { Row } from "../../ui/keyed-list";
import { switchTasks } from "../../ui/task-switch";
import { createMemoryLine } from "./memory-line";

const DECISIONS: Record<SiteRow["decision"], { label: string; tone: string }> = {
  allow: { label: "Always allowed", tone: "good" },
  once: { label: "Allowed until its page closes", tone: "good" },
  deny: { label: "Denied", tone: "bad" },
  none: { label: "Not allowed", tone: "" },
};

export interface SiteItem extends SiteRow {
  /** Whether the site gets the browser's LanguageModel of us. */
  readonly languageModel: boolean;
  /** Whether it gets the task interfaces. */
  readonly tasks: boolean;
  /** Whether it may keep a memory. */
  readonly memory: boolean;
  /** What it keeps; null: nothing. */
  readonly kept: Pick<MemoryRow, "nbytes" | "damaged"> | null;
}

export function siteKey({ origin, topOrigin }: Pick<SiteRow, "origin" | "topOrigin">): string {
  return origin === topOrigin ? origin : `${origin}-in-${topOrigin}`;
}

export function createSiteRow(site: SiteItem, client: AdminClient): Row<SiteItem> {
  const { origin, topOrigin } = site;
  const tag = h("span", { class: "tag" });
  const revoke = h("button", {
    "data-testid": "site-revoke",
    onclick: () => void client.call("site.revoke", { origin, topOrigin }),
  });
  const languageModel = h("input", {
    type: "checkbox",
    "data-testid": "site-language-model",
    onchange: () => void client.call("site.languageModel", { origin, on: languageModel.checked }),
  });
  const tasks = h("input", {
    type: "checkbox",
    "data-testid": "site-tasks",
    onchange: async () => {
      tasks.checked = await switchTasks(client, origin, tasks.checked);
    },
  });
  const memory = h("input", {
    type: "checkbox",
    "data-testid": "site-memory",
    onchange: () => void client.call("site.memory", { origin, on: memory.checked }),
  });
  const memoryLine = createMemoryLine({ origin, topOrigin }, client);
  const element = h(
    "li",
    { "data-testid": `site-${siteKey(site)}` },
    h(
      "div",
      { class: "grow" },
      h("span", { class: "name" }, site.kept?.damaged ? "A damaged memory" : formatOrigin(origin)),
      origin !== topOrigin && h("p", { class: "quiet small" }, `inside ${formatOrigin(topOrigin)}`),
      memoryLine.element,
    ),
    // Nobody knows whose a damaged memory is.
    ...(site.kept?.damaged
      ? []
      : [
          h("label", { class: "switch quiet small" }, memory, "Memory"),
          h("label", { class: "switch quiet small" }, languageModel, "LanguageModel"),
          h("label", { class: "switch quiet small" }, tasks, "Tasks"),
          tag,
        ]),
    revoke,
  );
  const update = (item: SiteItem): void => {
    const { decision } = item;
    languageModel.checked = item.languageModel;
    tasks.checked = item.tasks;
    memory.checked = item.memory;
    memoryLine.update(item.kept);
    element.dataset.decision = decision;
    tag.textContent = DECISIONS[decision].label;
    tag.dataset.tone = DECISIONS[decision].tone;
    revoke.hidden = decision === "none";
    revoke.textContent = `${decision === "deny" ? "Forget" : "Revoke"}${item.kept === null ? "" : " and delete its memory"}`;
  };
  return { element, update };
}
