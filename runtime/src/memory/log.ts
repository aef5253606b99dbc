/**
 * The file of a memory, which frames are added to (frames.ts), and its generations: `<number>.log` in the memory's folder.
 *
 * Whoever calls has the memory's lock. A thread may be ended between any two writes, or in one:
 * - an addition counts when its last frame is whole; a piece of one at the end is cut off by whoever opens the file next;
 * - forgetting counts when the frame is there that names what is forgotten; zeros are written over it then, and by
 *   whoever opens the file next if that was interrupted;
 * - a new generation counts when its head is written, which is last; the one before is overwritten with zeros and removed
 *   then, or by whoever opens the memory next.
 */
import { LlmError } from "../internal/errors";
import type { InPlaceFile } from "../internal/files";
import type { Folder } from "../storage/folder";
import { ERASE, FRAME_BYTES, type Frame, frameBytes, HEAD_BYTES, MAGIC, META, readFrame } from "./frames";
import { readJson } from "./record";

const NAME = /^(\d{1,9})\.log$/;
const CHUNK_BYTES = 4 * 2 ** 20;
const MOST_DIMENSIONS = 65536;
const MOST_META_BYTES = 65536;

export interface Meta {
  readonly version: 1;
  readonly name: string;
  /** Id of the model's package, and what its vectors depend on. */
  readonly model: string;
  readonly fingerprint: string;
  readonly dimensions: number;
  /** Ids below it were given before. */
  readonly nextId: number;
}

export interface OpenLog {
  readonly generation: number;
  readonly file: InPlaceFile;
}

/** The newest generation, with all others gone; null where there is none. Errors: integrity, not_supported. */
export async function openLog(folder: Folder): Promise<OpenLog | null> {
  let found: OpenLog | null = null;
  try {
    for (const generation of await generationsOf(folder)) {
      if (!found) found = await openFinished(folder, generation);
      if (found?.generation !== generation) await eraseFile(folder, generation);
    }
    return found;
  } catch (thrown) {
    found?.file.close();
    throw thrown;
  }
}

/** Null where it was not written to its end. */
async function openFinished(folder: Folder, generation: number): Promise<OpenLog | null> {
  const file = await openFile(folder, generation);
  let finished = false;
  try {
    finished = isFinished(file);
    return finished ? { generation, file } : null;
  } finally {
    if (!finished) file.close();
  }
}

/** What the first frame says, and where the second begins. Errors: integrity. */
export function readMeta(file: InPlaceFile): { readonly meta: Meta; readonly end: number } {
  const frame = readFrame(readAt(file, HEAD_BYTES, Math.min(MOST_META_BYTES, file.nbytes - HEAD_BYTES)), 0, HEAD_BYTES);
  const meta = frame && "kind" in frame ? metaOf(frame) : null;
  if (!frame || !("kind" in frame) || !meta) throw damaged(HEAD_BYTES);
  return { meta, end: HEAD_BYTES + frame.nbytes };
}

/** What the folder keeps; null where that is nothing. A name of null: it cannot be read. */
export async function describeLog(folder: Folder): Promise<{ name: string | null; nbytes: number } | null> {
  let nbytes = 0;
  try {
    const log = await openLog(folder);
    if (!log) return null;
    try {
      nbytes = log.file.nbytes;
      return { name: readMeta(log.file).meta.name, nbytes };
    } finally {
      log.file.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof LlmError && (thrown.code === "integrity" || thrown.code === "not_supported"))) throw thrown;
    return { name: null, nbytes: nbytes || (await bytesOf(folder)) };
  }
}

async function bytesOf(folder: Folder): Promise<number> {
  let nbytes = 0;
  for (const generation of await generationsOf(folder)) {
    const file = await openFile(folder, generation);
    nbytes += file.nbytes;
    file.close();
  }
  return nbytes;
}

/** Overwrites with zeros and removes all generations. */
export async function eraseAll(folder: Folder): Promise<void> {
  // The oldest first, so that an older one never becomes the newest.
  for (const generation of (await generationsOf(folder)).reverse()) await eraseFile(folder, generation);
}

