/** What a site, or the side panel, keeps: how much, with a way to take it out as a file and to delete it. */
import { LlmError } from "@nomoat/runtime";
import type { MemoryRow } from "../../protocol/admin-port";
import type { AdminClient } from "../../ui/admin-client";
import { h } from "../../ui/dom";
import { formatBytes } from "../../ui/format";

export interface MemoryLine {
  readonly element: HTMLElement;
  /** Null: nothing is kept. */
  update(kept: Pick<MemoryRow, "nbytes" | "damaged"> | null): void;
}

export function createMemoryLine(site: MemoryRow["site"], client: AdminClient): MemoryLine {
  const size = h("span", { "data-testid": "memory-size" });
  const error = h("span", { class: "error", role: "alert" });
  const run = (work: Promise<unknown>): void =>
    void work.then(
      () => error.replaceChildren(),
      (thrown) => error.replaceChildren(LlmError.from(thrown).message),
    );
  const save = async (): Promise<void> => {
    const exported = await client.call("memory", { site, call: { method: "export", options: {} } });
    download(`memory-${site ? new URL(site.origin).hostname : "chat"}.json`, JSON.stringify(exported, null, 1));
  };
  const remove = (): Promise<unknown> =>
    client.call("memory", { site, call: { method: "forget", input: { all: true }, options: {} } });
  const exporting = h(
    "button",
    { class: "plain", "data-testid": "memory-export", onclick: () => run(save()) },
    "Export",
  );
  const element = h(
    "p",
    { class: "quiet small memory" },
    size,
    exporting,
    h("button", { class: "plain", "data-testid": "memory-delete", onclick: () => run(remove()) }, "Delete"),
    error,
  );
  return {
    element,
    update(kept) {
      element.hidden = kept === null;
      if (kept === null) return;
      size.textContent = `${kept.damaged ? "Cannot be read:" : "Remembers"} ${formatBytes(kept.nbytes)}`;
      exporting.hidden = kept.damaged === true;
    },
  };
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
