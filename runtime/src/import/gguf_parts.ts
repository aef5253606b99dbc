/** A GGUF file, or the parts of a split one, as one: compiler/nomoat_compiler/checkpoint/gguf_parts.py. */
import { type GgufHeader, type GgufTensorInfo, readGgufHeader } from "./gguf_header";
import { check_part, check_tensor_count, integer, missing_part, part_names, split_count, twice } from "./rules.gen";
import { type CheckpointSource, checkRange } from "./source";

/** Opens another file of the folder in which the first is; null: there is none. */
export type Sibling = (name: string) => Promise<CheckpointSource | null>;

export interface GgufParts {
  /** The parts one after another; offsets of the header are those in it. */
  readonly source: CheckpointSource;
  readonly header: GgufHeader;
  readonly parts: readonly CheckpointSource[];
}

/**
 * `buffered`: what is read ahead of, where a request costs time. Errors: invalid_checkpoint where the parts do not fit,
 * and those of the header and the sources.
 */
export async function openParts(
  given: CheckpointSource,
  sibling: Sibling,
  buffered: (source: CheckpointSource) => CheckpointSource = (source) => source,
): Promise<GgufParts> {
  const source = buffered(given);
  const header = await readGgufHeader(source);
  const count: number = split_count(header.metadata);
  if (count <= 1) return { source, header, parts: [given] };
  const names: string[] = part_names(given.name, count);
  const parts: CheckpointSource[] = [];
  const tensors = new Map<string, GgufTensorInfo>();
  const owners = new Map<string, string>();
  let { metadata } = header;
  let [start, saidCount] = [0, 0];
  for (const [number, name] of names.entries()) {
    const part = name === given.name ? given : await sibling(name);
    if (part === null) throw missing_part(given.name, count, name);
    const its = part === given ? header : await readGgufHeader(part);
    for (const [key, tensor] of its.tensors) {
      if (tensors.has(key)) throw twice(name, key, owners.get(key));
      tensors.set(key, { ...tensor, offset: start + tensor.offset });
      owners.set(key, name);
    }
    check_part(name, its.metadata, number, count);
    saidCount = integer(its.metadata, "split.tensors.count", saidCount, 0);
    if (number === 0) metadata = its.metadata;
    parts.push(part);
    start += part.nbytes;
  }
  check_tensor_count(given.name, saidCount, tensors.size);
  return { source: buffered(new JoinedSource(parts)), header: { metadata, tensors }, parts };
}

class JoinedSource implements CheckpointSource {
  readonly name: string;
  readonly nbytes: number;

  constructor(private readonly parts: readonly CheckpointSource[]) {
    this.name = parts[0]!.name;
    this.nbytes = parts.reduce((sum, part) => sum + part.nbytes, 0);
  }

  async read(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, offset, nbytes);
    const result = new Uint8Array(nbytes);
    let start = 0;
    for (const part of this.parts) {
      const [from, to] = [Math.max(offset, start), Math.min(offset + nbytes, start + part.nbytes)];
      if (from < to) result.set(await part.read(from - start, to - from), from - offset);
      start += part.nbytes;
    }
    return result;
  }
}
