/** One site of the options page and what the user has decided about it. */
import type { SiteRow } from "../../protocol/admin-port";
import type { AdminClient } from "../../ui/admin-client";
import { h } from "../../ui/dom";
import { formatOrigin } from "../../ui/format";
import type { Row } from "../../ui/keyed-list";

const DECISIONS: Record<SiteRow["decision"], { label: string; tone: string }> = {
  allow: { label: "Always allowed", tone: "good" },
  once: { label: "Allowed until its page closes", tone: "good" },
  deny: { label: "Denied", tone: "bad" },
};

export function siteKey({ origin, topOrigin }: SiteRow): string {
  return origin === topOrigin ? origin : `${origin}-in-${topOrigin}`;
}

export function createSiteRow(site: SiteRow, client: AdminClient): Row<SiteRow> {
  const { origin, topOrigin } = site;
  const tag = h("span", { class: "tag" });
  const revoke = h("button", {
    "data-testid": "site-revoke",
    onclick: () => void client.call("site.revoke", { origin, topOrigin }),
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
    tag,
    revoke,
  );
  const update = ({ decision }: SiteRow): void => {
    element.dataset.decision = decision;
    tag.textContent = DECISIONS[decision].label;
    tag.dataset.tone = DECISIONS[decision].tone;
    revoke.textContent = decision === "deny" ? "Forget" : "Revoke";
  };
  return { element, update };
}
