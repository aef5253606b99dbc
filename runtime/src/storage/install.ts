/**
 * Brings the files of one package into its folder, going on from whatever an earlier installation left.
 *
 * A file counts once its bytes, read back from storage, have the manifest's SHA-256; that is noted in state.json and
 * survives everything that follows. A file with the wrong digest is deleted. NOTE: the caller holds the package's lock.
 */
import { LlmError } from "../internal/errors";
import { checkDigest, Digest, digestHex, MAX_WHOLE_BYTES } from "./digest";
import { type DownloadSettings, download, throwIfAborted } from "./download";
import type { Folder } from "./folder";
import { storageFull } from "./folder";
import type { Manifest, PackageFile } from "./manifest";
import { type PackageState, readState, writeState } from "./package_state";
import { fileUrl } from "./package_url";

export const FILES = "files";
const MANIFEST_COPY = "manifest.json";
const FILES_IN_FLIGHT = 3;
const HASH_PIECE_BYTES = 4 * 1024 * 1024;
const PROGRESS_INTERVAL_MS = 100;

export interface InstallOptions {
  readonly signal?: AbortSignal;
  /** Bytes of the package in storage, of all its bytes. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

/** For the importer, which has no copy of its own. */
export const HASHES = { Digest, digestHex };

export interface InstallSettings extends DownloadSettings {
  /** Bytes that may still be stored; null where the browser does not say. */
  readonly availableBytes: () => Promise<number | null>;
}

export async function installPackage(
  folder: Folder,
  base: URL,
  manifest: Manifest,
  manifestText: string,
  settings: InstallSettings,
  options: InstallOptions,
): Promise<void> {
  await new Installation(folder, base, manifest, settings, options).run(manifestText);
}

export function writeManifestCopy(folder: Folder, text: string): Promise<void> {
  return folder.writeText(MANIFEST_COPY, text);
}

export async function readManifestCopy(folder: Folder): Promise<string | null> {
  return folder.readText(MANIFEST_COPY);
}

class Installation {
  private readonly verified: Record<string, string> = Object.create(null);
  private saving: Promise<void> = Promise.resolve();
  private hashing: Promise<unknown> = Promise.resolve();
  private readonly loaded = new Map<string, number>();
  private reportedMs = 0;

  constructor(
    private readonly folder: Folder,
    private readonly base: URL,
    private readonly manifest: Manifest,
    private readonly settings: InstallSettings,
    private readonly options: InstallOptions,
  ) {}

  async run(manifestText: string): Promise<void> {
    const files = await this.folder.folder(FILES);
    await this.keepWhatIsRight(files);
    await writeManifestCopy(this.folder, manifestText);
    await this.save("downloading", null);
    const stop = new AbortController();
    const forward = (): void => stop.abort();
    this.options.signal?.addEventListener("abort", forward, { once: true });
    try {
      const missing = this.manifest.files.filter(({ path }) => this.verified[path] === undefined);
      await this.checkSpace(files, missing);
      await this.fetchAll(files, missing, stop);
      await this.save("ready", null);
      this.report(true);
    } catch (thrown) {
      const error = this.options.signal?.aborted
        ? new LlmError("aborted", "The installation was aborted. What is already there is kept.")
        : LlmError.from(thrown);
      // The reason matters more than that it could not be noted.
      await this.save("error", error).catch(() => undefined);
      throw error;
    } finally {
      this.options.signal?.removeEventListener("abort", forward);
    }
  }

  /** Of an earlier installation, files with the same digest stay; files the manifest no longer lists go. */
  private async keepWhatIsRight(files: Folder): Promise<void> {
    const before = (await readState(this.folder))?.verified ?? {};
    for (const { path, nbytes, sha256 } of this.manifest.files) {
      if (before[path] !== sha256) continue;
      if ((await files.size(path)) !== nbytes) continue;
      this.verified[path] = sha256;
      this.loaded.set(path, nbytes);
    }
    const listed = new Set(this.manifest.files.map(({ path }) => path));
    for (const path of await files.filePaths()) {
      // What was complete under another digest is no beginning of the new file.
      const outdated = before[path] !== undefined && this.verified[path] === undefined;
      if (!listed.has(path) || outdated) await files.remove(path);
    }
  }

