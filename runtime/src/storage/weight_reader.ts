/** Cuts shards into records and records into pieces, for sources that can read at any position and for streams. */
import { throwIfAborted } from "./download";
import { PIECE_BYTES, type WeightOptions, type WeightSink } from "./source";
import type { Shard } from "./tensor_cache";

export class WeightReader {
  private loaded = 0;
  private readonly total: number;
  private buffer: Uint8Array<ArrayBuffer> | null = null;

  constructor(
    shards: readonly Shard[],
    private readonly sink: WeightSink,
    private readonly options: WeightOptions,
  ) {
    this.total = shards.reduce((total, { file }) => total + file.nbytes, 0);
  }

  /** A shard that can be read at any position, into one buffer that is used again and again. */
  async fromReader(shard: Shard, read: (into: Uint8Array<ArrayBuffer>, at: number) => Promise<void>): Promise<void> {
    this.buffer ??= new Uint8Array(PIECE_BYTES);
    for (const { name, byteOffset, nbytes } of shard.records) {
      for (let offset = 0; offset < nbytes; offset += PIECE_BYTES) {
        throwIfAborted(this.options.signal);
        const piece = this.buffer.subarray(0, Math.min(PIECE_BYTES, nbytes - offset));
        await read(piece, byteOffset + offset);
        await this.give(name, offset, piece);
      }
    }
  }

  /** A shard that comes as a stream: bytes are collected into pieces of the same size. */
  async fromStream(shard: Shard, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    this.buffer ??= new Uint8Array(PIECE_BYTES);
    const records = shard.records.filter(({ nbytes }) => nbytes > 0);
    let index = 0;
    let offset = 0; // of the collected piece in its record
    let filled = 0;
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        throwIfAborted(this.options.signal);
        const record = records[index]!;
        const wanted = Math.min(PIECE_BYTES, record.nbytes - offset);
        const part = chunk.subarray(at, at + wanted - filled);
        this.buffer.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled < wanted) continue;
        await this.give(record.name, offset, this.buffer.subarray(0, filled));
        offset += filled;
        filled = 0;
        if (offset === record.nbytes) {
          index++;
          offset = 0;
        }
      }
    }
  }

  private async give(name: string, offset: number, bytes: Uint8Array): Promise<void> {
    await this.sink(name, offset, bytes);
    this.loaded += bytes.length;
    this.options.onProgress?.(this.loaded, this.total);
  }
}
