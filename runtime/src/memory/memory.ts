/**
 * One memory: its records by id, their vectors in an index, their texts in its file, which is opened for each turn only,
 * so that other tabs have theirs. A turn begins with what others have written since.
 *
 * Owns the index until `close`. Whoever calls holds the memory's lock during a turn.
 */
import type { FoundRecord, MemoryExport, MemoryFilter, MemoryInfo, MemoryRecord } from "../contract/memory";
import { openVectorIndex } from "../device/open";
import type { VectorIndex } from "../device/vectors";
import { LlmError } from "../internal/errors";
import type { InPlaceFile } from "../internal/files";
import type { Folder } from "../storage/folder";
import { ERASE, META, RECORD } from "./frames";
import { toHalves, unitVector } from "./half";
import type { MemoryLimits } from "./limits";
import {
  append,
  appendErase,
  damaged,
  eraseAll,
  frameAt,
  isOverwritten,
  type Meta,
  openLog,
  overwrite,
  placesOf,
  readMeta,
  scan,
  writeGeneration,
} from "./log";
import { encodeBody, encodeRecord, type RecordBody, type RecordHead, readBody, readHead } from "./record";

/** Of what is forgotten, before the file is written anew: so many bytes, and a half of it. */
export const COMPACT_BYTES = 2 ** 20;
const BATCH = 64;

interface Entry extends RecordHead {
  readonly at: number;
  readonly nbytes: number;
  row: number;
}
interface Loaded {
  readonly meta: Meta;
  readonly generation: number;
  readonly index: VectorIndex;
  readonly byId: Map<number, Entry>;
  /** Null: the frame is damaged. */
  readonly byPlace: Map<number, { readonly at: number; readonly nbytes: number; readonly entry: Entry | null }>;
  readonly rows: Entry[];
  nextId: number;
  /** Where the next frame goes. */
  end: number;
  /** Bytes of the records' frames. */
  live: number;
  damaged: number;
}

export interface NewRecord {
  readonly body: RecordBody;
  readonly vector: Float32Array;
  readonly tags: readonly string[];
  readonly createdMs: number;
}
/** What vectors depend on. */
export interface ModelIdentity {
  readonly model: string;
  readonly fingerprint: string;
}

export class Memory {
  private loaded: Loaded | null = null;

  constructor(
    private readonly name: string,
    /** The memory's folder; null where there is none, unless it is to be made. */
    private readonly folder: (create: boolean) => Promise<Folder | null>,
    private readonly compactBytes: number,
  ) {}

  /** As of the last turn; null: it has had none, or was empty. */
  get knownModel(): ModelIdentity | null {
    return this.loaded?.meta ?? null;
  }

  /** Errors: not_supported with both models' names where the memory was made with another one. */
  async requireModel(identity: ModelIdentity): Promise<void> {
    await this.turn((_, { meta }) => requireSame(meta, identity));
  }

  /** Ids of the new records, in their order; all or none of them are there. */
  async add(identity: ModelIdentity, records: readonly NewRecord[], limits: MemoryLimits): Promise<number[]> {
    const bodies = records.map(({ body }, index) => checkedBody(body, index, limits));
    if (!(await this.turn(() => true))) await this.create(identity, records[0]!.vector.length);
    const ids = await this.turn(async (file, loaded) => {
      requireSame(loaded.meta, identity);
      const count = loaded.rows.length + records.length;
      if (count > limits.records)
        throw limitReached("records", limits.records, count, "Forget some of them before adding more.");
      const heads = records.map(({ tags, createdMs }, i) => ({ id: loaded.nextId + i, createdMs, tags }));
      const columns = columnsOf(loaded.meta);
      const halves = records.map(({ vector }) => toHalves(unitVector(fitting(vector, loaded.meta)), columns));
      const contents = heads.map((head, i) => encodeRecord(halves[i]!, head, bodies[i]!));
      const nbytes = loaded.end + contents.reduce((sum, { length }) => sum + length + 20, 0);
      if (nbytes > limits.nbytes) throw limitReached("bytes", limits.nbytes, nbytes, "Forget some records first.");
      loaded.index.reserve(count);
      const written = append(file, loaded.end, RECORD, contents);
      loaded.end = written.end;
      heads.forEach((head, i) => {
        keep(loaded, { ...written.frames[i]!, ...head }, halves[i]!);
      });
      return heads.map(({ id }) => id);
    });
    return ids!;
  }

