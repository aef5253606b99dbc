/**
 * The memories of this origin by name, each in `nomoat/memories/<SHA-256 of its name>/`. Texts become vectors before a
 * memory's lock is taken, which all tabs share, because that is slow.
 *
 * Owns what is open of them: the most recently used.
 */
import type { MemoryProgress, ModelSource, StoredMemory } from "../api/types";
import { accept } from "../contract/accept";
import {
  type FoundRecord,
  MEMORY_ITEMS,
  type MemoryCall,
  type MemoryInput,
  type MemoryItem,
  type MemoryMethod,
  type MemoryResults,
  memoryCall,
} from "../contract/memory";
import { LlmError } from "../internal/errors";
import { Folder } from "../storage/folder";
import { withLock } from "../storage/lock";
import type { MemoryParams } from "../worker/protocol";
import type { Encoder, Encoders } from "./encoders";
import { type MemoryLimits, MOST } from "./limits";
import { describeLog, eraseAll } from "./log";
import { COMPACT_BYTES, Memory, type ModelIdentity, type NewRecord } from "./memory";
import { sha256 } from "./sha256";

const CALL = memoryCall(MEMORY_ITEMS);
const MOST_OPEN = 4;
const EMBED_BATCH = 64;

interface Held {
  readonly memory: Memory;
  users: number;
}
interface Asked {
  readonly name: string;
  readonly source: ModelSource | null;
  readonly limits: MemoryLimits;
  readonly onEvent: (progress: MemoryProgress) => void;
  readonly signal: AbortSignal;
}

export class Memories {
  private readonly held = new Map<string, Held>();

  private opened: Promise<Folder | null> | null = null;

  /** `openRoot`: the folder of all; null where this environment keeps no files. */
  constructor(
    private readonly encoders: Encoders,
    private readonly openRoot: () => Promise<Folder | null> = memoriesFolder,
    /** Of what is forgotten, before a file is written anew. */
    private readonly compactBytes = COMPACT_BYTES,
  ) {}

  /** One call of the contract. Errors: invalid_request, not_supported, storage_quota, integrity; those of the model. */
  async answer(
    { name, model, limits, call: given }: MemoryParams,
    onEvent: (progress: MemoryProgress) => void,
    signal: AbortSignal,
  ): Promise<MemoryResults[MemoryMethod]> {
    const call = accept("memory", CALL, given, "call", "");
    const asked: Asked = { name, source: model, limits: { ...MOST, ...limits }, onEvent, signal };
    switch (call.method) {
      case "add":
        return this.add(asked, itemsOf(call.input));
      case "search":
        return this.search(asked, call.input, call.options);
      case "forget":
        return this.forget(asked, call.input);
      case "list":
        return this.with(asked, (memory) => memory.list(call.options));
      case "export":
        return this.with(asked, (memory) => memory.export(call.options));
      case "info":
        return this.with(asked, (memory) => memory.info());
      case "reembed":
        return this.reembed(asked);
    }
  }

  /** What is kept, whoever it is for. */
  async stored(signal: AbortSignal): Promise<StoredMemory[]> {
    const root = await this.root();
    const found: StoredMemory[] = [];
    for (const id of (await root?.folderNames()) ?? []) {
      await withLock(lockName(id), signal, async () => {
        const folder = await root!.existingFolder(id);
        const kept = folder && (await describeLog(folder));
        if (!kept) return;
        const { name, nbytes } = kept;
        found.push(
          name !== null && (await sha256(name)) === id ? { name, nbytes } : { name: id, nbytes, damaged: true },
        );
      });
    }
    return found;
  }

  /** One that cannot be read, by the name that `stored` gives it. Whether it was there. */
  private async forgetDamaged({ name: id, signal }: Asked): Promise<boolean> {
    const root = await this.requireRoot();
    if (!(await root.folderNames()).includes(id)) return false;
    return withLock(lockName(id), signal, async () => {
      const folder = await root.existingFolder(id);
      const kept = folder && (await describeLog(folder));
      if (!kept || (kept.name !== null && (await sha256(kept.name)) === id)) return false;
      await eraseAll(folder);
      await root.remove(id);
      return true;
    });
  }

  private add(asked: Asked, items: readonly MemoryItem[]): Promise<readonly number[]> {
    return this.encoding(asked, async ({ identity, embed }) => {
      await this.requireModel(asked, identity);
      const nowMs = Date.now();
      const records: NewRecord[] = [];
      for (let from = 0; from < items.length; from += EMBED_BATCH) {
        const part = items.slice(from, from + EMBED_BATCH);
        const texts = part.map(({ text }) => text);
        const vectors = await embed(texts, asked.signal);
        part.forEach(({ text, data, tags = [], createdMs = nowMs }, i) => {
          const body = { text, ...(data === undefined ? {} : { data }) };
          records.push({ body, tags, createdMs, vector: vectors[i]! });
        });
        if (items.length > EMBED_BATCH) asked.onEvent({ phase: "embed", loaded: records.length, total: items.length });
      }
      return this.with(asked, (memory) => memory.add(identity, records, asked.limits));
    });
  }

