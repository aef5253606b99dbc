/** An opened package: the interface that the engine reads models through, whatever is behind it. */
import { LlmError } from "../internal/errors";
import type { DerivedFiles } from "../internal/files";
import type { Manifest } from "./manifest";
import { parseTensorCache } from "./tensor_cache";

/** Pieces of a parameter come in order; `bytes` is valid during the call only. */
export type WeightSink = (name: string, offset: number, bytes: Uint8Array) => void | Promise<void>;

export interface WeightOptions {
  readonly signal?: AbortSignal;
  /** Bytes given to the sink, of all bytes of weights. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

export interface PackageSource {
  readonly manifest: Manifest;
  /** A small file, its digest checked. Errors: `invalid_package` (not listed, not UTF-8, too large), `integrity`, `network`. */
  text(path: string): Promise<string>;
  /** program.json, parsed; its content is not judged here. */
  program(): Promise<unknown>;
  /**
   * Every weight record in the order of the shards, as stored, in pieces of at most 4 MiB. Errors: `invalid_package`,
   * `integrity`, `network`, `aborted`, and whatever the sink throws. Records that have come before an error are void.
   */
  weights(sink: WeightSink, options: WeightOptions): Promise<void>;
  /** Where devices may keep what they made of the package; null where nothing can be kept. */
  readonly derived: DerivedFiles | null;
  close(): Promise<void>;
}

export const PIECE_BYTES = 4 * 1024 * 1024;
export const MAX_TEXT_BYTES = 64 * 1024 * 1024;

export async function readProgram(source: PackageSource): Promise<unknown> {
  const { id, program: path, base } = source.manifest;
  if (path === null)
    throw new LlmError(
      "invalid_request",
      `${id} is an adapter of ${base?.id}. Load that model, and then the adapter beside it.`,
      { id },
    );
  const text = await source.text(path);
  try {
    return JSON.parse(text);
  } catch {
    throw new LlmError("invalid_package", `${path} must be JSON; it cannot be parsed.`, { path });
  }
}

/** Name and bytes of every array of the weights, before they are read. Errors: as of `PackageSource.text`. */
export async function weightSizes(source: PackageSource): Promise<readonly (readonly [string, number])[]> {
  const shards = parseTensorCache(await source.text(weightsPath(source.manifest)), source.manifest);
  return shards.flatMap(({ records }) => records.map(({ name, nbytes }) => [name, nbytes] as const));
}

export function weightsPath(manifest: Manifest): string {
  if (manifest.weights === null) {
    throw new LlmError(
      "invalid_package",
      `${manifest.id} is a program without weights; compile it with its checkpoint.`,
      { id: manifest.id },
    );
  }
  return manifest.weights;
}