  /** The best first; those of one score by their id. */
  async search(
    vector: Float32Array,
    { limit = 5, minScore = -1, ...filter }: MemoryFilter & { readonly limit?: number; readonly minScore?: number },
    identity: ModelIdentity,
  ): Promise<FoundRecord[]> {
    const found = await this.turn(async (file, loaded) => {
      requireSame(loaded.meta, identity);
      const { rows, index, meta } = loaded;
      const scores = await index.products(unitVector(fitting(vector, meta)), rows.length);
      return best(scores, rows, limit, minScore, (entry) => passes(entry, filter)).map(({ entry, score }) => ({
        ...recordOf(file, entry, meta),
        score,
      }));
    });
    return found ?? [];
  }

  /** By id. */
  async list(filter: MemoryFilter & { readonly limit?: number; readonly after?: number }): Promise<MemoryRecord[]> {
    const { limit = 100, after = 0, ...rest } = filter;
    const found = await this.turn((file, { rows, meta }) =>
      chosen(rows, rest)
        .filter(({ id }) => id > after)
        .slice(0, limit)
        .map((entry) => recordOf(file, entry, meta)),
    );
    return found ?? [];
  }

  async export(filter: MemoryFilter): Promise<MemoryExport> {
    const found = await this.turn((file, { rows, meta }) => ({
      model: meta.model,
      records: chosen(rows, filter).map((entry) => recordOf(file, entry, meta)),
    }));
    return { format: "nomoat-memory", version: 1, model: null, records: [], ...found };
  }

  async info(): Promise<MemoryInfo> {
    const found = await this.turn((file, { rows, meta, damaged }) => ({
      count: rows.length,
      nbytes: file.nbytes,
      model: meta.model,
      dimensions: meta.dimensions,
      damaged,
    }));
    return found ?? { count: 0, nbytes: 0, model: null, dimensions: null, damaged: 0 };
  }

  /** What has one of the ids and passes the filter; how many that were. */
  async forget(ids: readonly number[] | null, filter: MemoryFilter): Promise<number> {
    const forgotten = await this.turn(async (file, loaded) => {
      const wanted = ids && new Set(ids);
      const entries = chosen(loaded.rows, filter).filter(({ id }) => !wanted || wanted.has(id));
      if (entries.length === 0) return 0;
      loaded.end = appendErase(
        file,
        loaded.end,
        entries.map(({ at }) => at),
      );
      overwrite(file, entries);
      for (const entry of entries) drop(loaded, entry);
      return entries.length;
    });
    const { loaded } = this;
    if (loaded && loaded.end - loaded.live > Math.max(this.compactBytes, loaded.live))
      await this.rewrite(loaded.meta, null);
    return forgotten ?? 0;
  }

  /** All of it, also where it cannot be read. */
  async forgetAll(): Promise<void> {
    this.close();
    const folder = await this.folder(false);
    if (folder) await eraseAll(folder);
  }

  /** Makes all vectors anew with another model, of so many dimensions; how many. `embed`: texts → vectors. */
  async reembed(
    identity: ModelIdentity & { readonly dimensions: number },
    embed: (texts: readonly string[]) => Promise<readonly Float32Array[]>,
    onProgress: (done: number, of: number) => void,
  ): Promise<number> {
    const there = await this.turn((_, { meta }) => meta);
    if (!there) return 0;
    await this.rewrite({ ...there, ...identity }, { embed, onProgress });
    return (await this.turn((_, { rows }) => rows.length)) ?? 0;
  }

  /** Forgets what is in memory; the file stays. */
  close(): void {
    this.loaded?.index.destroy();
    this.loaded = null;
  }

  private async create(identity: ModelIdentity, dimensions: number): Promise<void> {
    const folder = (await this.folder(true))!;
    const meta: Meta = { version: 1, name: this.name, ...identity, dimensions, nextId: 1 };
    (await writeGeneration(folder, 1, meta, batches([]))).close();
  }

