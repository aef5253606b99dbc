/** One model of the options page: what it is, how far its download is, and what can be done with it. */
import type { LoadedRow, ModelRow } from "../../protocol/admin-port";
import type { AdminClient } from "../../ui/admin-client";
import { h } from "../../ui/dom";
import { formatBytes, formatCount, formatDevice, formatProgress } from "../../ui/format";
import type { Row } from "../../ui/keyed-list";
import { TransferRate } from "../../ui/transfer-rate";

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
  const rate = new TransferRate();
  const call = (promise: Promise<unknown>): void => void promise.catch(onError);

  const name = h("span", { class: "name" });
  const defaultTag = h("span", { class: "tag", "data-tone": "good" }, "Default");
  const loadedTag = h("span", { class: "tag", "data-testid": "model-device" });
  const facts = h("p", { class: "quiet small" });
  const bar = h("progress", { max: "1", "aria-label": `Download of ${id}` });
  const status = h("p", { class: "quiet small" });
  const progress = h("div", { class: "model-progress" }, bar, status);
  const doubts = h("p", { class: "quiet small", "data-testid": "model-doubts" });
  const error = h("p", { class: "error small", role: "alert", "data-testid": "model-error" });
  const detail = h("p", { class: "quiet small mono", "data-testid": "model-error-detail" });

  const makeDefault = h("button", { onclick: () => call(client.call("model.setDefault", { id })) }, "Use by default");
  const cancel = h(
    "button",
    { "data-testid": "model-pause", onclick: () => call(client.call("model.cancel", { id })) },
    "Pause",
  );
  // What it fails by is shown in the row itself.
  const goOn = (): void => void client.call("model.resume", { id }).catch(() => {});
  const resume = h("button", { "data-testid": "model-resume", onclick: goOn }, "Resume");
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
      detail,
    ),
    h("div", { class: "actions" }, makeDefault, cancel, resume, remove, confirm, keep),
  );

  const update = ({ row, isDefault, loaded }: ModelItem): void => {
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
    if (known === null) rate.reset();
    status.textContent = known
      ? formatProgress(known, rate.after(known.loaded, performance.now()))
      : "Reading what the model is…";
    const paused = row.error?.code === "aborted";
    error.hidden = row.error === null;
    error.className = paused ? "quiet small" : "error small";
    error.textContent = row.error?.message ?? "";
    detail.textContent = row.error && !paused ? formatDetail(row.error) : "";
    detail.hidden = detail.textContent === "";
    makeDefault.hidden = isDefault || row.state !== "ready";
    cancel.hidden = row.state !== "downloading";
    resume.hidden = row.state !== "error" || !row.resumable;
  };
  return { element, update };
}

function describe(info: NonNullable<ModelRow["info"]>): string {
  return [
    `${formatCount(info.parameterCount)} parameters`,
    formatBytes(info.nbytes),
    info.quantization,
    `${formatCount(info.contextLength)} tokens of context`,
    `license: ${info.license ?? "not stated"}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

/** "storage_quota · needed_bytes: 500000000 · available_bytes: 1000". */
function formatDetail({ code, detail = {} }: NonNullable<ModelRow["error"]>): string {
  const parts = Object.entries(detail).filter(([, value]) => typeof value === "string" || typeof value === "number");
  return [code, ...parts.map(([name, value]) => `${name}: ${value}`)].join(" · ");
}
