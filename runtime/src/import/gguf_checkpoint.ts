/** A GGUF file as the compiler's rules see it: Hugging Face's names, rows in its order, blocks as they lie in the file. */
import { LlmError } from "../internal/errors";
import type { Checkpoint, Rows, StoredTensor } from "./checkpoint";
import type { GgufHeader, GgufTensorInfo } from "./gguf_header";
import type { GgufParts } from "./gguf_parts";
import { numberList } from "./portable";
import { takeWarnings, type Value } from "./python";
import { lessOne, rowBytes } from "./rows";
import {
  architecture_of,
  change_of,
  huggingface_config,
  KINDS,
  LONG_FACTORS,
  named_tensors,
  PART_NAME,
  ROPE_DIVISORS,
  RopeTensors,
  SHORT_FACTORS,
  text,
  tokenizer_files_from_gguf,
  warn_of_assumptions,
} from "./rules.gen";
import type { CheckpointSource } from "./source";

/** Rows whose order changes are read with what lies between them, up to gaps of this size. */
const MOST_GAP_BYTES = 1 << 20;

interface Change {
  readonly row_order: { readonly sizes: readonly number[]; readonly strides: readonly number[] } | null;
  readonly minus_one: boolean;
}

/** Errors: invalid_checkpoint, unsupported, unknown_architecture, and those of the source. Reads no weight. */
export async function openGguf({ source, header }: GgufParts): Promise<Checkpoint> {
  takeWarnings(); // those of a file that was refused
  const ropes: Value[] = [];
  for (const name of [ROPE_DIVISORS, LONG_FACTORS, SHORT_FACTORS]) ropes.push(await ropeTensor(source, header, name));
  return new GgufCheckpoint(source, header, new RopeTensors(...ropes));
}

async function ropeTensor(source: CheckpointSource, { tensors }: GgufHeader, name: string): Promise<Value> {
  const tensor = tensors.get(name);
  if (tensor === undefined) return null;
  if (tensor.type_name !== "F32")
    throw new LlmError("unsupported", `${name} is stored as ${tensor.type_name}, not F32.`, { tensor: name });
  return numberList(new Float32Array((await source.read(tensor.offset, tensor.nbytes)).buffer)).map(Number);
}

class GgufCheckpoint implements Checkpoint {
  readonly source: string;
  readonly source_format = "gguf";
  readonly quantization = null;
  readonly license: string | null;
  readonly config: Map<string, Value>;
  private readonly metadata: Map<string, Value>;
  private readonly tensors: Map<string, GgufTensorInfo>;
  private readonly changes = new Map<string, Change>();

  constructor(
    private readonly file: CheckpointSource,
    { metadata, tensors }: GgufHeader,
    ropes: Value,
  ) {
    this.source = PART_NAME.sub("\\g<name>.gguf", file.name);
    this.metadata = metadata;
    const [name, architecture] = architecture_of(metadata);
    this.tensors = named_tensors(tensors, architecture);
    this.config = huggingface_config(metadata, tensors, ropes);
    warn_of_assumptions(name, this.config, metadata);
    this.license =
      Array.from((text(metadata, "general.license") ?? "") as string)
        .slice(0, 200)
        .join("") || null;
    for (const [own, tensor] of this.tensors)
      this.changes.set(own, change_of(tensor.name, tensor.shape[0], architecture, this.config));
  }

  names(): string[] {
    return [...this.tensors.keys()].sort();
  }

  stored(name: string): StoredTensor {
    const { shape, type_name } = this.tensor(name);
    return { name, shape, kind: this.changes.get(name)!.minus_one ? "float32" : KINDS.get(type_name) };
  }

  async read(name: string, start: number, stop: number): Promise<Rows> {
    const tensor = this.tensor(name);
    const { row_order, minus_one } = this.changes.get(name)!;
    const kind = KINDS.get(tensor.type_name);
    const columns = tensor.shape.slice(1).reduce((product, size) => product * size, 1);
    const nbytes = rowBytes(kind, columns);
    const data =
      row_order === null
        ? await this.file.read(tensor.offset + start * nbytes, (stop - start) * nbytes)
        : await this.reordered(tensor.offset, nbytes, fileRows(row_order, start, stop));
    const rows: Rows = { kind, rows: stop - start, columns, data };
    return minus_one ? lessOne(rows) : rows;
  }

  tokenizerFiles(): Map<string, Uint8Array<ArrayBuffer>> {
    return tokenizer_files_from_gguf(this.metadata, this.config.get("vocab_size"));
  }

  private tensor(name: string): GgufTensorInfo {
    const tensor = this.tensors.get(name);
    if (tensor !== undefined) return tensor;
    const { source } = this;
    throw new LlmError("invalid_checkpoint", `${source} has no tensor ${name.slice(0, 120)}.`, {
      tensor: name.slice(0, 120),
    });
  }

  private async reordered(offset: number, nbytes: number, rows: readonly number[]): Promise<Uint8Array<ArrayBuffer>> {
    const places = rows.map((row, i) => [row, i] as const).sort(([a], [b]) => a - b);
    const result = new Uint8Array(rows.length * nbytes);
    let from = 0;
    for (let to = 1; to <= places.length; to++) {
      const near = to < places.length && (places[to]![0] - places[to - 1]![0] - 1) * nbytes <= MOST_GAP_BYTES;
      if (near) continue;
      const first = places[from]![0];
      const data = await this.file.read(offset + first * nbytes, (places[to - 1]![0] + 1 - first) * nbytes);
      for (const [row, place] of places.slice(from, to)) {
        const at = (row - first) * nbytes;
        result.set(data.subarray(at, at + nbytes), place * nbytes);
      }
      from = to;
    }
    return result;
  }
}

/** The rows of the file that hold rows `start` to `stop`: gguf_tensors.RowOrder. */
function fileRows({ sizes, strides }: NonNullable<Change["row_order"]>, start: number, stop: number): number[] {
  const [, middle, inner] = sizes as [number, number, number];
  return Array.from({ length: stop - start }, (_, i) => {
    const row = start + i;
    const [first, rest] = [Math.floor(row / (middle * inner)), row % (middle * inner)];
    return first * strides[0]! + Math.floor(rest / inner) * strides[1]! + (rest % inner) * strides[2]!;
  });
}
