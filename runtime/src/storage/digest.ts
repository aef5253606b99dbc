/**
 * SHA-256 of stored and streamed bytes.
 *
 * Up to 64 MiB (MLC caps shards at 32 MiB) the bytes are digested at once by the platform, which is some ten times as
 * fast as JavaScript (docs/decisions/0032); larger files are digested incrementally, so memory stays bounded.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { LlmError } from "../internal/errors";
import type { PackageFile } from "./manifest";

export const MAX_WHOLE_BYTES = 64 * 1024 * 1024;

export class Digest {
  private readonly hash = sha256.create();

  update(bytes: Uint8Array): void {
    this.hash.update(bytes);
  }

  hex(): string {
    return toHex(this.hash.digest());
  }
}

/** Outside of secure contexts there is no crypto.subtle. */
export async function digestHex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  return toHex(subtle === undefined ? sha256(bytes) : new Uint8Array(await subtle.digest("SHA-256", bytes)));
}

export function checkDigest(file: PackageFile, got: string): void {
  if (got === file.sha256) return;
  throw new LlmError(
    "integrity",
    `${file.path} must have SHA-256 ${file.sha256}, not ${got}. It is damaged or was replaced; install again.`,
    {
      path: file.path,
      expected: file.sha256,
      got,
    },
  );
}

export function checkSize(file: PackageFile, got: number): void {
  if (got === file.nbytes) return;
  throw new LlmError(
    "integrity",
    `${file.path} must have ${file.nbytes} bytes, not ${got}. It is damaged; install again.`,
    {
      path: file.path,
      expected: file.nbytes,
      got,
    },
  );
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
