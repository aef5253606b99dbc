/** tensor-cache.json (MLC's format): which parameter lies where in which shard. */
import { LlmError } from "../internal/errors";
import { Reader } from "../internal/reader";
import { listedFile, type Manifest, type PackageFile } from "./manifest";

export interface WeightRecord {
  readonly name: string;
  /** From the beginning of the shard. */
  readonly byteOffset: number;
  readonly nbytes: number;
}

export interface Shard {
  readonly file: PackageFile;
  /** Ascending by byteOffset; together they are the shard, without gap or overlap. */
  readonly records: readonly WeightRecord[];
}

const FOLDER = "weights/";
const MAX_SHARD_BYTES = 17_179_869_184;
const DTYPE_BYTES: Readonly<Record<string, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
};
const FORMATS = ["raw", "f32-to-bf16"] as const;

const read = new Reader("invalid_package", "tensor-cache.json");

/**
 * Shards in the order of the file. Errors: `invalid_package` where a name is there twice, a size is not that of its
 * shape and dtype, records leave their shard, overlap or leave gaps, or a shard differs from the manifest.
 */
export function parseTensorCache(json: string, manifest: Manifest): Shard[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new LlmError("invalid_package", "tensor-cache.json must be JSON; it cannot be parsed.", {
      path: "tensor-cache.json",
    });
  }
  const root = read.object(value, "the file", ["records"], ["metadata"]);
  const names = new Set<string>();
  const paths = new Set<string>();
  return read.array(root.records, "records", 1, 65_536).map((entry, index) => {
    const path = `records[${index}]`;
    const shard = read.object(entry, path, ["dataPath", "format", "nbytes", "records"], ["md5sum"]);
    read.oneOf(shard.format, `${path}.format`, ["raw-shard"]);
    const dataPath = read.string(shard.dataPath, `${path}.dataPath`, 300);
    const file = listedFile(manifest, FOLDER + dataPath);
    if (paths.has(dataPath)) read.fail(`${path}.dataPath`, "a shard that is there once", dataPath);
    paths.add(dataPath);
    const nbytes = read.integer(shard.nbytes, `${path}.nbytes`, 0, MAX_SHARD_BYTES);
    if (nbytes !== file.nbytes) read.fail(`${path}.nbytes`, `${file.nbytes}, the size in the manifest`, nbytes);
    const records = read
      .array(shard.records, `${path}.records`, 0, 65_536)
      .map((record, position) => readRecord(record, `${path}.records[${position}]`, names));
    records.sort((left, right) => left.byteOffset - right.byteOffset || left.nbytes - right.nbytes);
    let end = 0;
    for (const record of records) {
      if (record.byteOffset !== end) {
        read.fail(
          `${path}.records`,
          `records without gap or overlap (at byte ${end}, before ${record.name.slice(0, 100)})`,
          record.byteOffset,
        );
      }
      end += record.nbytes;
    }
    if (end !== nbytes) read.fail(`${path}.records`, `records of ${nbytes} bytes in all`, end);
    return { file, records };
  });
}

function readRecord(value: unknown, path: string, names: Set<string>): WeightRecord {
  const record = read.object(value, path, ["name", "shape", "dtype", "format", "nbytes", "byteOffset"]);
  const name = read.string(record.name, `${path}.name`, 500);
  if (name === "" || names.has(name)) read.fail(`${path}.name`, "a name that is there once", name);
  names.add(name);
  const dtype = read.oneOf(record.dtype, `${path}.dtype`, Object.keys(DTYPE_BYTES));
  const format = read.oneOf(record.format, `${path}.format`, FORMATS);
  let elements = 1;
  for (const size of read.array(record.shape, `${path}.shape`, 0, 8)) {
    elements *= read.integer(size, `${path}.shape`, 0, 2 ** 40);
    if (elements > MAX_SHARD_BYTES)
      read.fail(`${path}.shape`, `a shape of at most ${MAX_SHARD_BYTES} elements`, elements);
  }
  // The label f32-to-bf16 is on every record that mlc writes; only float32 is stored that way.
  const elementBytes = dtype === "float32" && format === "f32-to-bf16" ? 2 : DTYPE_BYTES[dtype]!;
  const nbytes = read.integer(record.nbytes, `${path}.nbytes`, 0, MAX_SHARD_BYTES);
  if (nbytes !== elements * elementBytes) {
    read.fail(`${path}.nbytes`, `${elements * elementBytes}, the size of its shape and dtype`, nbytes);
  }
  return { name, byteOffset: read.integer(record.byteOffset, `${path}.byteOffset`, 0, MAX_SHARD_BYTES), nbytes };
}
