/**
 * What sites and the side panel keep: a memory each, by the pair of a site's origin and the top page's, so that nobody
 * sees another's. A site has one only where the person has switched it on, and none in incognito windows.
 */
import { isEncoder, LlmError, type Memory } from "@nomoat/runtime";
import type { MemoryCall, MemoryResults } from "@nomoat/runtime/contract";
import type { MemoryRow } from "../protocol/admin-port";
import type { Models } from "./models";
import { pairKey } from "./permissions";
import type { Site } from "./site";

type Pair = NonNullable<MemoryRow["site"]>;

/** Of a site. An export has to fit into one message. */
export const SITE_LIMITS = { records: 20_000, nbytes: 32 * 2 ** 20, recordBytes: 32 * 1024 };
const SIDE_PANEL = "side panel";
/** The name in storage of a memory that cannot be read. No origin is like it. */
const DAMAGED = /^[0-9a-f]{64}$/;

export class Memories {
  readonly #models: Pick<Models, "memory" | "memories" | "ready">;
  readonly #allowed: (origin: string) => boolean;
  readonly #onChange: () => void;
  /** Null: to be read. */
  #rows: Promise<readonly MemoryRow[]> | null = null;

  constructor(
    models: Pick<Models, "memory" | "memories" | "ready">,
    allowed: (origin: string) => boolean,
    onChange: () => void,
  ) {
    this.#models = models;
    this.#allowed = allowed;
    this.#onChange = onChange;
  }

  /** Before anybody is asked. Errors: not_allowed. */
  requireAllowed(site: Site): void {
    if (site.incognito)
      throw new LlmError("not_allowed", "In an incognito window nothing is kept.", { reason: "incognito" });
    if (!this.#allowed(site.origin))
      throw new LlmError(
        "not_allowed",
        "The user has not switched memory on for this site: it is a switch in the extension's popup and options.",
        { reason: "memory_off" },
      );
  }

  /** `site`: null: the side panel. Errors: those of the memory; model_not_found. */
  async call(site: Pair | null, call: MemoryCall, signal?: AbortSignal): Promise<MemoryResults[keyof MemoryResults]> {
    const name = nameOf(site);
    const memory = await this.#models.memory({ name });
    const model = needsModel(call) ? await this.#modelFor(memory, call) : null;
    const limits = site ? { limits: SITE_LIMITS } : {};
    const own = await this.#models.memory({ name, ...limits, ...(model ? { model } : {}) });
    const options = { ...("options" in call ? call.options : {}), ...(signal ? { signal } : {}) };
    try {
      const run = own[call.method] as (...given: unknown[]) => Promise<MemoryResults[keyof MemoryResults]>;
      return await ("input" in call ? run(call.input, options) : run(options));
    } finally {
      if (call.method === "add" || call.method === "forget" || call.method === "reembed") this.#changed();
    }
  }

  /** Deletes what the site keeps. */
  async forget(site: Pair): Promise<void> {
    await this.call(site, { method: "forget", input: { all: true }, options: {} });
  }

  /** What is kept, as of the last change. */
  rows(): Promise<readonly MemoryRow[]> {
    this.#rows ??= this.#models.memories().then(
      (stored) =>
        stored.map(({ name, nbytes, damaged }) => ({
          site: damaged ? { origin: name, topOrigin: name } : siteOf(name),
          nbytes,
          ...(damaged ? { damaged } : {}),
        })),
      // What is wrong with the storage is shown with the models.
      () => [],
    );
    return this.#rows;
  }

  #changed(): void {
    this.#rows = null;
    this.#onChange();
  }

  /** The one that it was made with, where that is installed; else, and for making it anew, the first that embeds. */
  async #modelFor(memory: Memory, { method }: MemoryCall): Promise<{ id: string }> {
    const ready = await this.#models.ready();
    const { model: madeWith } = await memory.info();
    if (method !== "reembed" && ready.some(({ id }) => id === madeWith)) return { id: madeWith! };
    const found = ready.find(isEncoder);
    if (found) return { id: found.id };
    throw new LlmError(
      "model_not_found",
      "No model that embeds is installed, which a memory needs: add one, such as all-MiniLM-L6-v2, on the options page of the extension.",
    );
  }
}

function needsModel({ method }: MemoryCall): boolean {
  return method === "add" || method === "search" || method === "reembed";
}

function nameOf(site: Pair | null): string {
  if (site && DAMAGED.test(site.origin)) return site.origin;
  return site ? pairKey(site) : SIDE_PANEL;
}

function siteOf(name: string): Pair | null {
  const [topOrigin, origin] = name.split(" ");
  return name === SIDE_PANEL ? null : { origin: origin!, topOrigin: topOrigin! };
}
