/**
 * The bytes of a memory's file: a head, then frames one after another, little-endian, in multiples of 4 bytes.
 *
 *     head    "NoMoatM1", 8 zero bytes; written last, so a file without it was never finished
 *     frame   u32 payload bytes, u32 kind and flags, u32 checksum of these two and of where the frame is, payload
 *     payload content, zeros up to a multiple of 4, u32 checksum of what is before it
 *
 * The length of a frame never changes. What is forgotten has zeros for a payload, so nothing can be checked against it.
 * Frames of one addition but the last have the flag MORE: where the last is missing, none of them counts.
 */

export const HEAD_BYTES = 16;
export const FRAME_BYTES = 12;
export const MAGIC = new TextEncoder().encode("NoMoatM1");
/** Of one frame; what says more is damaged. */
export const MOST_PAYLOAD_BYTES = 2 ** 26;

export const META = 1;
export const RECORD = 2;
export const ERASE = 3;
const MORE = 0x100;

export interface Frame {
  /** Where it begins in the file. */
  readonly at: number;
  readonly kind: number;
  readonly more: boolean;
  /** Of the whole frame. */
  readonly nbytes: number;
  /** Payload without its checksum; null where that does not fit: damaged, or erased. */
  readonly content: Uint8Array<ArrayBuffer> | null;
}

/** Neither cryptographic nor meant to be: it tells what was written whole from what was not. */
export function checksum(words: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}

/** The frame's bytes, to be written at `at`. */
export function frameBytes(kind: number, more: boolean, content: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
  const padded = (content.length + 3) & ~3;
  const bytes = new Uint8Array(FRAME_BYTES + padded + 4);
  bytes.set(content, FRAME_BYTES);
  const words = new Uint32Array(bytes.buffer);
  const payload = words.subarray(FRAME_BYTES / 4, words.length - 1);
  words[0] = padded + 4;
  words[1] = kind | (more ? MORE : 0);
  words[2] = headChecksum(words[0], words[1], at);
  words[words.length - 1] = checksum(payload);
  return bytes;
}

function headChecksum(nbytes: number, flags: number, at: number): number {
  return checksum(Uint32Array.of(nbytes, flags, at));
}

/**
 * What stands at `offset` of `bytes`, which begin at `base` of the file: a frame; how many bytes it takes to know;
 * or null where no frame begins like this.
 */
export function readFrame(
  bytes: Uint8Array<ArrayBuffer>,
  offset: number,
  base: number,
): Frame | { readonly needed: number } | null {
  if (bytes.length - offset < FRAME_BYTES) return { needed: FRAME_BYTES };
  const at = base + offset;
  const [length, flags, check] = new Uint32Array(bytes.slice(offset, offset + FRAME_BYTES).buffer);
  if (check !== headChecksum(length!, flags!, at)) return null;
  if (length! % 4 !== 0 || length! < 4 || length! > MOST_PAYLOAD_BYTES) return null;
  const nbytes = FRAME_BYTES + length!;
  if (bytes.length - offset < nbytes) return { needed: nbytes };
  const payload = bytes.slice(offset + FRAME_BYTES, offset + nbytes);
  const words = new Uint32Array(payload.buffer);
  const whole = checksum(words.subarray(0, -1)) === words[words.length - 1];
  return {
    at,
    kind: flags! & 0xff,
    more: (flags! & MORE) !== 0,
    nbytes,
    content: whole ? payload.subarray(0, -4) : null,
  };
}
