/**
 * A folder in the origin private file system: paths with slashes, positioned reads and writes.
 *
 * Workers have synchronous access handles, which write in place and survive a crash; elsewhere writes go through
 * createWritable, whose bytes count from its close on.
 */
import { LlmError } from "../internal/errors";
import type { Bytes, FileReader, FileWriter, InPlaceFile } from "../internal/files";
import { within } from "../internal/within";

/** FileSystemSyncAccessHandle is only declared for workers. */
interface SyncHandle {
  read(into: Bytes, options: { at: number }): number;
  write(bytes: Bytes, options: { at: number }): number;
  truncate(nbytes: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}
type SyncFile = FileSystemFileHandle & { createSyncAccessHandle?: (options?: { mode: string }) => Promise<SyncHandle> };
type OpenableFile = FileSystemFileHandle & Required<SyncFile>;

const SHARED_PIECE_BYTES = 1024 * 1024;
/** To open a file takes milliseconds. */
const OPEN_MS = 5000;
const OPEN_ATTEMPTS = 3;

export class Folder {
  constructor(private readonly handle: FileSystemDirectoryHandle) {}

  async folder(name: string): Promise<Folder> {
    return new Folder(await this.handle.getDirectoryHandle(name, { create: true }));
  }

  async existingFolder(name: string): Promise<Folder | null> {
    return orNull(this.handle.getDirectoryHandle(name).then((handle) => new Folder(handle)));
  }

  async folderNames(): Promise<string[]> {
    const names: string[] = [];
    for await (const [name, handle] of this.handle.entries()) if (handle.kind === "directory") names.push(name);
    return names.sort();
  }

  /** Of all files in this folder and below. */
  async filePaths(): Promise<string[]> {
    const paths: string[] = [];
    const walk = async (handle: FileSystemDirectoryHandle, prefix: string): Promise<void> => {
      for await (const [name, entry] of handle.entries()) {
        if (entry.kind === "file") paths.push(prefix + name);
        else await walk(entry as FileSystemDirectoryHandle, `${prefix}${name}/`);
      }
    };
    await walk(this.handle, "");
    return paths.sort();
  }

  /** Removes a file or a whole folder; nothing happens where there is none. */
  async remove(path: string): Promise<void> {
    await orNull(this.parent(path, false).then(([folder, name]) => folder.removeEntry(name, { recursive: true })));
  }

  /** Size in bytes; null where there is no such file. */
  async size(path: string): Promise<number | null> {
    const file = await this.file(path);
    return file === null ? null : (await file.getFile()).size;
  }

  async readText(path: string): Promise<string | null> {
    const file = await this.file(path);
    return file === null ? null : (await file.getFile()).text();
  }

  /** Replaces the file; where the browser can, at once or not at all. */
  async writeText(path: string, text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    const [folder, name] = await this.parent(path, true);
    const file: SyncFile = await folder.getFileHandle(name, { create: true });
    if (typeof file.createWritable === "function") {
      const stream = await file.createWritable();
      await quota(stream.write(bytes));
      await quota(stream.close());
      return;
    }
    const writer = await this.openWriter(path, 0);
    await writer.write(bytes, 0);
    await writer.close();
  }

  /** Opens for writing and cuts the file to `keep` bytes first. */
  async openWriter(path: string, keep: number): Promise<FileWriter> {
    const [folder, name] = await this.parent(path, true);
    const file: SyncFile = await folder.getFileHandle(name, { create: true });
    if (canOpen(file)) {
      const handle = await openExclusive(folder, file, path, keep === 0);
      handle.truncate(Math.min(keep, handle.getSize()));
      return {
        async write(bytes, at) {
          const write = (part: Bytes, from: number) => handle.write(part, { at: from });
          const written = await quota(Promise.resolve().then(() => allowShared(bytes, at, write, "out")));
          if (written !== bytes.length) throw storageFull();
        },
        async close() {
          handle.flush();
          handle.close();
        },
      };
    }
    const stream = await file.createWritable({ keepExistingData: keep > 0 });
    if (keep > 0) await stream.truncate(keep);
    return {
      write: (bytes, at) => quota(stream.write({ type: "write", position: at, data: bytes.slice() })),
      close: () => quota(stream.close()),
    };
  }

