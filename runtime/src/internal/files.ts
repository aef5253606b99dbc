/** Files by positioned reads and writes, whatever keeps them: what storage offers and what a device keeps with it. */

/** Pieces may be read into memory that is shared between threads. */
export type Bytes = Uint8Array<ArrayBufferLike>;

export interface FileReader {
  readonly nbytes: number;
  /** Fills `into` from byte `at` on; the file must be long enough. */
  read(into: Bytes, at: number): Promise<void>;
  close(): void;
}

export interface FileWriter {
  write(bytes: Bytes, at: number): Promise<void>;
  /** Keeps what was written, also after an error. */
  close(): Promise<void>;
}

/** A file that is read and written in place, by one holder at a time. What was written is kept from `flush` on. */
export interface InPlaceFile {
  readonly nbytes: number;
  /** Returns how many bytes there were. */
  read(into: Bytes, at: number): number;
  /** Errors: storage_quota. */
  write(bytes: Bytes, at: number): void;
  truncate(nbytes: number): void;
  flush(): void;
  close(): void;
}

/**
 * Files that a device derives from a package and keeps beside it, to be made again whenever they are missing.
 *
 * A file is there once it was committed under a key, which names what it was derived from and how. What was written
 * and not committed is never read.
 */
export interface DerivedFiles {
  /** Null where there is no such file, where it was committed under another key, or where it is damaged. */
  openRead(name: string, key: string): Promise<FileReader | null>;
  /** Begins a file of `nbytes`; the one of that name, if any, is gone from now on. Errors: storage_quota. */
  openWrite(name: string, nbytes: number): Promise<FileWriter>;
  /** Makes what was written readable; the writer has been closed. Errors: internal where bytes are missing. */
  commit(name: string, key: string): Promise<void>;
  remove(name: string): Promise<void>;
}
