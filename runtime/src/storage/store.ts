/**
 * Installed packages in the origin private file system: one folder each, named by the package's id.
 *
 *     nomoat/packages/<id>/manifest.json   nomoat.json as it came
 *     nomoat/packages/<id>/state.json      package_state.ts
 *     nomoat/packages/<id>/files/...       the files under their own paths
 *     nomoat/packages/<id>/derived/...     derived.ts
 */
import { LlmError } from "../internal/errors";
import { DERIVED, StoredDerivedFiles } from "./derived";
import { checkSize } from "./digest";
import { DOWNLOAD_SETTINGS, downloadText } from "./download";
import { Folder } from "./folder";
import {
  FILES,
  HASHES,
  type InstallOptions,
  type InstallSettings,
  installPackage,
  packageBytes,
  readManifestCopy,
  writeManifestCopy,
} from "./install";
import { withLock } from "./lock";
import { isPackageId, MANIFEST_NAME, MAX_MANIFEST_BYTES, type Manifest, parseManifest } from "./manifest";
import { type PackageState, readState, writeState } from "./package_state";
import { fileUrl, packageBase } from "./package_url";
import type { PackageSource } from "./source";
import { StoredSource } from "./stored_source";

export interface InstalledPackage {
  readonly manifest: Manifest;
  /** "downloading": being installed, or interrupted without a word. Anything but "ready" can be installed again or removed. */
  readonly state: PackageState["state"];
  readonly url: string;
}

export interface PackageStore {
  /**
   * Fetches what is missing of the package at `url`. Without network, a package that was completely installed from
   * this URL is taken as it is. Errors: `network`, `integrity`, `invalid_package`, `invalid_request`, `storage_quota`,
   * `aborted`.
   */
  install(url: string, options?: InstallOptions): Promise<Manifest>;
  installed(): Promise<InstalledPackage[]>;
  /** Errors: `model_not_found` (not installed, or not completely), `integrity` (a file has another size). */
  open(id: string): Promise<PackageSource>;
  /** Nothing happens where there is no such package. */
  remove(id: string): Promise<void>;
  readonly settings: InstallSettings;
  readonly hashes: typeof HASHES;
  /**
   * Makes the package `id` here, under its lock: `work` writes its files and gives the text of nomoat.json. What an
   * earlier attempt left is there for it. `url`: where it was made from. Errors: those of `work`, aborted.
   */
  make(
    id: string,
    url: string,
    signal: AbortSignal | undefined,
    work: (made: MadePackage) => Promise<string>,
  ): Promise<Manifest>;
}

export interface MadePackage {
  /** For notes on how far it got. */
  readonly folder: Folder;
  readonly files: Folder;
}

/** What tests and unusual hosts bring of their own. */
export interface StoreEnvironment extends Partial<InstallSettings> {
  readonly root?: () => Promise<FileSystemDirectoryHandle>;
}

/** Null where there is no origin private file system: Node, insecure pages, some private windows. */
export async function openStore(environment: StoreEnvironment = {}): Promise<PackageStore | null> {
  const { root, ...given } = environment;
  const storage = globalThis.navigator?.storage as StorageManager | undefined;
  if (root === undefined && typeof storage?.getDirectory !== "function") return null;
  const settings: InstallSettings = { ...DOWNLOAD_SETTINGS, availableBytes: () => availableBytes(storage), ...given };
  try {
    const top = new Folder(root === undefined ? await storage!.getDirectory() : await root());
    return new OpfsStore(await (await top.folder("nomoat")).folder("packages"), settings);
  } catch (error) {
    if (error instanceof Error && ["SecurityError", "NotSupportedError", "UnknownError"].includes(error.name))
      return null;
    throw error;
  }
}

async function availableBytes(storage: StorageManager | undefined): Promise<number | null> {
  const estimate = await storage?.estimate?.();
  return estimate?.quota === undefined ? null : Math.max(0, estimate.quota - (estimate.usage ?? 0));
}

class OpfsStore implements PackageStore {
  readonly hashes = HASHES;

  constructor(
    private readonly packages: Folder,
    readonly settings: InstallSettings,
  ) {}

  make(
    id: string,
    url: string,
    signal: AbortSignal | undefined,
    work: (made: MadePackage) => Promise<string>,
  ): Promise<Manifest> {
    return withLock(lockName(id), signal, async () => {
      const folder = await this.packages.folder(id);
      const save = (state: PackageState["state"], error: LlmError | null, files: Manifest["files"] = []) => {
        const verified = Object.fromEntries(files.map(({ path, sha256 }) => [path, sha256]));
        return writeState(folder, { url, state, error: error?.toWire() ?? null, verified });
      };
      await removeDerived(folder);
      await save("downloading", null);
      try {
        const text = await work({ folder, files: await folder.folder(FILES) });
        const manifest = parseManifest(text);
        await writeManifestCopy(folder, text);
        await save("ready", null, manifest.files);
        return manifest;
      } catch (thrown) {
        const error = LlmError.from(thrown);
        await save("error", error).catch(() => undefined);
        throw error;
      }
    });
  }

