/**
 * Files that a device derives from an installed package, such as weights in its own layout:
 *
 *     nomoat/packages/<id>/derived/<name>.data   the bytes
 *     nomoat/packages/<id>/derived/<name>.json   written last: how many there must be, and what they were made from
 *
 * A crash leaves bytes without their record, or a record whose bytes are fewer; neither is read. The record holds the
 * package's fingerprint beside the caller's key, so that a tab that still has an older version of the package open
 * cannot leave its files to the newer one.
 */
import { LlmError } from "../internal/errors";
import type { DerivedFiles, FileReader, FileWriter } from "../internal/files";
import { digestHex } from "./digest";
import type { Folder } from "./folder";
import type { Manifest } from "./manifest";

export const DERIVED = "derived";
const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;

interface Record {
  readonly version: 1;
  readonly nbytes: number;
  readonly key: string;
  readonly fingerprint: string;
}

export class StoredDerivedFiles implements DerivedFiles {
  private fingerprint: Promise<string> | null = null;
  /** Bytes that the files begun here must have. */
  private readonly begun = new Map<string, number>();

  /** `folder` is the package's; `availableBytes`: what may still be stored, null where the browser does not say. */
  constructor(
    private readonly folder: Folder,
    private readonly manifest: Manifest,
    private readonly availableBytes: () => Promise<number | null>,
  ) {}

  async openRead(name: string, key: string): Promise<FileReader | null> {
    const record = await this.record(name);
    if (record?.key !== key || record.fingerprint !== (await this.packageFingerprint())) return null;
    const reader = await this.folder.openReader(dataPath(name));
    if (reader?.nbytes === record.nbytes) return reader;
    reader?.close();
    return null;
  }

  async openWrite(name: string, nbytes: number): Promise<FileWriter> {
    // The bytes of the file before are free as soon as it is cut, so they count as available.
    const before = (await this.folder.size(dataPath(name))) ?? 0;
    const available = await this.availableBytes();
    if (available !== null && nbytes > available + before) {
      throw new LlmError(
        "storage_quota",
        `${this.manifest.id} needs ${nbytes} bytes of storage for this device; the browser allows ${available + before}. Remove a model or free disk space.`,
        { needed_bytes: nbytes, available_bytes: available + before },
      );
    }
    // Opening takes the browser's lock on the file: where another tab reads or writes it, this throws and harms nothing.
    const writer = await this.folder.openWriter(dataPath(name), 0);
    try {
      await this.folder.remove(recordPath(name));
    } catch (thrown) {
      await writer.close();
      throw thrown;
    }
    this.begun.set(name, nbytes);
    return writer;
  }

  async commit(name: string, key: string): Promise<void> {
    const nbytes = this.begun.get(name);
    const got = await this.folder.size(dataPath(name));
    if (nbytes === undefined || got !== nbytes) {
      throw new LlmError("internal", `The derived file ${name} must have ${nbytes ?? "been begun"}, not ${got} bytes.`);
    }
    const record: Record = { version: 1, nbytes, key, fingerprint: await this.packageFingerprint() };
    await this.folder.writeText(recordPath(name), JSON.stringify(record));
    this.begun.delete(name);
  }

  async remove(name: string): Promise<void> {
    this.begun.delete(name);
    await this.folder.remove(recordPath(name));
    await this.folder.remove(dataPath(name));
  }

  private async record(name: string): Promise<Record | null> {
    const text = await this.folder.readText(recordPath(name));
    try {
      const value = JSON.parse(text ?? "null") as Partial<Record> | null;
      return value?.version === 1 ? (value as Record) : null;
    } catch {
      return null; // torn by a crash
    }
  }

  /** Of the content that devices derive from. */
  private packageFingerprint(): Promise<string> {
    const listed = this.manifest.files.map(({ path, sha256 }) => `${path} ${sha256}\n`).sort();
    this.fingerprint ??= digestHex(new TextEncoder().encode(listed.join("")));
    return this.fingerprint;
  }
}

function dataPath(name: string): string {
  return `${checked(name)}.data`;
}

function recordPath(name: string): string {
  return `${checked(name)}.json`;
}

function checked(name: string): string {
  if (!NAME.test(name)) throw new LlmError("internal", `${name} cannot be the name of a derived file.`);
  return `${DERIVED}/${name}`;
}
