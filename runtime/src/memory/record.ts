/**
 * A record as the content of a frame: u32 bytes of the head, u32 bytes of the body, the vector as (columns) float16,
 * head, body. Head and body are JSON, so that a memory can be opened without keeping its texts.
 */
import type { MemoryItem } from "../contract/memory";

export interface RecordHead {
  readonly id: number;
  readonly createdMs: number;
  readonly tags: readonly string[];
}
export interface RecordBody {
  readonly text: string;
  readonly data?: MemoryItem["data"];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const SIZES_BYTES = 8;

export function encodeBody(body: RecordBody): Uint8Array {
  return encoder.encode(JSON.stringify(body));
}

export function encodeRecord(vector: Uint16Array, head: RecordHead, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const first = encoder.encode(JSON.stringify(head));
  const vectorBytes = 2 * vector.length;
  const content = new Uint8Array(SIZES_BYTES + vectorBytes + first.length + body.length);
  new Uint32Array(content.buffer, 0, 2).set([first.length, body.length]);
  new Uint16Array(content.buffer, SIZES_BYTES, vector.length).set(vector);
  content.set(first, SIZES_BYTES + vectorBytes);
  content.set(body, SIZES_BYTES + vectorBytes + first.length);
  return content;
}

interface Parts {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

function partsOf(content: Uint8Array, columns: number): Parts | null {
  const start = SIZES_BYTES + 2 * columns;
  if (content.length < start) return null;
  const [head, body] = new Uint32Array(content.slice(0, SIZES_BYTES).buffer);
  const [middle, end] = [start + head!, start + head! + body!];
  // The content of a frame is a multiple of 4 bytes.
  if (end > content.length || content.length - end > 3) return null;
  return { head: content.subarray(start, middle), body: content.subarray(middle, end) };
}

/** Null where the content is no record. `content` begins at a multiple of 4 bytes in its buffer. */
export function readHead(
  content: Uint8Array<ArrayBuffer>,
  columns: number,
): { readonly head: RecordHead; readonly vector: Uint16Array } | null {
  const parts = partsOf(content, columns);
  const value = parts && (readJson(parts.head) as Partial<RecordHead> | null);
  if (typeof value !== "object" || value === null) return null;
  const { id, createdMs, tags } = value;
  if (!Number.isSafeInteger(id) || id! < 1 || typeof createdMs !== "number" || !Array.isArray(tags)) return null;
  if (!tags.every((tag) => typeof tag === "string")) return null;
  const vector = new Uint16Array(content.buffer, content.byteOffset + SIZES_BYTES, columns);
  return { head: { id: id!, createdMs, tags }, vector };
}

/** Null where the content is no record. */
export function readBody(content: Uint8Array, columns: number): RecordBody | null {
  const parts = partsOf(content, columns);
  const value = parts && (readJson(parts.body) as Partial<RecordBody> | null);
  if (typeof value !== "object" || value === null || typeof value.text !== "string") return null;
  return value as RecordBody;
}

/** Null where it is none. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return null;
  }
}
