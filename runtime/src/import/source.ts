/** Where the bytes of a checkpoint are: read by ranges, wherever they lie. */
import { LlmError } from "../internal/errors";

export interface CheckpointSource {
  /** Base name: what provenance may say, never a path. */
  readonly name: string;
  readonly nbytes: number;
  /** Exactly these bytes, which the caller may keep and change. Errors: network, integrity, invalid_checkpoint, aborted. */
  read(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** A file that a person chose, or one in storage. */
export class BlobSource implements CheckpointSource {
  readonly nbytes: number;

  constructor(
    readonly name: string,
    private readonly blob: Blob,
  ) {
    this.nbytes = blob.size;
  }

  async read(offset: number, nbytes: number): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this, offset, nbytes);
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = new Uint8Array(await this.blob.slice(offset, offset + nbytes).arrayBuffer());
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown.message : "no reason given";
      throw new LlmError("integrity", `${this.name} cannot be read: ${why}. It was changed or moved; choose it again.`);
    }
    if (bytes.length !== nbytes)
      throw new LlmError("invalid_checkpoint", `${this.name} became shorter while it was read.`, { file: this.name });
    return bytes;
  }
}

/** Errors: invalid_checkpoint past the end. */
export function checkRange({ name, nbytes }: CheckpointSource, offset: number, count: number): void {
  if (offset >= 0 && count >= 0 && offset + count <= nbytes) return;
  throw new LlmError(
    "invalid_checkpoint",
    `${name} has ${nbytes} bytes, but bytes ${offset} to ${offset + count} are needed: the file is truncated or its header lies. Download it again.`,
    { file: name },
  );
}
