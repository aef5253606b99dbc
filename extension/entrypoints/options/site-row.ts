/** One site of the options page and what the user has decided about it. */
import type { SiteRow } from "../../protocol/admin-port";
import type { AdminClient } from "../../ui/admin-client";
import { h } from "../../ui/dom";
import { formatOrigin } from "../../ui/format";
import type { Row } from "../../ui/keyed-list";
import { switchTasks } from "../../ui/task-switch";

const DECISIONS: Record<SiteRow["decision"], { label: string; tone: string }> = {
  allow: { label: "Always allowed", tone: "good" },
  once: { label: "Allowed until its page closes", tone: "good" },
  deny: { label: "Denied", tone: "bad" },
};

/** `languageModel`: whether the site gets the browser's LanguageModel of us. */
export interface SiteItem extends SiteRow {
  readonly languageModel: boolean;
  /** Whether it gets the task interfaces. */
  readonly tasks: boolean;
}

export function siteKey({ origin, topOrigin }: SiteRow): string {
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
  const element = h(
    "li",
    { "data-testid": `site-${siteKey(site)}` },
    h(
      "div",
      { class: "grow" },
      h("span", { class: "name" }, formatOrigin(origin)),
      origin !== topOrigin && h("p", { class: "quiet small" }, `inside ${formatOrigin(topOrigin)}`),
    ),
    h("label", { class: "switch quiet small" }, languageModel, "LanguageModel"),
    h("label", { class: "switch quiet small" }, tasks, "Tasks"),
    tag,
    revoke,
  );
  const update = ({ decision, languageModel: on, tasks: tasksOn }: SiteItem): void => {
    languageModel.checked = on;
    tasks.checked = tasksOn;
    element.dataset.decision = decision;
    tag.textContent = DECISIONS[decision].label;
    tag.dataset.tone = DECISIONS[decision].tone;
    revoke.textContent = decision === "deny" ? "Forget" : "Revoke";
  };
  return { element, update };
}
