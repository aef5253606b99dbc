/**
 * A package read straight from the network, for places without storage.
 *
 * A shard of up to 64 MiB is held until its digest is known, so nothing unverified reaches the sink; a larger one is
 * passed on while it comes, and an `integrity` error after its last byte voids it.
 */
import { LlmError } from "../internal/errors";
import { checkDigest, Digest, digestHex, MAX_WHOLE_BYTES } from "./digest";
import { DOWNLOAD_SETTINGS, type DownloadSettings, decodeUtf8, download, downloadText } from "./download";
import {
  listedFile,
  MANIFEST_NAME,
  MAX_MANIFEST_BYTES,
  type Manifest,
  type PackageFile,
  parseManifest,
} from "./manifest";
import { fileUrl, packageBase } from "./package_url";
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

export interface OpenUrlOptions {
  readonly signal?: AbortSignal;
  readonly settings?: Partial<DownloadSettings>;
}

/** Errors: `invalid_request` (not an http(s) URL), `network`, `invalid_package`, `aborted`. */
export async function openUrl(url: string, options: OpenUrlOptions = {}): Promise<PackageSource> {
  const base = packageBase(url);
  const settings = { ...DOWNLOAD_SETTINGS, ...options.settings };
  const text = await downloadText(fileUrl(base, MANIFEST_NAME), MAX_MANIFEST_BYTES, settings, options.signal);
  return new UrlSource(parseManifest(text), base, settings, options.signal);
}

class UrlSource implements PackageSource {
  readonly derived = null;

  constructor(
    readonly manifest: Manifest,
    private readonly base: URL,
    private readonly settings: DownloadSettings,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async text(path: string): Promise<string> {
    const file = listedFile(this.manifest, path);
    if (file.nbytes > MAX_TEXT_BYTES) {
      throw new LlmError("invalid_package", `${path} must have at most ${MAX_TEXT_BYTES} bytes, not ${file.nbytes}.`, {
        path,
      });
    }
    return decodeUtf8([await this.whole(file, new Uint8Array(file.nbytes), this.signal)], path);
  }

  program(): Promise<unknown> {
    return readProgram(this);
  }

  async weights(sink: WeightSink, options: WeightOptions): Promise<void> {
    const shards = parseTensorCache(await this.text(weightsPath(this.manifest)), this.manifest);
    const reader = new WeightReader(shards, sink, options);
    const small = shards.map(({ file }) => file.nbytes).filter((nbytes) => nbytes <= MAX_WHOLE_BYTES);
    const buffer = new Uint8Array(small.reduce((most, nbytes) => Math.max(most, nbytes), 0));
    for (const shard of shards) {
      const { file } = shard;
      if (file.nbytes <= MAX_WHOLE_BYTES) {
        const bytes = await this.whole(file, buffer.subarray(0, file.nbytes), options.signal);
        await reader.fromReader(shard, async (into, at) => into.set(bytes.subarray(at, at + into.length)));
      } else {
        const digest = new Digest();
        await reader.fromStream(shard, hashed(this.bytes(file, options.signal), digest));
        checkDigest(file, digest.hex());
      }
    }
  }

  async close(): Promise<void> {}

  private bytes(file: PackageFile, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
    return download(fileUrl(this.base, file.path), 0, file.nbytes, this.settings, signal);
  }

  /** Fills `into`, which has the size of the file, and checks the digest. */
  private async whole(
    file: PackageFile,
    into: Uint8Array<ArrayBuffer>,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array<ArrayBuffer>> {
    let position = 0;
    for await (const piece of this.bytes(file, signal)) {
      into.set(piece, position);
      position += piece.length;
    }
    checkDigest(file, await digestHex(into));
    return into;
  }
}

async function* hashed(chunks: AsyncIterable<Uint8Array>, digest: Digest): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    digest.update(chunk);
    yield chunk;
  }
}
