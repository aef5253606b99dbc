/**
 * Lays stored arrays into shards and writes these, with tensor-cache.json: the same files as
 * compiler/nomoat_compiler/quantize/writer.py. Where everything goes is known before the first byte, so that arrays of
 * a tensor can be written side by side, and shards that are there already are left alone.
 *
 * In memory: the shard being filled, of at most SHARD_CAP_BYTES, and the scales of one tensor. A larger array has a
 * shard of its own, which goes to its file piece by piece.
 */
import { LlmError } from "../internal/errors";
import type { FileWriter } from "../internal/files";
import type { Host } from "./host";
import { Md5 } from "./md5";
import { indentedJson } from "./portable";
import { Float, fromJson } from "./python";
import { SHARD_CAP_BYTES } from "./rules.gen";

type Bytes = Uint8Array<ArrayBuffer>;

/** The rules' Parameter. */
export interface StoredArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly nbytes: number;
}

interface ShardRecord {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly format: string;
  readonly nbytes: number;
  readonly byteOffset: number;
}

export interface Shard {
  readonly dataPath: string;
  readonly nbytes: number;
  readonly records: readonly ShardRecord[];
}

export interface WrittenFile {
  readonly path: string;
  readonly nbytes: number;
  readonly sha256: string;
}

export interface WrittenShard extends WrittenFile {
  readonly md5: string;
}

/** Where the files of a package go. */
export interface PackageFiles {
  /** Begins `path`; what was there is gone. */
  create(path: string): Promise<FileWriter>;
}

/** `recordFormat`: the label of every record. */
export function layOut(arrays: readonly StoredArray[], recordFormat: string): Shard[] {
  const shards: Shard[] = [];
  let pending: ShardRecord[] = [];
  let filled = 0;
  const close = (nbytes: number, records: readonly ShardRecord[]): void => {
    shards.push({ dataPath: `params_shard_${shards.length}.bin`, nbytes, records });
  };
  for (const { name, shape, dtype, nbytes } of arrays) {
    const as = recordFormat === "f32-to-bf16" && dtype === "bfloat16" ? "float32" : dtype;
    const record = { name, shape, dtype: as, format: recordFormat, nbytes, byteOffset: 0 };
    if (filled + nbytes >= SHARD_CAP_BYTES) {
      if (2 * nbytes >= SHARD_CAP_BYTES) {
        close(nbytes, [record]);
        continue;
      }
      if (filled > 0) close(filled, pending);
      [pending, filled] = [[], 0];
    }
    pending.push({ ...record, byteOffset: filled });
    filled += nbytes;
  }
  if (filled > 0) close(filled, pending);
  return shards;
}

/** tensor-cache.json. `valueCount`: the weights of the model before encoding. */
export function tensorCache(shards: readonly Shard[], written: readonly WrittenShard[], valueCount: number): Bytes {
  const records = shards.flatMap((shard) => shard.records);
  const bytes = records.reduce(
    (sum, { nbytes, dtype, format }) => sum + nbytes * (asFloat32(dtype, format) ? 2 : 1),
    0,
  );
  const metadata = new Map<string, unknown>([
    ["ParamSize", records.length],
    ["ParamBytes", bytes],
    ["BitsPerParam", new Float((bytes * 8) / valueCount)],
  ]);
  const listed = shards.map((shard, i) =>
    fromJson({
      dataPath: shard.dataPath,
      format: "raw-shard",
      nbytes: shard.nbytes,
      md5sum: written[i]!.md5,
      records: shard.records,
    }),
  );
  return indentedJson(
    new Map<string, unknown>([
      ["metadata", metadata],
      ["records", listed],
    ]),
    1,
    false,
  ) as Bytes;
}

/** MLC calls bfloat16 that stands for float32 so, and counts 4 bytes for each value. */
function asFloat32(dtype: string, format: string): boolean {
  return format === "f32-to-bf16" && dtype === "float32";
}

export class ShardWriter {
  /** In the order of the shards; null while one is not complete. */
  readonly written: (WrittenShard | null)[];
  private readonly places = new Map<string, { readonly shard: number; readonly record: ShardRecord }>();
  private readonly open = new Map<number, OpenShard>();