  /** Runs `work` on the file as it is now; null where the memory is empty. After an error all is read again. */
  private async turn<T>(work: (file: InPlaceFile, loaded: Loaded) => T | Promise<T>): Promise<T | null> {
    const folder = await this.folder(false);
    const log = folder && (await openLog(folder));
    if (!log) {
      this.close();
      return null;
    }
    const { file, generation } = log;
    try {
      if (this.loaded?.generation !== generation || this.loaded.end > file.nbytes) {
        this.close();
        this.loaded = await this.load(file, generation);
      }
      this.loaded.end = this.read(file, this.loaded);
      return await work(file, this.loaded);
    } catch (thrown) {
      // What is not an answer to a question may have left the file otherwise than it is remembered.
      if (!(thrown instanceof LlmError) || thrown.code === "storage_quota" || thrown.code === "integrity") this.close();
      throw thrown;
    } finally {
      file.close();
    }
  }

  private async load(file: InPlaceFile, generation: number): Promise<Loaded> {
    const { meta, end } = readMeta(file);
    const index = await openVectorIndex({ dimensions: meta.dimensions, mostRows: MOST_ROWS });
    const empty = { byId: new Map(), byPlace: new Map(), rows: [], live: 0, damaged: 0 };
    return { meta, generation, index, nextId: meta.nextId, end, ...empty };
  }

  /** What was written since. Finishes forgetting that was interrupted. */
  private read(file: InPlaceFile, loaded: Loaded): number {
    const erased: { at: number; nbytes: number }[] = [];
    const columns = columnsOf(loaded.meta);
    const end = scan(file, loaded.end, (frame) => {
      const { at, nbytes, kind, content } = frame;
      if (kind === RECORD) {
        const record = content && readHead(content, columns);
        if (record && !loaded.byId.has(record.head.id)) {
          loaded.index.reserve(loaded.rows.length + 1);
          keep(loaded, { at, nbytes, ...record.head }, record.vector);
        } else {
          loaded.byPlace.set(at, { at, nbytes, entry: null });
          loaded.damaged += 1;
        }
      } else if (kind === ERASE && content) {
        for (const place of placesOf(content)) {
          const there = loaded.byPlace.get(place);
          if (!there) continue;
          if (there.entry) drop(loaded, there.entry);
          else loaded.damaged -= 1;
          loaded.byPlace.delete(place);
          erased.push(there);
        }
      } else loaded.damaged += kind === META ? 0 : 1;
    });
    const left = erased.filter((place) => !isOverwritten(file, place));
    if (left.length > 0) overwrite(file, left);
    return end;
  }

  /** The same records in a new generation, where `anew` is given with new vectors. The old one is gone then. */
  private async rewrite(
    meta: Meta,
    anew: {
      readonly embed: (texts: readonly string[]) => Promise<readonly Float32Array[]>;
      readonly onProgress: (done: number, of: number) => void;
    } | null,
  ): Promise<void> {
    await this.turn(async (file, loaded) => {
      const folder = (await this.folder(false))!;
      const columns = columnsOf(meta);
      const entries = chosen(loaded.rows, {});
      async function* contents() {
        for (let from = 0; from < entries.length; from += BATCH) {
          const part = entries.slice(from, from + BATCH);
          const frames = part.map((entry) => frameAt(file, entry).content!);
          if (!anew) {
            yield { kind: RECORD, batch: frames };
            continue;
          }
          const bodies = frames.map((content) => readBody(content, columnsOf(loaded.meta))!);
          const vectors = await anew.embed(bodies.map(({ text }) => text));
          const batch = part.map(({ id, createdMs, tags }, i) => {
            const halves = toHalves(unitVector(vectors[i]!), columns);
            return encodeRecord(halves, { id, createdMs, tags }, encodeBody(bodies[i]!));
          });
          yield { kind: RECORD, batch };
          anew.onProgress(from + part.length, entries.length);
        }
      }
      const { generation, nextId } = loaded;
      (await writeGeneration(folder, generation + 1, { ...meta, nextId }, contents())).close();
    });
    // The next turn finds the new generation, and takes the old one away.
    await this.turn(() => undefined);
  }
}

/** Rows that an index may grow to, whoever opens it. */
const MOST_ROWS = 262_144;

async function* batches(given: readonly (readonly Uint8Array[])[]) {
  for (const batch of given) yield { kind: RECORD, batch };
}

/** Rows of vectors are multiples of four. */
function columnsOf({ dimensions }: Pick<Meta, "dimensions">): number {
  return (dimensions + 3) & ~3;
}