/** Every frame from `from` on, and where the next one goes. Cuts off what was not written to its end. Errors: integrity. */
export function scan(file: InPlaceFile, from: number, visit: (frame: Frame) => void): number {
  /** Of an addition whose last frame has not come yet. */
  let waiting: Frame[] = [];
  let counted = from;
  const size = file.nbytes;
  for (let at = from; at < size; ) {
    let bytes = readAt(file, at, Math.min(CHUNK_BYTES, size - at));
    let offset = 0;
    while (offset < bytes.length) {
      const frame = readFrame(bytes, offset, at);
      if (frame === null) {
        if (!isZero(file, at + offset)) throw damaged(at + offset);
        return cut(file, counted);
      }
      if ("needed" in frame) {
        if (at + offset + frame.needed > size) return cut(file, counted);
        // It begins the next chunk, or is larger than one.
        if (offset > 0) break;
        bytes = readAt(file, at, frame.needed);
        continue;
      }
      offset += frame.nbytes;
      waiting.push(frame);
      if (frame.more) continue;
      for (const each of waiting) visit(each);
      waiting = [];
      counted = at + offset;
    }
    at += offset;
  }
  return counted === size ? size : cut(file, counted);
}

/** Adds frames at `end`, all or none; returns where each begins and the new end. Errors: storage_quota. */
export function append(
  file: InPlaceFile,
  end: number,
  kind: number,
  contents: readonly Uint8Array[],
): { readonly frames: readonly { readonly at: number; readonly nbytes: number }[]; readonly end: number } {
  const frames: { at: number; nbytes: number }[] = [];
  const parts: Uint8Array[] = [];
  let at = end;
  contents.forEach((content, i) => {
    const bytes = frameBytes(kind, i < contents.length - 1, content, at);
    frames.push({ at, nbytes: bytes.length });
    parts.push(bytes);
    at += bytes.length;
  });
  const all = new Uint8Array(at - end);
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  file.write(all, end);
  file.flush();
  return { frames, end: at };
}

/** Says that frames are forgotten. From then on they are, whatever happens. */
export function appendErase(file: InPlaceFile, end: number, places: readonly number[]): number {
  return append(file, end, ERASE, [new Uint8Array(Uint32Array.from(places).buffer)]).end;
}

/** What a frame of ERASE names. */
export function placesOf(content: Uint8Array<ArrayBuffer>): readonly number[] {
  return Array.from(new Uint32Array(content.buffer, content.byteOffset, content.length / 4));
}

/** Writes zeros over the payloads of frames. */
export function overwrite(file: InPlaceFile, frames: Iterable<{ readonly at: number; readonly nbytes: number }>): void {
  for (const { at, nbytes } of frames) file.write(new Uint8Array(nbytes - FRAME_BYTES), at + FRAME_BYTES);
  file.flush();
}

export function isOverwritten(file: InPlaceFile, { at, nbytes }: { at: number; nbytes: number }): boolean {
  return readAt(file, at + FRAME_BYTES, nbytes - FRAME_BYTES).every((byte) => byte === 0);
}

/** The frame at `at`, which is there. */
export function frameAt(file: InPlaceFile, { at, nbytes }: { at: number; nbytes: number }): Frame {
  const frame = readFrame(readAt(file, at, nbytes), 0, at);
  if (frame === null || "needed" in frame || frame.content === null) throw damaged(at);
  return frame;
}

/**
 * A new generation: `contents` gives batches of records. It counts from the end on; then the file is the caller's to
 * close and the generations before are to be erased. Errors: those of `contents`, storage_quota; then nothing remains.
 */
