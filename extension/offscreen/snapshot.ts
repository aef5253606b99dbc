/** Tells the extension's pages what there is, a few times a second at most, however often it changes. */
import { LlmError } from "@nomoat/runtime";
import type { MemoryRow, SiteRow, Snapshot } from "../protocol/admin-port";
import type { AdminServices } from "./admin";
import type { Models } from "./models";
import { pairKey } from "./permissions";

const PUBLISH_MS = 100;

export async function takeSnapshot(services: AdminServices): Promise<Snapshot> {
  const { models, memories, permissions, requests, settings } = services;
  const kept = await memories.rows();
  return {
    ...(await modelRows(models, settings().defaultModel)),
    loaded: models.loadedRow(),
    sites: withMemories(permissions.rows(), kept),
    memories: kept,
    running: requests.rows(),
    settings: settings(),
  };
}

/** Sites whose permission is over, and whose memory is not, too. */
function withMemories(rows: readonly SiteRow[], kept: readonly MemoryRow[]): SiteRow[] {
  const known = new Set(rows.map(pairKey));
  const others = kept.flatMap(({ site }) => (site && !known.has(pairKey(site)) ? [site] : []));
  return [...rows, ...others.map((site): SiteRow => ({ ...site, decision: "none" }))];
}

/** A broken engine must not leave the pages blank: they still show sites, and what is wrong. */
async function modelRows(
  models: Models,
  preferred: string | null,
): Promise<Pick<Snapshot, "models" | "defaultModel" | "problem">> {
  try {
    return { models: await models.rows(), defaultModel: await models.chosenId(preferred), problem: null };
  } catch (thrown) {
    return { models: [], defaultModel: null, problem: LlmError.from(thrown).toWire() };
  }
}

export class SnapshotFeed {
  readonly #take: () => Promise<Snapshot>;
  readonly #readers = new Set<(snapshot: Snapshot) => void>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(take: () => Promise<Snapshot>) {
    this.#take = take;
  }

  subscribe(reader: (snapshot: Snapshot) => void): () => void {
    this.#readers.add(reader);
    void this.#publish();
    return () => void this.#readers.delete(reader);
  }

  changed(): void {
    if (this.#readers.size === 0) return;
    this.#timer ??= setTimeout(() => void this.#publish(), PUBLISH_MS);
  }

  async #publish(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const snapshot = await this.#take();
    for (const reader of this.#readers) reader(snapshot);
  }
}
