/** A package in the origin private file system. Its shards were verified after they were written; texts are again. */
import { LlmError } from "../internal/errors";
import type { Bytes, DerivedFiles } from "../internal/files";
import { checkDigest, checkSize, digestHex } from "./digest";
import { decodeUtf8, throwIfAborted } from "./download";
import type { Folder } from "./folder";
import { listedFile, type Manifest, type PackageFile } from "./manifest";
import {
  MAX_TEXT_BYTES,
  type PackageSource,
  readProgram,
  type WeightOptions,
  type WeightSink,
  weightsPath,
} from "./source";
import { parseTensorCache } from "./tensor_cache";
import { WeightReader } from "./weight_reader";

export class StoredSource implements PackageSource {
  /** `forget` notes that a file is damaged, so that the next installation fetches it again. */
  constructor(
    readonly manifest: Manifest,
    private readonly files: Folder,
    readonly derived: DerivedFiles,
    private readonly forget: (path: string) => Promise<void>,
  ) {}

  async text(path: string): Promise<string> {
    const file = listedFile(this.manifest, path);
    if (file.nbytes > MAX_TEXT_BYTES) {
      throw new LlmError("invalid_package", `${path} must have at most ${MAX_TEXT_BYTES} bytes, not ${file.nbytes}.`, {
        path,
      });
    }
    return this.withFile(file, async (read) => {
      const bytes = new Uint8Array(file.nbytes);
      await read(bytes, 0);
      checkDigest(file, await digestHex(bytes));
      return decodeUtf8([bytes], path);
    });
  }

  program(): Promise<unknown> {
    return readProgram(this);
  }

  async weights(sink: WeightSink, options: WeightOptions): Promise<void> {
    const shards = parseTensorCache(await this.text(weightsPath(this.manifest)), this.manifest);
    const reader = new WeightReader(shards, sink, options);
    for (const shard of shards) {
      throwIfAborted(options.signal);
      await this.withFile(shard.file, (read) => reader.fromReader(shard, read));
    }
  }

  async close(): Promise<void> {}

  private async withFile<T>(
    file: PackageFile,
    work: (read: (into: Bytes, at: number) => Promise<void>) => Promise<T>,
  ): Promise<T> {
    const reader = await this.files.openReader(file.path);
    try {
      checkSize(file, reader?.nbytes ?? 0);
      return await work((into, at) =>
        into.length === 0 || reader === null ? Promise.resolve() : reader.read(into, at),
      );
    } catch (error) {
      if (error instanceof LlmError && error.code === "integrity") await this.forget(file.path);
      throw error;
    } finally {
      reader?.close();
    }
  }
}
