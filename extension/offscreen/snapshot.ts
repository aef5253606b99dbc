/** Tells the extension's pages what there is, a few times a second at most, however often it changes. */
import type { Snapshot } from "../protocol/admin-port";
import type { AdminServices } from "./admin";

const PUBLISH_MS = 100;

export async function takeSnapshot({ models, permissions, requests, settings }: AdminServices): Promise<Snapshot> {
  const { defaultModel } = settings();
  return {
    models: await models.rows(),
    defaultModel: await models.chosenId(defaultModel),
    loaded: models.loadedRow(),
    sites: permissions.rows(),
    running: requests.rows(),
    settings: settings(),
  };
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
