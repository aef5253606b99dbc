/** The File System API's directory handles in memory: with synchronous access handles as in workers, or without. */

interface MemoryFile {
  bytes: Uint8Array;
  locked: boolean;
}

export interface MemoryOptions {
  readonly syncHandles: boolean;
  /** Bytes of all files together beyond which writing fails as a full disk does. */
  readonly capacity?: number;
  /** Synchronous handles refuse memory that is shared between threads, as some browsers' do. */
  readonly refuseShared?: boolean;
  /** Called before anything is changed, with the bytes of a write: how many of them are written. May throw. */
  readonly onChange?: (nbytes: number) => number;
}

export class MemoryDirectory {
  readonly kind = "directory";
  private readonly children = new Map<string, MemoryDirectory | MemoryFileHandle>();

  constructor(
    private readonly options: MemoryOptions,
    readonly disk: { used: number } = { used: 0 },
  ) {}

  async getDirectoryHandle(name: string, options: { create?: boolean } = {}): Promise<MemoryDirectory> {
    checkName(name);
    const child = this.children.get(name);
    if (child instanceof MemoryFileHandle) throw new DOMException(name, "TypeMismatchError");
    if (child !== undefined) return child;
    if (!options.create) throw new DOMException(name, "NotFoundError");
    const created = new MemoryDirectory(this.options, this.disk);
    this.children.set(name, created);
    return created;
  }

  async getFileHandle(name: string, options: { create?: boolean } = {}): Promise<MemoryFileHandle> {
    checkName(name);
    const child = this.children.get(name);
    if (child instanceof MemoryDirectory) throw new DOMException(name, "TypeMismatchError");
    if (child !== undefined) return child;
    if (!options.create) throw new DOMException(name, "NotFoundError");
    const created = new MemoryFileHandle(this.options, this.disk);
    this.children.set(name, created);
    return created;
  }

  async removeEntry(name: string): Promise<void> {
    const child = this.children.get(name);
    if (child === undefined) throw new DOMException(name, "NotFoundError");
    if (child instanceof MemoryFileHandle && child.file.locked)
      throw new DOMException(name, "NoModificationAllowedError");
    this.options.onChange?.(0);
    this.children.delete(name);
  }

  async *entries(): AsyncGenerator<[string, MemoryDirectory | MemoryFileHandle]> {
    yield* [...this.children.entries()];
  }

  /** For tests: the bytes of a file, null where there is none. */
  async peek(path: string): Promise<Uint8Array | null> {
    return (await this.find(path))?.file.bytes ?? null;
  }

  async poke(path: string, bytes: Uint8Array): Promise<void> {
    const handle = await this.find(path);
    if (handle === null) throw new Error(`no ${path}`);
    handle.file.bytes = bytes;
  }

  private async find(path: string): Promise<MemoryFileHandle | null> {
    const [first, ...rest] = path.split("/");
    const child = this.children.get(first!);
    if (child instanceof MemoryDirectory) return child.find(rest.join("/"));
    return rest.length === 0 ? (child ?? null) : null;
  }
}

export class MemoryFileHandle {
  readonly kind = "file";
  readonly file: MemoryFile = { bytes: new Uint8Array(0), locked: false };
  readonly createSyncAccessHandle?: (options?: { mode: string }) => Promise<unknown>;

  constructor(
    private readonly options: MemoryOptions,
    private readonly disk: { used: number },
  ) {
    if (options.syncHandles) this.createSyncAccessHandle = async (mode) => this.openSync(mode?.mode === "read-only");
  }

  async getFile(): Promise<Blob> {
    return new Blob([this.file.bytes.slice()]);
  }

  async createWritable(options: { keepExistingData?: boolean } = {}): Promise<unknown> {
    let draft = options.keepExistingData ? this.file.bytes.slice() : new Uint8Array(0);
    return {
      write: async (data: Uint8Array | { position: number; data: Uint8Array }) => {
        const { position, data: bytes } = data instanceof Uint8Array ? { position: 0, data } : data;
        draft = this.write(draft, bytes, position);
      },
      truncate: async (nbytes: number) => {
        draft = resize(draft, nbytes);
      },
      close: async () => {
        this.file.bytes = draft;
      },
    };
  }

  private openSync(shared: boolean): unknown {
    const { file } = this;
    if (file.locked) throw new DOMException("locked", "NoModificationAllowedError");
    file.locked = !shared;
    return {
      read: (into: Uint8Array, { at }: { at: number }) => {
        this.checkShared(into);
        const part = file.bytes.subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write: (bytes: Uint8Array, { at }: { at: number }) => {
        this.checkShared(bytes);
        const part = bytes.subarray(0, this.options.onChange?.(bytes.length) ?? bytes.length);
        file.bytes = this.write(file.bytes, part, at);
        if (part.length < bytes.length) this.options.onChange?.(0);
        return bytes.length;
      },
      truncate: (nbytes: number) => {
        this.options.onChange?.(0);
        file.bytes = resize(file.bytes, nbytes);
      },
      getSize: () => file.bytes.length,
      flush: () => undefined,
      close: () => {
        file.locked = false;
      },
    };
  }

  private checkShared(bytes: Uint8Array): void {
    if (this.options.refuseShared && bytes.buffer instanceof SharedArrayBuffer)
      throw new TypeError("The provided value must not be shared.");
  }

  private write(before: Uint8Array, bytes: Uint8Array, at: number): Uint8Array<ArrayBuffer> {
    this.disk.used += bytes.length;
    if (this.disk.used > (this.options.capacity ?? Number.POSITIVE_INFINITY))
      throw new DOMException("full", "QuotaExceededError");
    const after = resize(before, Math.max(before.length, at + bytes.length));
    after.set(bytes, at);
    return after;
  }
}

function resize(bytes: Uint8Array, nbytes: number): Uint8Array<ArrayBuffer> {
  const resized = new Uint8Array(nbytes);
  resized.set(bytes.subarray(0, nbytes));
  return resized;
}

function checkName(name: string): void {
  if (name === "" || name === "." || name === ".." || /[/\\]/.test(name))
    throw new TypeError(`"${name}" is not a name.`);
}
