/**
 * The header of a GGUF file, with a bound on every count before anything is allocated: the same as
 * compiler/nomoat_compiler/checkpoint/gguf_header.py, whose bounds it has.
 *
 * It is read in pieces that grow; a piece that ends too early is parsed again with more behind it.
 */
import { LlmError } from "../internal/errors";
import { BooleanArray, shortestSingle } from "./portable";
import { Float, type Value } from "./python";
import {
  DEFAULT_ALIGNMENT,
  GGUF_VERSIONS,
  GgufTensor,
  MAX_ALIGNMENT,
  MAX_ARRAY_LENGTH,
  MAX_DIMENSION,
  MAX_DIMENSIONS,
  MAX_HEADER_BYTES,
  MAX_NAME_BYTES,
  MAX_PAIRS,
  MAX_STRING_BYTES,
  MAX_TENSORS,
  TYPES,
} from "./rules.gen";
import type { CheckpointSource } from "./source";

const FIRST_BYTES = 1 << 20;
const GROWTH = 4;
const MAGIC = "GGUF";
const STRING = 8;
const ARRAY = 9;

export interface GgufTensorInfo {
  readonly name: string;
  /** (rows, columns) or (rows,): the reverse of the order in the file. */
  readonly shape: readonly number[];
  readonly type_name: string;
  /** From the start of the file. */
  readonly offset: number;
  readonly nbytes: number;
}

export interface GgufHeader {
  /** Text, boolean, number (a whole float as a Float), array of texts, or a typed array. */
  readonly metadata: Map<string, Value>;
  readonly tensors: Map<string, GgufTensorInfo>;
}

/** Errors: invalid_checkpoint unless every count is sane and every tensor lies inside the file, unsupported. */
export async function readGgufHeader(source: CheckpointSource): Promise<GgufHeader> {
  const most = Math.min(source.nbytes, MAX_HEADER_BYTES);
  let bytes = new Uint8Array(0);
  for (let wanted = FIRST_BYTES; ; wanted *= GROWTH) {
    const end = Math.min(wanted, most);
    const grown = new Uint8Array(end);
    grown.set(bytes);
    grown.set(await source.read(bytes.length, end - bytes.length), bytes.length);
    bytes = grown;
    try {
      return parse(new Cursor(bytes, source));
    } catch (thrown) {
      if (!(thrown instanceof TooShort) || end === most) throw thrown instanceof TooShort ? thrown.error : thrown;
    }
  }
}

class TooShort extends Error {
  constructor(readonly error: LlmError) {
    super();
  }
}

function parse(cursor: Cursor): GgufHeader {
  if (cursor.text(4, "the magic") !== MAGIC) throw cursor.invalid("does not begin with GGUF: it is no GGUF file");
  const version = cursor.uint32("the version");
  if (!GGUF_VERSIONS.includes(version)) throw cursor.unsupported(version);
  const tensorCount = cursor.count("tensors", MAX_TENSORS);
  const pairCount = cursor.count("metadata entries", MAX_PAIRS);
  const metadata = new Map<string, Value>();
  for (let i = 0; i < pairCount; i++) {
    const key = cursor.name("a metadata key");
    if (metadata.has(key)) throw cursor.invalid(`has the metadata key ${key} twice`);
    metadata.set(key, cursor.value(cursor.uint32(`the type of ${key}`), key));
  }
  const descriptions = Array.from({ length: tensorCount }, () => cursor.tensor());
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  if (
    typeof alignment !== "number" ||
    !Number.isInteger(alignment) ||
    alignment < 1 ||
    alignment > MAX_ALIGNMENT ||
    (alignment & (alignment - 1)) !== 0
  )
    throw cursor.invalid(`has the alignment ${alignment}, which must be a power of two`);
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensorInfo>();
  for (const description of descriptions) {
    if (tensors.has(description.name)) throw cursor.invalid(`has the tensor ${description.name} twice`);
    tensors.set(description.name, place(cursor, description, dataStart, alignment));
  }
  return { metadata, tensors };
}

interface Description {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  readonly offset: number;
}

function place(cursor: Cursor, { name, shape, type, offset }: Description, dataStart: number, alignment: number) {
  const known = TYPES.get(type);
  if (known === undefined) throw cursor.invalid(`gives ${name} the unknown type ${type}`);
  const [typeName, blockValues, blockBytes] = known as [string, number, number];
  const columns = shape[shape.length - 1]!;
  if (columns % blockValues !== 0)
    throw cursor.invalid(`gives ${name} rows of ${columns} values; ${typeName} has blocks of ${blockValues}`);
  const nbytes = (shape.reduce((product, size) => product * size, 1) / blockValues) * blockBytes;
  const start = dataStart + offset;
  if (offset % alignment !== 0 || start + nbytes > cursor.source.nbytes)
    throw cursor.invalid(
      `puts ${name} at bytes ${start} to ${start + nbytes}, but the file has ${cursor.source.nbytes} bytes and an alignment of ${alignment} (truncated?)`,
    );
  return new GgufTensor(name, shape, typeName, start, nbytes) as GgufTensorInfo;
}

/** Reads forward; every length is compared with what is left before it is used. */
class Cursor {
  position = 0;
  private readonly view: DataView;
  private readonly decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  private readonly strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