  async install(url: string, options: InstallOptions = {}): Promise<Manifest> {
    const base = packageBase(url);
    let text: string;
    try {
      text = await downloadText(fileUrl(base, MANIFEST_NAME), MAX_MANIFEST_BYTES, this.settings, options.signal);
    } catch (error) {
      const offline = error instanceof LlmError && error.code === "network" && error.detail?.status === undefined;
      const before = offline
        ? (await this.installed()).find((entry) => entry.url === base.href && entry.state === "ready")
        : undefined;
      if (before === undefined) throw error;
      return before.manifest;
    }
    const manifest = parseManifest(text);
    await withLock(lockName(manifest.id), options.signal, async () => {
      const folder = await this.packages.folder(manifest.id);
      if (await isComplete(folder, base, text)) {
        options.onProgress?.(packageBytes(manifest), packageBytes(manifest));
        return;
      }
      if ((await readManifestCopy(folder)) !== text) await removeDerived(folder);
      await installPackage(folder, base, manifest, text, this.settings, options);
    });
    return manifest;
  }

  async installed(): Promise<InstalledPackage[]> {
    const list: InstalledPackage[] = [];
    for (const id of await this.packages.folderNames()) {
      const folder = await this.packages.existingFolder(id);
      const manifest = folder && (await storedManifest(folder));
      if (!manifest || manifest.id !== id) continue;
      const state = await readState(folder);
      list.push({ manifest, state: state?.state ?? "error", url: state?.url ?? "" });
    }
    return list;
  }

  async open(id: string): Promise<PackageSource> {
    const folder = isPackageId(id) ? await this.packages.existingFolder(id) : null;
    const manifest = folder && (await storedManifest(folder));
    const state = folder && (await readState(folder));
    if (!folder || !manifest || !state) throw notFound(id, "is not installed");
    if (state.state !== "ready") throw notFound(id, "is not completely installed");
    const files = await folder.folder(FILES);
    const forget = (path: string): Promise<void> => withLock(lockName(id), undefined, () => forgetFile(folder, path));
    for (const file of manifest.files) {
      try {
        checkSize(file, (await files.size(file.path)) ?? -1);
      } catch (error) {
        await forget(file.path);
        throw error;
      }
    }
    const derived = new StoredDerivedFiles(folder, manifest, this.settings.availableBytes);
    return new StoredSource(manifest, files, derived, forget);
  }

  async remove(id: string): Promise<void> {
    if (!isPackageId(id)) return;
    await withLock(lockName(id), undefined, () => this.packages.remove(id));
  }
}

function lockName(id: string): string {
  return `nomoat-package-${id}`;
}

function notFound(id: string, why: string): LlmError {
  return new LlmError("model_not_found", `The model ${id.slice(0, 128)} ${why}. Install it first.`, {
    id: id.slice(0, 128),
  });
}

/** Nothing to do: the same manifest, completely installed. Sizes are checked when it is opened. */
async function isComplete(folder: Folder, base: URL, manifestText: string): Promise<boolean> {
  const state = await readState(folder);
  return state?.state === "ready" && state.url === base.href && (await readManifestCopy(folder)) === manifestText;
}

/** Null where the copy is missing or damaged; such a folder can only be installed over or removed. */
async function storedManifest(folder: Folder): Promise<Manifest | null> {
  const text = await readManifestCopy(folder);
  if (text === null) return null;
  try {
    return parseManifest(text);
  } catch {
    return null;
  }
}

/** What devices made of an older version of the package. */
async function removeDerived(folder: Folder): Promise<void> {
  try {
    await folder.remove(DERIVED);
  } catch (error) {
    // Another tab still runs the older version: its files stay for now, and their fingerprint keeps them from being read.
    if (!(error instanceof Error) || error.name !== "NoModificationAllowedError") throw error;
  }
}

async function forgetFile(folder: Folder, path: string): Promise<void> {
  const state = await readState(folder);
  if (state === null) return;
  const { [path]: _, ...verified } = state.verified;
  const error = {
    code: "integrity" as const,
    message: `${path} is damaged. Install the model again.`,
    detail: { path },
  };
  await writeState(folder, { ...state, state: "error", error, verified });
  await (await folder.folder(FILES)).remove(path);
}
