/**
 * Makes the package of a checkpoint in the store, going on from the shards that an earlier attempt completed.
 *
 * Beside the package's files stands import.json until they are complete: of which file the shards were made, by which
 * plan, and their digests. Another version of the file, or a source that names no version, begins anew. What is not
 * supported is said after the header was read, before anything is stored.
 */
import { LlmError } from "../internal/errors";
import { readOwnFile } from "../internal/own_file";
import type { DownloadSettings } from "../storage/download";
import type { Folder } from "../storage/folder";
import type { InstallOptions } from "../storage/install";
import type { Manifest } from "../storage/manifest";
import type { MadePackage, PackageStore } from "../storage/store";
import type { Checkpoint } from "./checkpoint";
import { openGguf } from "./gguf_checkpoint";
import type { Host, Loaders } from "./host";
import { type PackagePlan, planPackage, writePackage } from "./package";
import { setPlans } from "./python";
import { ReadAhead } from "./read_ahead";
import type { WrittenShard } from "./shards";
import { BlobSource } from "./source";
import { UrlSource } from "./url_source";

const PROGRESS_NAME = "import.json";
const PROGRESS_INTERVAL_MS = 100;

/** What is made of a checkpoint: the engine's ModelInfo. */
export interface PlannedModel {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  readonly quantization: string;
  readonly contextLength: number;
  readonly parameterCount: number;
  readonly license: string | null;
  readonly nbytes: number;
}

export interface ImportOptions extends InstallOptions {
  readonly onProgress?: (loaded: number, total: number, model?: PlannedModel) => void;
}

interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Of this version of the file; null: it cannot be told from another. */
  readonly identity: string | null;
  /** What the state of the package names as its origin. */
  readonly url: string;
}

/** Errors: unknown_architecture, unsupported, invalid_checkpoint, network, integrity, storage_quota, aborted. */
export async function installCheckpoint(
  given: URL | File,
  store: PackageStore,
  loaders: Loaders,
  options: ImportOptions,
): Promise<Manifest> {
  setPlans(await ownPlans());
  const host = { ...loaders, ...store.hashes };
  const opened = await open(given, store.settings, options.signal);
  const plan = await planPackage(opened.checkpoint, host);
  for (const warning of plan.warnings) console.warn(warning);
  reportPlan(plan, options);
  const manifest = await store.make(plan.id, opened.url, options.signal, (made) =>
    write(made, plan, opened, store, host, options),
  );
  options.onProgress?.(plan.weightsBytes, plan.weightsBytes);
  return manifest;
}

/** What a person wants to know before the weights come. */
function reportPlan({ manifest, files, weightsBytes }: PackagePlan, { onProgress }: ImportOptions): void {
  let nbytes = weightsBytes;
  for (const bytes of files.values()) nbytes += bytes.length;
  onProgress?.(0, weightsBytes, {
    id: manifest.get("id"),
    name: manifest.get("name"),
    architecture: manifest.get("architecture"),
    quantization: manifest.get("quantization"),
    contextLength: manifest.get("context_length"),
    parameterCount: manifest.get("parameter_count"),
    license: manifest.get("license"),
    nbytes,
  });
}

async function ownPlans(): Promise<string> {
  const url = new URL("./plans.gen.json", import.meta.url);
  return new TextDecoder().decode(await readOwnFile(url, (why) => `The importer's plans could not be loaded: ${why}.`));
}

async function open(
  given: URL | File,
  settings: DownloadSettings,
  signal: AbortSignal | undefined,
): Promise<OpenedCheckpoint> {
  if (given instanceof URL) {
    const source = await UrlSource.open(given, settings, signal);
    const identity = source.version === null ? null : `${given.href} ${source.nbytes} ${source.version}`;
    return { checkpoint: await openGguf(new ReadAhead(source)), identity, url: given.href };
  }
  const identity = `${given.name} ${given.size} ${given.lastModified}`;
  return { checkpoint: await openGguf(new BlobSource(given.name, given)), identity, url: `file:${given.name}` };
}

/** The text of nomoat.json. */
async function write(
  { folder, files }: MadePackage,
  plan: PackagePlan,
  { checkpoint, identity }: OpenedCheckpoint,
  store: PackageStore,
  host: Host,
  { signal, onProgress }: InstallOptions,
): Promise<string> {
  const key = await keyOf(plan, identity, host);
  const before = key === null ? [] : await completed(folder, files, key);
  // What else was there is another package's, or another version's.
  const kept = new Set(before.map((shard) => shard?.path));
  for (const path of await files.filePaths()) if (!kept.has(path)) await files.remove(path);
  await checkSpace(
    plan,
    before.reduce((sum, shard) => sum + (shard?.nbytes ?? 0), 0),
    store,
  );
  let reportedMs = 0;
  const manifest = await writePackage(plan, checkpoint, { create: (path) => files.openWriter(path, 0) }, host, {
    signal,
    before,
    onProgress(loaded, total) {
      const nowMs = performance.now();
      if (nowMs - reportedMs < PROGRESS_INTERVAL_MS) return;
      reportedMs = nowMs;
      onProgress?.(loaded, total);
    },
    onShard: (shards) =>
      key === null ? Promise.resolve() : folder.writeText(PROGRESS_NAME, JSON.stringify({ version: 1, key, shards })),
  });
  await folder.remove(PROGRESS_NAME);
  return manifest;
}

/** Names the bytes of every shard: the file, and what is made of it. */
async function keyOf(plan: PackagePlan, identity: string | null, host: Host): Promise<string | null> {
  if (identity === null) return null;
  const parts = [identity, JSON.stringify(plan.shards)];
  for (const [path, bytes] of plan.files) parts.push(`${path} ${await host.digestHex(bytes)}`);
  return host.digestHex(new TextEncoder().encode(parts.join("\n")));
}

/** The shards that an earlier attempt completed, by their number. */
async function completed(folder: Folder, files: Folder, key: string): Promise<(WrittenShard | null)[]> {
  const text = await folder.readText(PROGRESS_NAME);
  let found: { version?: unknown; key?: unknown; shards?: unknown } | null;
  try {
    found = JSON.parse(text ?? "null");
  } catch {
    return []; // torn by a crash
  }
  if (found?.version !== 1 || found.key !== key || !Array.isArray(found.shards)) return [];
  const shards: (WrittenShard | null)[] = [];
  for (const shard of found.shards as (WrittenShard | null)[])
    shards.push(shard !== null && (await files.size(shard.path)) === shard.nbytes ? shard : null);
  return shards;
}

async function checkSpace(plan: PackagePlan, have: number, store: PackageStore): Promise<void> {
  let needed = plan.weightsBytes - have;
  for (const bytes of plan.files.values()) needed += bytes.length;
  const available = await store.settings.availableBytes();
  if (available === null || needed <= available) return;
  throw new LlmError(
    "storage_quota",
    `${plan.id} needs ${needed} more bytes of storage; the browser allows ${available}. Remove a model or free disk space.`,
    { needed_bytes: needed, available_bytes: available },
  );
}