  /** Opens or makes a file; null where the browser has no synchronous access here. Errors: what the browser throws where another one has it open. */
  async openInPlace(path: string): Promise<InPlaceFile | null> {
    const [folder, name] = await this.parent(path, true);
    const file: SyncFile = await folder.getFileHandle(name, { create: true });
    if (!canOpen(file)) return null;
    const handle = await openExclusive(folder, file, path, false);
    return {
      get nbytes() {
        return handle.getSize();
      },
      read: (into, at) => handle.read(into, { at }),
      write(bytes, at) {
        let written: number;
        try {
          written = handle.write(bytes, { at });
        } catch (thrown) {
          throw isFull(thrown) ? storageFull() : thrown;
        }
        if (written !== bytes.length) throw storageFull();
      },
      truncate: (nbytes) => handle.truncate(nbytes),
      flush: () => handle.flush(),
      close: () => handle.close(),
    };
  }

  async openReader(path: string): Promise<FileReader | null> {
    const file: SyncFile | null = await this.file(path);
    if (file === null) return null;
    // Another tab may hold the file, or the browser may know no shared mode: reading through a Blob always works.
    const handle = await file.createSyncAccessHandle?.({ mode: "read-only" }).catch(() => null);
    if (handle) {
      return {
        nbytes: handle.getSize(),
        async read(into, at) {
          const read = (part: Bytes, from: number) => handle.read(part, { at: from });
          if (allowShared(into, at, read, "in") !== into.length) throw new Error(`${path} ended early`);
        },
        close: () => handle.close(),
      };
    }
    const blob = await file.getFile();
    return {
      nbytes: blob.size,
      async read(into, at) {
        const bytes = new Uint8Array(await blob.slice(at, at + into.length).arrayBuffer());
        if (bytes.length !== into.length) throw new Error(`${path} ended early`);
        into.set(bytes);
      },
      close() {},
    };
  }

  private async file(path: string): Promise<FileSystemFileHandle | null> {
    return orNull(this.parent(path, false).then(([folder, name]) => folder.getFileHandle(name)));
  }

  private async parent(path: string, create: boolean): Promise<[FileSystemDirectoryHandle, string]> {
    const segments = path.split("/");
    const name = segments.pop()!;
    let folder = this.handle;
    for (const segment of segments) folder = await folder.getDirectoryHandle(segment, { create });
    return [folder, name];
  }
}

/**
 * Calls `access` on bytes that may be shared between threads. Where the browser takes no shared memory here (it says
 * so by a TypeError), the bytes go through a copy, piece by piece.
 */
function allowShared(
  bytes: Bytes,
  at: number,
  access: (part: Bytes, at: number) => number,
  direction: "in" | "out",
): number {
  if (bytes.buffer instanceof ArrayBuffer) return access(bytes, at);
  try {
    return access(bytes, at);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  const copy = new Uint8Array(Math.min(bytes.length, SHARED_PIECE_BYTES));
  let done = 0;
  while (done < bytes.length) {
    const part = copy.subarray(0, Math.min(copy.length, bytes.length - done));
    if (direction === "out") part.set(bytes.subarray(done, done + part.length));
    const count = access(part, at + done);
    if (direction === "in") bytes.set(part.subarray(0, count), done);
    done += count;
    if (count < part.length) break;
  }
  return done;
}

/**
 * Opens a file for writing; `disposable`: what it holds is not needed. Chromium 156 now and then never answers for a
 * file that was just made, with nothing else going on: so it is asked again with a new file handle, and what comes late
 * is closed.
 */
async function openExclusive(
  folder: FileSystemDirectoryHandle,
  first: OpenableFile,
  path: string,
  disposable: boolean,
): Promise<SyncHandle> {
  let file = first;
  for (let attempt = 1; ; attempt++) {
    const opening = file.createSyncAccessHandle();
    const handle = await within(opening, OPEN_MS);
    if (handle) return handle;
    opening.then(
      (unused) => unused.close(),
      () => undefined,
    );
    // The lost request may still hold the file's lock: a file of this name made anew has its own.
    if (disposable) await folder.removeEntry(file.name).catch(() => undefined);
    if (attempt === OPEN_ATTEMPTS) {
      throw new LlmError(
        "internal",
        `The browser's storage did not open ${path} within ${(OPEN_ATTEMPTS * OPEN_MS) / 1000} s. Reload the page and try again.`,
        { path },
      );
    }
    file = (await folder.getFileHandle(file.name, { create: true })) as OpenableFile;
  }
}

function canOpen(file: SyncFile): file is OpenableFile {
  return typeof file.createSyncAccessHandle === "function";
}

export function storageFull(): LlmError {
  return new LlmError(
    "storage_quota",
    "The browser's storage for this site is full. Remove a model or free disk space, then try again.",
  );
}

async function quota<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw isFull(error) ? storageFull() : error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === "QuotaExceededError";
}

async function orNull<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && (error.name === "NotFoundError" || error.name === "TypeMismatchError")) return null;
    throw error;
  }
}