  constructor(
    private readonly bytes: Uint8Array<ArrayBuffer>,
    readonly source: CheckpointSource,
  ) {
    this.view = new DataView(bytes.buffer);
  }

  invalid(problem: string): LlmError {
    const { name } = this.source;
    return new LlmError("invalid_checkpoint", `${name} ${problem}. Download it again.`, { file: name });
  }

  unsupported(version: number): LlmError {
    const { name } = this.source;
    const message =
      (version & 0xffff) === 0
        ? "is big-endian; convert it to little-endian"
        : `has GGUF version ${version}; versions ${GGUF_VERSIONS.join(" and ")} can be read`;
    return new LlmError("unsupported", `${name} ${message}.`, { file: name, version });
  }

  /** Where `nbytes` bytes begin, which are then behind. */
  private take(nbytes: number, what: string): number {
    const at = this.position;
    const error = () => this.invalid(`ends inside ${what} (byte ${at} of ${this.source.nbytes})`);
    if (at + nbytes > Math.min(this.source.nbytes, MAX_HEADER_BYTES)) throw error();
    if (at + nbytes > this.bytes.length) throw new TooShort(error());
    this.position += nbytes;
    return at;
  }

  uint32(what: string): number {
    return this.view.getUint32(this.take(4, what), true);
  }

  private uint64(what: string): number {
    return Number(this.view.getBigUint64(this.take(8, what), true));
  }

  count(what: string, maximum: number): number {
    const count = this.uint64(`the number of ${what}`);
    if (count > maximum) throw this.invalid(`claims ${count} ${what}; at most ${maximum} are accepted`);
    return count;
  }

  text(nbytes: number, what: string): string {
    const at = this.take(nbytes, what);
    return this.decoder.decode(this.bytes.subarray(at, at + nbytes));
  }

  private lengthOf(what: string, maximum: number): number {
    const nbytes = this.uint64(`the length of ${what}`);
    if (nbytes > maximum) throw this.invalid(`claims ${nbytes} bytes for ${what}; at most ${maximum} are accepted`);
    return nbytes;
  }

  private string(what: string): string {
    return this.text(this.lengthOf(what, MAX_STRING_BYTES), what);
  }

  name(what: string): string {
    const nbytes = this.lengthOf(what, MAX_NAME_BYTES);
    const at = this.take(nbytes, what);
    try {
      return this.strict.decode(this.bytes.subarray(at, at + nbytes));
    } catch {
      throw this.invalid(`has ${what} that is not UTF-8`);
    }
  }

  value(type: number, key: string): Value {
    if (type === STRING) return this.string(key);
    if (type === ARRAY) return this.array(key);
    const kind = SCALARS.get(type);
    if (kind === undefined) throw this.invalid(`gives ${key} the unknown value type ${type}`);
    const number = this.numbers(kind, 1, key)[0]!;
    if (kind === BooleanArray) return number !== 0;
    if (kind !== Float32Array && kind !== Float64Array) return Number(number);
    const meant = kind === Float32Array ? shortestSingle(number as number) : (number as number);
    return Number.isInteger(meant) ? new Float(meant) : meant;
  }

  private array(key: string): Value {
    const type = this.uint32(`the element type of ${key}`);
    const length = this.count(`elements of ${key}`, MAX_ARRAY_LENGTH);
    if (type === STRING) {
      const texts: string[] = [];
      for (let i = 0; i < length; i++) texts.push(this.string(key));
      return texts;
    }
    const kind = SCALARS.get(type);
    if (kind === undefined) throw this.invalid(`gives ${key} an array of the unknown value type ${type}`);
    return this.numbers(kind, length, key);
  }

  private numbers(kind: Numbers, length: number, what: string): ArrayLike<number | bigint> {
    const at = this.take(length * kind.BYTES_PER_ELEMENT, what);
    return new kind(this.bytes.slice(at, at + length * kind.BYTES_PER_ELEMENT).buffer);
  }

  tensor(): Description {
    const name = this.name("a tensor name");
    const count = this.uint32(`the dimensions of ${name}`);
    if (count < 1 || count > MAX_DIMENSIONS)
      throw this.invalid(`gives ${name} ${count} dimensions; 1 to ${MAX_DIMENSIONS} are accepted`);
    const shape = Array.from({ length: count }, () => this.uint64(`the shape of ${name}`)).reverse();
    if (!shape.every((size) => size >= 1 && size <= MAX_DIMENSION))
      throw this.invalid(`gives ${name} the shape ${shape.join(" x ")}`);
    return { name, shape, type: this.uint32(`the type of ${name}`), offset: this.uint64(`the offset of ${name}`) };
  }
}

interface Numbers {
  new (buffer: ArrayBuffer): ArrayLike<number | bigint>;
  readonly BYTES_PER_ELEMENT: number;
}

/** By GGUF's number of the type. */
const SCALARS: ReadonlyMap<number, Numbers> = new Map<number, Numbers>([
  [0, Uint8Array],
  [1, Int8Array],
  [2, Uint16Array],
  [3, Int16Array],
  [4, Uint32Array],
  [5, Int32Array],
  [6, Float32Array],
  [7, BooleanArray],
  [10, BigUint64Array],
  [11, BigInt64Array],
  [12, Float64Array],
]);
