/**
 * Reads a source in chunks, the next ones while the caller works: tensors lie in the file nearly in the order in which
 * they are stored, and a request for each block of rows would cost a round trip.
 */
import { type CheckpointSource, checkRange } from "./source";

const CHUNK_BYTES = 4 << 20;
/** Kept in memory at most, those that are on their way included. */
const KEPT = 5;
const AHEAD = 2;

type Bytes = Uint8Array<ArrayBuffer>;

export class ReadAhead implements CheckpointSource {
  /** By number, the one used last at the end. */
  private readonly chunks = new Map<number, Promise<Bytes>>();

  constructor(private readonly source: CheckpointSource) {}

  get name(): string {
    return this.source.name;
  }

  get nbytes(): number {
    return this.source.nbytes;
  }

  async read(offset: number, nbytes: number): Promise<Bytes> {
    checkRange(this, offset, nbytes);
    const result = new Uint8Array(nbytes);
    let done = 0;
    while (done < nbytes) {
      const at = offset + done;
      const number = Math.floor(at / CHUNK_BYTES);
      const chunk = await this.chunk(number);
      const from = at - number * CHUNK_BYTES;
      const part = chunk.subarray(from, Math.min(chunk.length, from + nbytes - done));
      result.set(part, done);
      done += part.length;
    }
    return result;
  }

  private chunk(number: number): Promise<Bytes> {
    for (let next = number + AHEAD; next > number; next--) if (next * CHUNK_BYTES < this.nbytes) this.fetched(next);
    const chunk = this.fetched(number);
    while (this.chunks.size > KEPT) this.chunks.delete(this.chunks.keys().next().value!);
    return chunk;
  }

  private fetched(number: number): Promise<Bytes> {
    let chunk = this.chunks.get(number);
    if (chunk === undefined) {
      const start = number * CHUNK_BYTES;
      chunk = this.source.read(start, Math.min(CHUNK_BYTES, this.nbytes - start));
      // What was read ahead and failed is read again when it is needed.
      chunk.catch(() => this.chunks.delete(number));
    } else this.chunks.delete(number);
    this.chunks.set(number, chunk);
    return chunk;
  }
}