  private async search(
    asked: Asked,
    query: string,
    options: Extract<MemoryCall, { method: "search" }>["options"],
  ): Promise<readonly FoundRecord[]> {
    // An empty memory needs no model.
    if (!this.held.get(asked.name)?.memory.knownModel) {
      const { count } = await this.with(asked, (memory) => memory.info());
      if (count === 0) return [];
    }
    return this.encoding(asked, async ({ identity, embed }) => {
      await this.requireModel(asked, identity);
      const [vector] = await embed([query], asked.signal);
      return this.with(asked, (memory) => memory.search(vector!, options, identity));
    });
  }

  private async forget(
    asked: Asked,
    { ids, all, ...filter }: Extract<MemoryCall, { method: "forget" }>["input"],
  ): Promise<number> {
    const named = Object.keys(filter).length + (ids ? 1 : 0);
    if (all ? named > 0 : named === 0) {
      const message = "forget: say what: {ids}, {tags}, {since}, {before}, or {all: true} and nothing else.";
      throw new LlmError("invalid_request", message, { path: "input" });
    }
    if (!all) return this.with(asked, (memory) => memory.forget(ids ?? null, filter));
    if (await this.forgetDamaged(asked)) return 0;
    return this.with(asked, async (memory, id) => {
      const count = await memory.info().then(
        (info) => info.count,
        // What cannot be read is forgotten all the same.
        () => 0,
      );
      await memory.forgetAll();
      await (await this.root())?.remove(id);
      return count;
    });
  }

  private async reembed(asked: Asked): Promise<number> {
    return this.encoding(asked, ({ identity, embed }) => {
      const { signal, onEvent } = asked;
      const vectorsOf = (texts: readonly string[]) => embed(texts, signal);
      const onProgress = (loaded: number, total: number) => onEvent({ phase: "embed", loaded, total });
      return this.with(asked, async (memory) => {
        const dimensions = (await vectorsOf(["."]))[0]!.length;
        return memory.reembed({ ...identity, dimensions }, vectorsOf, onProgress);
      });
    });
  }

  /** Before texts are embedded in vain. Every turn looks again. */
  private async requireModel(asked: Asked, identity: ModelIdentity): Promise<void> {
    if (this.held.get(asked.name)?.memory.knownModel?.fingerprint === identity.fingerprint) return;
    await this.with(asked, (memory) => memory.requireModel(identity));
  }

  private async encoding<T>(asked: Asked, work: (encoder: Encoder) => Promise<T>): Promise<T> {
    const { source, signal, onEvent } = asked;
    if (!source)
      throw new LlmError("model_not_found", "This memory needs a model that embeds: install one and name it.");
    await this.requireRoot();
    return this.encoders.use(source, { signal, onProgress: onEvent }, work);
  }

  /** Runs `work` on a memory while nobody else does, in any tab. */
  private async with<T>({ name, signal }: Asked, work: (memory: Memory, id: string) => Promise<T>): Promise<T> {
    const root = await this.requireRoot();
    const id = await sha256(name);
    const held = this.take(name, root, id);
    try {
      return await withLock(lockName(id), signal, () => work(held.memory, id));
    } finally {
      held.users -= 1;
    }
  }

  private take(name: string, root: Folder, id: string): Held {
    const folder = (create: boolean) => (create ? root.folder(id) : root.existingFolder(id));
    const held = this.held.get(name) ?? { memory: new Memory(name, folder, this.compactBytes), users: 0 };
    held.users += 1;
    // The last one is the most recently used.
    this.held.delete(name);
    this.held.set(name, held);
    for (const [other, { memory, users }] of this.held) {
      if (this.held.size <= MOST_OPEN) break;
      if (users > 0) continue;
      memory.close();
      this.held.delete(other);
    }
    return held;
  }

  private root(): Promise<Folder | null> {
    this.opened ??= this.openRoot();
    // It is asked for again where it could not be opened.
    this.opened.catch(() => {
      this.opened = null;
    });
    return this.opened;
  }

  private async requireRoot(): Promise<Folder> {
    const root = await this.root();
    if (root) return root;
    throw new LlmError(
      "not_supported",
      "This environment has no storage for memories (the origin private file system).",
    );
  }
}

/** Null where there is no origin private file system. */
async function memoriesFolder(): Promise<Folder | null> {
  const storage = globalThis.navigator?.storage as StorageManager | undefined;
  if (typeof storage?.getDirectory !== "function") return null;
  return (await new Folder(await storage.getDirectory()).folder("nomoat")).folder("memories");
}

function itemsOf(input: MemoryInput): MemoryItem[] {
  const list: readonly (string | MemoryItem)[] = Array.isArray(input) ? input : [input as string | MemoryItem];
  return list.map((item) => (typeof item === "string" ? { text: item } : item));
}

function lockName(id: string): string {
  return `nomoat-memory-${id}`;
}