  /** `before`: what an earlier import completed, by shard. `onShard`: one is complete. */
  constructor(
    private readonly files: PackageFiles,
    private readonly folder: string,
    private readonly shards: readonly Shard[],
    before: readonly (WrittenShard | null)[],
    private readonly host: Host,
    private readonly onShard: (written: readonly (WrittenShard | null)[]) => Promise<void>,
  ) {
    this.written = shards.map((_, i) => before[i] ?? null);
    for (const [shard, { records }] of shards.entries())
      for (const record of records) this.places.set(record.name, { shard, record });
  }

  /** Whether the array's shard is still to be written. */
  needs(name: string): boolean {
    return this.written[this.places.get(name)!.shard] === null;
  }

  /** `bytes` of the array `name` from its byte `at` on. Pieces of an array come in order. */
  async write(name: string, at: number, bytes: Bytes): Promise<void> {
    const { shard, record } = this.places.get(name)!;
    if (this.written[shard] !== null) return;
    let open = this.open.get(shard);
    if (open === undefined) {
      const { dataPath, nbytes } = this.shards[shard]!;
      const path = `${this.folder}/${dataPath}`;
      open =
        nbytes > SHARD_CAP_BYTES
          ? new StreamedShard(this.files, this.host, path, nbytes)
          : new WholeShard(this.files, this.host, path, nbytes);
      this.open.set(shard, open);
    }
    if (!(await open.write(record.byteOffset + at, bytes))) return;
    this.open.delete(shard);
    this.written[shard] = await open.finish();
    await this.onShard(this.written);
  }

  /** After an error: nothing stays open. */
  async abandon(): Promise<void> {
    for (const open of this.open.values()) await open.abandon();
    this.open.clear();
  }
}

interface OpenShard {
  /** Whether that was the last of it. */
  write(at: number, bytes: Bytes): Promise<boolean>;
  finish(): Promise<WrittenShard>;
  abandon(): Promise<void>;
}

class WholeShard implements OpenShard {
  private readonly bytes: Bytes;
  private filled = 0;

  constructor(
    private readonly files: PackageFiles,
    private readonly host: Host,
    private readonly path: string,
    nbytes: number,
  ) {
    this.bytes = new Uint8Array(nbytes);
  }

  async write(at: number, bytes: Bytes): Promise<boolean> {
    this.bytes.set(bytes, at);
    this.filled += bytes.length;
    return this.filled === this.bytes.length;
  }

  async finish(): Promise<WrittenShard> {
    const { bytes, path } = this;
    const writer = await this.files.create(path);
    try {
      await writer.write(bytes, 0);
    } finally {
      await writer.close();
    }
    const md5 = new Md5();
    md5.update(bytes);
    return { path, nbytes: bytes.length, sha256: await this.host.digestHex(bytes), md5: md5.hex() };
  }

  async abandon(): Promise<void> {}
}

class StreamedShard implements OpenShard {
  private readonly sha256: InstanceType<Host["Digest"]>;
  private readonly md5 = new Md5();
  private position = 0;
  private writer: FileWriter | null = null;

  constructor(
    private readonly files: PackageFiles,
    host: Host,
    private readonly path: string,
    private readonly nbytes: number,
  ) {
    this.sha256 = new host.Digest();
  }

  async write(at: number, bytes: Bytes): Promise<boolean> {
    if (at !== this.position) throw new LlmError("internal", `${this.path} is written at ${at}, not ${this.position}.`);
    this.writer ??= await this.files.create(this.path);
    await this.writer.write(bytes, at);
    this.sha256.update(bytes);
    this.md5.update(bytes);
    this.position += bytes.length;
    return this.position === this.nbytes;
  }

  async finish(): Promise<WrittenShard> {
    await this.abandon();
    return { path: this.path, nbytes: this.nbytes, sha256: this.sha256.hex(), md5: this.md5.hex() };
  }

  async abandon(): Promise<void> {
    const { writer } = this;
    this.writer = null;
    await writer?.close();
  }
}