function keep(loaded: Loaded, record: Omit<Entry, "row">, vector: Uint16Array): void {
  const entry: Entry = { ...record, row: loaded.rows.length };
  loaded.index.write(entry.row, vector);
  loaded.rows.push(entry);
  loaded.live += entry.nbytes;
  loaded.byId.set(entry.id, entry);
  loaded.byPlace.set(entry.at, { at: entry.at, nbytes: entry.nbytes, entry });
  loaded.nextId = Math.max(loaded.nextId, entry.id + 1);
}

function drop(loaded: Loaded, entry: Entry): void {
  const last = loaded.rows.pop()!;
  loaded.live -= entry.nbytes;
  loaded.index.move(last.row, entry.row);
  if (last !== entry) {
    last.row = entry.row;
    loaded.rows[last.row] = last;
  }
  loaded.byId.delete(entry.id);
  loaded.byPlace.delete(entry.at);
}

/** By id. */
function chosen(rows: readonly Entry[], filter: MemoryFilter): Entry[] {
  return rows.filter((entry) => passes(entry, filter)).sort((a, b) => a.id - b.id);
}

function passes(
  { tags, createdMs }: RecordHead,
  { tags: wanted = [], since = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY }: MemoryFilter,
): boolean {
  return createdMs >= since && createdMs < before && wanted.every((tag) => tags.includes(tag));
}

/** The `limit` highest of what passes. NaN, which only a damaged file can give, is none of them. */
export function best<E extends { readonly id: number }>(
  scores: Float32Array,
  rows: readonly E[],
  limit: number,
  least: number,
  passes: (entry: E) => boolean,
): { readonly entry: E; readonly score: number }[] {
  const found: { entry: E; score: number }[] = [];
  let bar = least;
  for (let row = 0; row < rows.length; row++) {
    const score = scores[row]!;
    if (!(score >= bar)) continue;
    const entry = rows[row]!;
    if (!passes(entry)) continue;
    // Binary search for the first that is worse.
    let [low, high] = [0, found.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = found[middle]!;
      if (other.score > score || (other.score === score && other.entry.id < entry.id)) low = middle + 1;
      else high = middle;
    }
    if (low === limit) continue;
    found.splice(low, 0, { entry, score });
    if (found.length > limit) found.pop();
    if (found.length === limit) bar = found[limit - 1]!.score;
  }
  return found;
}

function recordOf(file: InPlaceFile, entry: Entry, meta: Meta): MemoryRecord {
  const body = readBody(frameAt(file, entry).content!, columnsOf(meta));
  if (!body) throw damaged(entry.at);
  const { id, tags, createdMs } = entry;
  return { id, text: body.text, tags, createdMs, ...(body.data === undefined ? {} : { data: body.data }) };
}

/** Errors: integrity where the file says otherwise than the model. */
function fitting(vector: Float32Array, { dimensions }: Meta): Float32Array {
  if (vector.length === dimensions) return vector;
  throw new LlmError(
    "integrity",
    `This memory says that its model gives ${dimensions} numbers, and it gave ${vector.length}. Forget all of it to begin again.`,
  );
}

function requireSame(meta: Meta, { model, fingerprint }: ModelIdentity): void {
  if (meta.fingerprint === fingerprint) return;
  const version = meta.model === model ? "another version of " : "";
  throw new LlmError(
    "not_supported",
    `This memory was made with ${version}${meta.model}, and ${model} gives other vectors: call reembed() to make them anew from the stored texts, or use that model.`,
    { reason: "other_model", made_with: meta.model, model },
  );
}

function checkedBody(body: RecordBody, index: number, { recordBytes }: MemoryLimits): Uint8Array {
  const bytes = encodeBody(body);
  if (bytes.length <= recordBytes) return bytes;
  throw new LlmError(
    "invalid_request",
    `add: input[${index}] has ${bytes.length} bytes; a record has ${recordBytes} at most. Divide it.`,
    { index, limit: recordBytes, requested: bytes.length },
  );
}

function limitReached(what: string, limit: number, requested: number, advice: string): LlmError {
  return new LlmError("storage_quota", `This memory may have ${limit} ${what}, not ${requested}. ${advice}`, {
    reason: "memory_limit",
    limit,
    requested,
  });
}