export async function writeGeneration(
  folder: Folder,
  generation: number,
  meta: Meta,
  contents: AsyncIterable<{ readonly kind: number; readonly batch: readonly Uint8Array[] }>,
): Promise<InPlaceFile> {
  const file = await openFile(folder, generation);
  try {
    file.truncate(0);
    file.write(new Uint8Array(HEAD_BYTES), 0);
    let { end } = append(file, HEAD_BYTES, META, [new TextEncoder().encode(JSON.stringify(meta))]);
    for await (const { kind, batch } of contents) if (batch.length > 0) end = append(file, end, kind, batch).end;
    file.write(MAGIC, 0);
    file.flush();
    return file;
  } catch (thrown) {
    file.close();
    await eraseFile(folder, generation).catch(() => undefined);
    throw thrown;
  }
}

export async function eraseFile(folder: Folder, generation: number): Promise<void> {
  const file = await openFile(folder, generation);
  try {
    const zeros = new Uint8Array(CHUNK_BYTES);
    const { nbytes } = file;
    for (let at = 0; at < nbytes; at += CHUNK_BYTES)
      file.write(zeros.subarray(0, Math.min(CHUNK_BYTES, nbytes - at)), at);
    file.flush();
    file.truncate(0);
  } finally {
    file.close();
  }
  await folder.remove(nameOf(generation));
}

/** Null where the frame is none that we wrote. */
function metaOf({ kind, content }: Frame): Meta | null {
  if (kind !== META || content === null) return null;
  // Zeros fill a frame up to a multiple of 4 bytes.
  let { length } = content;
  while (length > 0 && content[length - 1] === 0) length--;
  const value = readJson(content.subarray(0, length)) as Partial<Meta> | null;
  if (typeof value !== "object" || value === null || value.version !== 1) return null;
  const { name, model, fingerprint, dimensions, nextId } = value;
  if (typeof name !== "string" || typeof model !== "string" || typeof fingerprint !== "string") return null;
  if (!Number.isSafeInteger(dimensions) || dimensions! < 1 || dimensions! > MOST_DIMENSIONS) return null;
  return Number.isSafeInteger(nextId) && nextId! >= 1 ? (value as Meta) : null;
}

export function damaged(at: number): LlmError {
  return new LlmError(
    "integrity",
    `The file of this memory is damaged at byte ${at}. Nothing was changed; forget all of it to begin again.`,
    { at },
  );
}

/** Newest first. */
async function generationsOf(folder: Folder): Promise<number[]> {
  const found = (await folder.filePaths()).flatMap((path) => NAME.exec(path)?.[1] ?? []);
  return found.map(Number).sort((a, b) => b - a);
}

function nameOf(generation: number): string {
  return `${generation}.log`;
}

async function openFile(folder: Folder, generation: number): Promise<InPlaceFile> {
  const file = await folder.openInPlace(nameOf(generation));
  if (file) return file;
  throw new LlmError("not_supported", "A memory needs files that are written in place: run the engine in a worker.");
}

/** Whether it was written to its end. Errors: integrity where it is no file of ours. */
function isFinished(file: InPlaceFile): boolean {
  const head = readAt(file, 0, Math.min(HEAD_BYTES, file.nbytes));
  if (head.length === HEAD_BYTES && MAGIC.every((byte, i) => head[i] === byte)) return true;
  // The magic is written in one go, over zeros.
  if (head.every((byte, i) => byte === 0 || (i < MAGIC.length && byte === MAGIC[i]))) return false;
  throw damaged(0);
}

function readAt(file: InPlaceFile, at: number, nbytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(nbytes);
  const count = file.read(bytes, at);
  return count === nbytes ? bytes : bytes.subarray(0, count);
}

function isZero(file: InPlaceFile, from: number): boolean {
  for (let at = from; at < file.nbytes; at += CHUNK_BYTES)
    if (readAt(file, at, Math.min(CHUNK_BYTES, file.nbytes - at)).some((byte) => byte !== 0)) return false;
  return true;
}

function cut(file: InPlaceFile, end: number): number {
  const { nbytes } = file;
  for (let at = end; at < nbytes; at += CHUNK_BYTES) file.write(new Uint8Array(Math.min(CHUNK_BYTES, nbytes - at)), at);
  file.flush();
  file.truncate(end);
  file.flush();
  return end;
}
