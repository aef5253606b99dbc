/** One model of the options page: what it is, how far its download is, and what can be done with it. */
import type { LoadedRow, ModelRow } from "../../protocol/admin-port";
import type { AdminClient } from "../../ui/admin-client";
import { h } from "../../ui/dom";
import { formatBytes, formatCount, formatDevice, formatProgress } from "../../ui/format";
import type { Row } from "../../ui/keyed-list";

export interface ModelItem {
  readonly row: ModelRow;
  readonly isDefault: boolean;
  readonly loaded: LoadedRow | null;
}

export function createModelRow(
  { row: { id } }: ModelItem,
  client: AdminClient,
  onError: (error: unknown) => void,
): Row<ModelItem> {
  let url: string | null = null;
  const call = (promise: Promise<unknown>): void => void promise.catch(onError);

  const name = h("span", { class: "name" });
  const defaultTag = h("span", { class: "tag", "data-tone": "good" }, "Default");
  const loadedTag = h("span", { class: "tag", "data-testid": "model-device" });
  const facts = h("p", { class: "quiet small" });
  const bar = h("progress", { max: "1" });
  const status = h("p", { class: "quiet small" });
  const progress = h("div", { class: "model-progress" }, bar, status);
  const doubts = h("p", { class: "quiet small", "data-testid": "model-doubts" });
  const error = h("p", { class: "error small", role: "alert", "data-testid": "model-error" });

  const makeDefault = h("button", { onclick: () => call(client.call("model.setDefault", { id })) }, "Use by default");
  const cancel = h("button", { onclick: () => call(client.call("model.cancel", { id })) }, "Stop");
  const resume = h("button", { onclick: () => url && call(client.call("model.install", { url })) }, "Resume");
  const remove = h("button", { class: "plain", "data-testid": "model-remove", onclick: () => ask(true) }, "Remove");
  const confirm = h(
    "button",
    {
      class: "danger",
      "data-testid": "model-remove-confirm",
      onclick: () => call(client.call("model.remove", { id })),
    },
    "Remove from this machine",
  );
  const keep = h("button", { class: "plain", onclick: () => ask(false) }, "Keep");
  const ask = (asking: boolean): void => {
    remove.hidden = asking;
    confirm.hidden = keep.hidden = !asking;
  };
  ask(false);

  const element = h(
    "li",
    { "data-testid": `model-${id}` },
    h(
      "div",
      { class: "grow" },
      h("div", { class: "row" }, name, defaultTag, loadedTag),
      facts,
      doubts,
      progress,
      error,
    ),
    h("div", { class: "actions" }, makeDefault, cancel, resume, remove, confirm, keep),
  );

  const update = ({ row, isDefault, loaded }: ModelItem): void => {
    url = row.url;
    element.dataset.state = row.state;
    name.textContent = row.info?.name ?? id;
    facts.textContent = row.info ? describe(row.info) : (row.url ?? "");
    defaultTag.hidden = !isDefault;
    const device = loaded?.id === id ? loaded.device : null;
    loadedTag.hidden = device === null;
    loadedTag.textContent = device && formatDevice(device);
    doubts.hidden = !device?.doubts;
    doubts.textContent = device?.doubts ?? null;
    progress.hidden = row.state !== "downloading";
    const known = row.progress && row.progress.total > 0 ? row.progress : null;
    if (known) bar.value = known.loaded / known.total;
    else bar.removeAttribute("value");
    status.textContent = known ? formatProgress(known) : "Reading the package…";
    error.hidden = row.error === null;
    error.textContent = row.error?.message ?? "";
    makeDefault.hidden = isDefault || row.state !== "ready";
    cancel.hidden = row.state !== "downloading";
    resume.hidden = row.state !== "error" || row.url === null;
  };
  return { element, update };
}

function describe(info: NonNullable<ModelRow["info"]>): string {
  return [
    `${formatCount(info.parameterCount)} parameters`,
    formatBytes(info.nbytes),
    info.quantization,
    `${formatCount(info.contextLength)} tokens of context`,
    info.license,
  ]
    .filter(Boolean)
    .join(" · ");
}
