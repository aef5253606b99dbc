/** Memories for tests: on a disk in memory, with models whose vectors are made of a text's letters. */
import { LlmError } from "../../src/internal/errors";
import { type Encoder, Encoders } from "../../src/memory/encoders";
import { Memories } from "../../src/memory/memories";
import { Folder } from "../../src/storage/folder";
import { MemoryDirectory, type MemoryOptions } from "../storage/memory_folder";

export const DIMENSIONS = 6;
const FOLDER = "memories";

/** As another model would have it with another `seed`. Not of length 1. */
export function vectorOf(text: string, seed = 1, dimensions = DIMENSIONS): Float32Array {
  const vector = new Float32Array(dimensions);
  for (let i = 0; i < text.length; i++) vector[(text.charCodeAt(i) * seed) % dimensions]! += 1 + (i % 3);
  return vector;
}

export interface Models {
  loads: string[];
  unloads: number;
  /** Called before texts are embedded. */
  onEmbed: (texts: readonly string[]) => void;
}

/** Models m1, m2 (other vectors, of more numbers) and chat, which embeds nothing. */
export function fakeEncoders(): { encoders: Encoders; models: Models } {
  const models: Models = { loads: [], unloads: 0, onEmbed: () => undefined };
  const encoders = new Encoders(async (source, { signal }) => {
    const id = "id" in source ? source.id : source.url;
    models.loads.push(id);
    if (id === "missing") throw new LlmError("model_not_found", "not installed");
    const [seed, dimensions] = id === "m2" ? [7, DIMENSIONS + 5] : [1, DIMENSIONS];
    const model = {
      task: id === "chat" ? "generate" : "embed",
      embed: async (texts: readonly string[], stop?: AbortSignal) => {
        stop?.throwIfAborted();
        signal?.throwIfAborted();
        models.onEmbed(texts);
        return { embeddings: texts.map((text) => vectorOf(text, seed, dimensions)) };
      },
      unload: async () => void models.unloads++,
    };
    return { model, manifest: { id, files: [{ path: "weights/a", sha256: id }] } } as never;
  });
  return { encoders, models };
}

export interface Disk {
  readonly directory: MemoryDirectory;
  /** A tab, or a worker that was started anew: nothing of it is remembered but the disk. */
  readonly tab: () => Tab;
  /** Every byte of every file. */
  readonly bytes: () => Promise<Uint8Array>;
  readonly files: () => Promise<string[]>;
}
export interface Tab {
  readonly memories: Memories;
  readonly models: Models;
  call(method: string, given?: object, more?: object): Promise<never>;
  add(...texts: string[]): Promise<number[]>;
  texts(): Promise<string[]>;
}

export function disk({ compactBytes, ...options }: Partial<MemoryOptions> & { compactBytes?: number } = {}): Disk {
  const directory = new MemoryDirectory({ syncHandles: true, ...options });
  const root = new Folder(directory as unknown as FileSystemDirectoryHandle);
  return {
    directory,
    tab: () => tabOn(root, compactBytes),
    bytes: async () => {
      const parts = await Promise.all((await root.filePaths()).map((path) => directory.peek(path)));
      return Uint8Array.from(parts.flatMap((part) => Array.from(part!)));
    },
    files: () => root.filePaths(),
  };
}

function tabOn(root: Folder, compactBytes: number | undefined): Tab {
  const { encoders, models } = fakeEncoders();
  const memories = new Memories(encoders, () => root.folder(FOLDER), compactBytes);
  const call = (method: string, given: object = {}, more: object = {}): Promise<never> => {
    const {
      signal = new AbortController().signal,
      onEvent = () => undefined,
      ...params
    } = more as never as {
      signal?: AbortSignal;
      onEvent?: () => void;
    };
    const asked = { options: {}, ...given, method };
    const full = { name: "n", model: { id: "m1" }, limits: {}, call: asked, ...params };
    return memories.answer(full, onEvent, signal) as never;
  };
  return {
    memories,
    models,
    call,
    add: (...texts) => call("add", { input: texts }),
    texts: async () => ((await call("list")) as { text: string }[]).map(({ text }) => text),
  };
}

export type { Encoder };
