/**
 * A loaded program on some device: the interface that engine/ runs models through. Types only; device/open.ts makes
 * executors, device/webgpu and device/wasm are them.
 *
 * An executor owns all that the program holds on its device, and the device itself, until `destroy`. Calls take
 * effect in the order in which they are made.
 */
import type { LlmError } from "../internal/errors";
import type { DerivedFiles } from "../internal/files";
import type { Program } from "./program";

export interface DeviceFacts {
  readonly kind: "webgpu" | "wasm";
  /** Human-readable, e.g. "google swiftshader (software)". */
  readonly adapter: string;
  /** The device computes on the CPU behind an interface made for GPUs. */
  readonly software: boolean;
  /** Threads that ran the last token; null where the device's threads are not ours. */
  readonly threads: number | null;
  /** Bytes of weights that one `decode`, or `encode`, reads. */
  readonly weightBytesPerToken: number;
  /** What of this device is not used since it computes wrongly, in a sentence for people; null: nothing. */
  readonly doubts: string | null;
}

/** How much work a session gives the device at once. */
export interface Pacing {
  /** `run` returns when the work is done, so nothing can be queued ahead and the host must make pauses itself. */
  readonly synchronous: boolean;
  /** Time that one run of decode steps should take. */
  readonly decodeTargetMs: number;
  /** Time that one run of prefill should take. */
  readonly prefillTargetMs: number;
  /** Tokens of the first prefill, whose speed is not known yet. */
  readonly firstPrefill: number;
}

/** Memory that results are copied to. Only the pool that gave it knows more of it. */
export interface Staging {
  readonly nbytes: number;
}

export interface Copy {
  /** Name of the buffer, from its first byte on. */
  readonly from: string;
  readonly to: Staging;
  readonly toOffset: number;
  readonly bytes: number;
}

/** Staging memory of one size, used in turn. */
export interface ReadbackPool {
  /** Give it back by `read`, or unused by `give`. Errors: out_of_memory. */
  take(): Promise<Staging>;
  give(staging: Staging): void;
  /** Waits for the run that fills the memory, returns a copy of its bytes and frees it. Errors: the device's failure. */
  read(staging: Staging): Promise<ArrayBuffer>;
  destroy(): void;
}

export interface Executor extends DeviceFacts {
  readonly program: Program;
  readonly pacing: Pacing;
  /** Why the device cannot be used any more; null while it can. */
  readonly failure: LlmError | null;
  /** Resolves with `failure` when there is one. Never rejects. */
  readonly failed: Promise<LlmError>;
  /** Pages per layer that the KV cache holds now. */
  readonly kvPages: number;
  /** Pages per layer that it may hold at most. */
  readonly maxPages: number;
  /** Makes the KV cache hold `pages` pages per layer, at most maxPages. Errors: out_of_memory, with the cache as it was. */
  growKv(pages: number): Promise<void>;
  /** Copies one page of every KV buffer. */
  copyPage(from: number, to: number): void;
  /** Rows of every recurrent state, one for each sequence that is kept; 0: the program has no such state. */
  readonly stateSlots: number;
  /** Copies one row of every recurrent state. */
  copySlot(from: number, to: number): void;
  write(name: string, data: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>, offsetBytes?: number): void;
  /**
   * Runs the functions in order, then the copies. `n` is the symbol n of prefill and encode. Where other pages share the
   * device, it gives it the work in pieces of a few tens of milliseconds, cut between steps. `adapters`: the key of those
   * that run along; none by default. Errors: the device's failure.
   */
  run(calls: readonly string[], n?: number, copies?: readonly Copy[], adapters?: string): void;
  /**
   * Puts adapters beside the program: `program` is it with them in it (adapters.ts), `arrays` what it has more, by name.
   * `run` takes them by `key`, which is not "" and not in use. Errors: out_of_memory, with all as it was;
   * unsupported_device; the device's failure.
   */
  addAdapters(key: string, program: Program, arrays: ReadonlyMap<string, Uint8Array<ArrayBuffer>>): Promise<void>;
  /** Frees what `addAdapters` took. */
  removeAdapters(key: string): void;
  /** Waits until everything so far has run. Errors: the device's failure. */
  finished(): Promise<void>;
  /** The bytes of a buffer after everything so far; for verification. Weights cannot be read. */
  read(name: string): Promise<ArrayBuffer>;
  readbacks(bytes: number): ReadbackPool;
  /** Streaming reads of the weights' memory, in 1e9 bytes per second, measured now with the current threads. */
  measureBandwidth(signal?: AbortSignal): Promise<number>;
  destroy(): void;
}

/** Streams every parameter: pieces of one name in order, views valid until the sink's promise settles. */
export type WeightStream = (
  sink: (name: string, offset: number, bytes: Uint8Array) => void | Promise<void>,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (loaded: number, total: number) => void },
) => Promise<void>;

/** What a device reads a package through. */
export interface DeviceSources {
  /** WGSL text of a kernel of the package. */
  kernel(hash: string): Promise<string>;
  readonly weights: WeightStream;
  /** Where the device may keep what it made of the weights; null where nothing can be kept. */
  readonly derived: DerivedFiles | null;
}

export interface OpenOptions {
  readonly signal?: AbortSignal;
  /** Of devices whose threads are ours. Default: chosen by measurement. */
  readonly threads?: number;
  /** Of GPUs: "package" runs the package's own kernels for every operator; for comparing them with the library's. */
  readonly kernels?: "library" | "package";
  /** Pages that the KV cache starts with. */
  readonly firstPages?: number;
  /** Bytes of weights on the device, of all bytes. */
  readonly onLoad?: (loaded: number, total: number) => void;
  /** Kernels compiled, of all kernels. */
  readonly onCompile?: (compiled: number, total: number) => void;
}
