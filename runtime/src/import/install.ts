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
import { openParts } from "./gguf_parts";
import type { Host, Loaders } from "./host";
import { openHub } from "./hub";
import { type PackagePlan, planPackage, writePackage } from "./package";
import { setPlans } from "./python";
import { ReadAhead } from "./read_ahead";
import { first_parts } from "./rules.gen";
import type { WrittenShard } from "./shards";
import { BlobSource, type CheckpointSource } from "./source";
import { UrlSource } from "./url_source";

const PROGRESS_NAME = "import.json";
const PROGRESS_INTERVAL_MS = 100;

/** A GGUF file by its URL, as `owner/name:file` of a hub, or as it was chosen; of a split one any part, or all files. */
export type GivenCheckpoint = URL | string | File | readonly File[];

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
  /** q4, q8, f16 or f32; null: the file's own, else q4. */
  readonly quantization?: string | null | undefined;
  /** Base URL of the hub. */
  readonly hub?: string | null | undefined;
  readonly onProgress?: (loaded: number, total: number, model?: PlannedModel) => void;
}

interface OpenedCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Of this version of the file; null: it cannot be told from another. */
  readonly identity: string | null;
  /** What the state of the package names as its origin. */
  readonly url: string;
}

/**
 * Errors: invalid_request, model_not_found, not_allowed, unknown_architecture, unsupported, invalid_checkpoint, network,
 * integrity, storage_quota, aborted.
 */
export async function installCheckpoint(
  given: GivenCheckpoint,
  store: PackageStore,
  loaders: Loaders,
  options: ImportOptions,
): Promise<Manifest> {
  setPlans(await ownPlans());
  const host = { ...loaders, ...store.hashes };
  const opened = await open(given, store.settings, options);
  const plan = await planPackage(opened.checkpoint, host, options.quantization ?? null);
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
  given: GivenCheckpoint,
  settings: DownloadSettings,
  { signal, hub }: ImportOptions,
): Promise<OpenedCheckpoint> {
  if (typeof given === "string") {
    const repository = await openHub(given, hub, settings, signal);
    const first = (await repository.open(repository.path))!;
    const folder = repository.path.slice(0, repository.path.lastIndexOf("/") + 1);
    const parts = await openParts(first, (name) => repository.open(folder + name), readAhead);
    const identity = identityOf(parts.parts as UrlSource[], ({ name }) => repository.sha256(folder + name));
    return { checkpoint: await openGguf(parts), identity, url: first.url.href };
  }
  if (given instanceof URL) {
    const source = (url: URL): Promise<UrlSource> => UrlSource.open(url, settings, signal);
    const parts = await openParts(await source(given), (name) => source(beside(given, name)), readAhead);
    const identity = identityOf(parts.parts as UrlSource[], ({ version }) => version);
    return { checkpoint: await openGguf(parts), identity, url: given.href };
  }
  const files = new Map((given instanceof File ? [given] : given).map((file) => [file.name, file]));
  const first = theModel([...files.keys()]);
  const source = (name: string): BlobSource | null => (files.has(name) ? new BlobSource(name, files.get(name)!) : null);
  const parts = await openParts(source(first)!, async (name) => source(name));
  const identity = parts.parts.map(({ name }) => `${name} ${files.get(name)!.size} ${files.get(name)!.lastModified}`);
  return { checkpoint: await openGguf(parts), identity: identity.join("\n"), url: `file:${first}` };
}

function readAhead(source: CheckpointSource): CheckpointSource {
  return new ReadAhead(source);
}

function identityOf(parts: readonly UrlSource[], versionOf: (part: UrlSource) => string | null): string | null {
  const versions = parts.map((part) => [part.url.href, part.nbytes, versionOf(part) ?? part.version]);
  return versions.some(([, , version]) => version === null) ? null : versions.map((one) => one.join(" ")).join("\n");
}

/** Another file of the folder; what the URL asks for else (a token) is kept. */
function beside(url: URL, name: string): URL {
  const other = new URL(encodeURIComponent(name), url);
  other.search = url.search;
  return other;
}

/** The name of the model among files that a person chose. Errors: invalid_request. */
function theModel(names: readonly string[]): string {
  if (names.length === 1) return names[0]!;
  const models: string[] = first_parts(names);
  if (models.length === 1) return models[0]!;
  const found = models.slice(0, 4).join(", ") || "none";
  throw new LlmError("invalid_request", `Choose one GGUF model, or all parts of one; these files hold ${found}.`);
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