  private async checkSpace(files: Folder, missing: readonly PackageFile[]): Promise<void> {
    let needed = 0;
    for (const { path, nbytes } of missing) needed += Math.max(0, nbytes - ((await files.size(path)) ?? 0));
    const available = await this.settings.availableBytes();
    if (available === null || needed <= available) return;
    throw new LlmError(
      "storage_quota",
      `${this.manifest.id} needs ${needed} more bytes of storage; the browser allows ${available}. Remove a model or free disk space.`,
      { needed_bytes: needed, available_bytes: available },
    );
  }

  /** The first failure stops the other files; what they have so far is kept. */
  private async fetchAll(files: Folder, missing: readonly PackageFile[], stop: AbortController): Promise<void> {
    const queue = [...missing];
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
        try {
          await this.fetchFile(files, file, stop.signal);
        } catch (error) {
          failures.push(error);
          queue.length = 0;
          stop.abort();
        }
      }
    };
    await Promise.all(Array.from({ length: FILES_IN_FLIGHT }, worker));
    await this.saving;
    if (failures.length > 0) throw failures[0];
  }

  private async fetchFile(files: Folder, file: PackageFile, signal: AbortSignal): Promise<void> {
    const existing = (await files.size(file.path)) ?? 0;
    const offset = existing <= file.nbytes ? existing : 0;
    try {
      await this.fetchFrom(files, file, offset, signal);
    } catch (error) {
      // Bytes of an earlier installation may be of an older file, or torn by a crash: once more from the beginning.
      if (offset === 0 || !(error instanceof LlmError) || error.code !== "integrity") throw error;
      await this.fetchFrom(files, file, 0, signal);
    }
    this.verified[file.path] = file.sha256;
    await this.save("downloading", null);
  }

  private async fetchFrom(files: Folder, file: PackageFile, offset: number, signal: AbortSignal): Promise<void> {
    const writer = await files.openWriter(file.path, offset);
    let position = offset;
    this.loaded.set(file.path, position);
    try {
      for await (const piece of download(fileUrl(this.base, file.path), offset, file.nbytes, this.settings, signal)) {
        await writer.write(piece, position);
        position += piece.length;
        this.loaded.set(file.path, position);
        this.report(false);
      }
    } catch (error) {
      await writer.close();
      if (error instanceof LlmError && error.code === "integrity") await this.discard(files, file);
      throw error;
    }
    await writer.close();
    throwIfAborted(signal);
    try {
      // One at a time: each may hold a whole shard.
      const digest = this.hashing.then(() => digestStored(files, file));
      this.hashing = digest.catch(() => undefined);
      checkDigest(file, await digest);
    } catch (error) {
      await this.discard(files, file);
      throw error;
    }
  }

  private async discard(files: Folder, file: PackageFile): Promise<void> {
    this.loaded.delete(file.path);
    await files.remove(file.path);
  }

  private save(state: PackageState["state"], error: LlmError | null): Promise<void> {
    const next: PackageState = {
      url: this.base.href,
      state,
      error: error?.toWire() ?? null,
      verified: { ...this.verified },
    };
    this.saving = this.saving.catch(() => undefined).then(() => writeState(this.folder, next));
    return this.saving;
  }

  private report(now: boolean): void {
    if (this.options.onProgress === undefined) return;
    const nowMs = performance.now();
    if (!now && nowMs - this.reportedMs < PROGRESS_INTERVAL_MS) return;
    this.reportedMs = nowMs;
    let loaded = 0;
    for (const nbytes of this.loaded.values()) loaded += nbytes;
    this.options.onProgress(loaded, packageBytes(this.manifest));
  }
}

export function packageBytes(manifest: Manifest): number {
  return manifest.files.reduce((total, { nbytes }) => total + nbytes, 0);
}

/** Digest of what storage gives back, not of what was sent to it. */
async function digestStored(files: Folder, file: PackageFile): Promise<string> {
  const reader = await files.openReader(file.path);
  if (reader === null || reader.nbytes !== file.nbytes) {
    reader?.close();
    if (reader === null && file.nbytes === 0) return new Digest().hex();
    throw storageFull();
  }
  try {
    if (file.nbytes <= MAX_WHOLE_BYTES) {
      const whole = new Uint8Array(file.nbytes);
      await reader.read(whole, 0);
      return await digestHex(whole);
    }
    const digest = new Digest();
    const piece = new Uint8Array(HASH_PIECE_BYTES);
    for (let at = 0; at < file.nbytes; at += piece.length) {
      const part = piece.subarray(0, Math.min(piece.length, file.nbytes - at));
      await reader.read(part, at);
      digest.update(part);
    }
    return digest.hex();
  } finally {
    reader.close();
  }
}
