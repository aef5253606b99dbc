/**
 * The installed models, the downloads in progress, and the one model that is loaded.
 * Owns the engine: nothing else in this document talks to it.
 */
import {
  type Engine,
  isEncoder,
  LlmError,
  type Memory,
  type MemoryOptions,
  type Model,
  type ModelInfo,
  type Progress,
  type StoredMemory,
  type WireError,
} from "@nomoat/runtime";
import type { LoadedRow, ModelRow } from "../protocol/admin-port";
import type { DeviceChoice } from "../protocol/background";
import { isCheckpoint, readPackageId, toModelUrl } from "./package-url";

/** A loaded model gives its memory back when nobody has asked for this long. */
export const IDLE_UNLOAD_MS = 10 * 60_000;

interface Install {
  /** Its address, or the file that the person chose. */
  readonly source: string | File;
  readonly controller: AbortController;
  /** Of an import, as soon as it is known; that of a package is in the store. */
  info: ModelInfo | null;
  progress: Progress | null;
  error: WireError | null;
}

interface Loaded {
  readonly id: string;
  /** What the user wanted when it was loaded. */
  readonly device: DeviceChoice;
  readonly ownPrograms: boolean;
  readonly model: Promise<Model>;
  ready: Model | null;
  progress: Progress | null;
}

export interface ModelsOptions {
  readonly onChange: () => void;
  /** Where the user wants models to run now. */
  readonly device: () => DeviceChoice;
  /** Whether GPU programs of a package may run now: only models with operators of their own need any. */
  readonly ownPrograms: () => boolean;
  /** Whether somebody may go on with the loaded model who asks nothing now: it is kept then. */
  readonly held?: () => boolean;
  /** URL of the package or the GGUF file by model id, kept across restarts so that an interrupted download can go on. */
  readonly sources: Readonly<Record<string, string>>;
  readonly saveSources: (sources: Record<string, string>) => void;
  readonly readId?: (url: string, signal: AbortSignal, ownPrograms: boolean) => Promise<string>;
}

export class Models {
  readonly #makeEngine: () => Engine;
  readonly #options: ModelsOptions;
  readonly #installs = new Map<string, Install>();
  readonly #sources: Map<string, string>;
  readonly #waitingForUnused: (() => void)[] = [];
  /** Told of each step of a download, and of its end. */
  readonly #watchers = new Set<(install: Install) => void>();
  #engine: Engine | null = null;
  #loaded: Loaded | null = null;
  /** Requests that hold or wait for the loaded model. */
  #users = 0;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  /** `makeEngine` is called at the first need, and again after `engineCrashed`. */
  constructor(makeEngine: () => Engine, options: ModelsOptions) {
    this.#makeEngine = makeEngine;
    this.#options = options;
    this.#sources = new Map(Object.entries(options.sources));
  }

  /** Downloads a package, or imports a GGUF file. Resolves when it is ready; a failure stays visible as a row in state "error". */
  async install(given: unknown): Promise<void> {
    const source = given instanceof File ? given : toModelUrl(given);
    await this.#install(source, typeof source === "string" ? nameFromUrl(source) : source.name);
  }

  /** `id`: under which it is shown until its own is known. */
  async #install(source: string | File, id: string): Promise<void> {
    const install: Install = { source, controller: new AbortController(), info: null, progress: null, error: null };
    const { signal } = install.controller;
    if (this.isInstalling(id)) throw inProgress(id);
    this.#installs.set(id, install);
    this.#options.onChange();
    let twice: LlmError | null = null;
    const rename = (realId: string): void => {
      if (realId !== id && this.isInstalling(realId)) throw inProgress(realId);
      this.#installs.delete(id);
      id = realId;
      this.#installs.set(id, install);
      if (typeof source === "string") this.#setSource(id, source);
    };
    try {
      if (typeof source === "string" && !isCheckpoint(new URL(source)))
        rename(await (this.#options.readId ?? readPackageId)(source, signal, this.#options.ownPrograms()));
      const onProgress = (progress: Progress): void => {
        install.progress = progress;
        if (progress.model) {
          install.info = progress.model;
          try {
            rename(progress.model.id);
          } catch (thrown) {
            twice = LlmError.from(thrown);
            install.controller.abort();
          }
        }
        this.#tell(install);
      };
      await this.#running().install(source, { signal, onProgress });
      this.#installs.delete(id);
    } catch (thrown) {
      const stopped = new LlmError("aborted", "The download was paused. Resume it or remove it.");
      const error = twice ?? (signal.aborted ? stopped : LlmError.from(thrown));
      install.error = error.toWire();
      throw error;
    } finally {
      this.#tell(install);
    }
  }

  /** Goes on with what was stopped or failed. Errors: invalid_request where it is not known from where. */
  async resume(id: unknown): Promise<void> {
    const known = typeof id === "string" ? (this.#installs.get(id)?.source ?? this.#sources.get(id)) : undefined;
    if (known === undefined)
      throw new LlmError("invalid_request", "It is not known any more where this model came from: add it again.");
    await this.#install(known, id as string);
  }

  /** Waits for a download that is going on where no model is ready. `onProgress`: the fraction of it that is there. */
  async downloaded(
    preferred: string | null,
    signal: AbortSignal,
    onProgress: (fraction: number) => void,
  ): Promise<void> {
    while (this.anyInstalling && (await this.chosenId(preferred)) === null) {
      let watcher = (_: Install): void => {};
      const step = new Promise<void>((resolve) => {
        watcher = ({ progress }) => {
          if (progress?.phase === "download" && progress.total > 0) onProgress(progress.loaded / progress.total);
          resolve();
        };
      });
      this.#watchers.add(watcher);
      await abortable(step, signal).finally(() => this.#watchers.delete(watcher));
    }
  }

  #tell(install: Install): void {
    for (const watcher of this.#watchers) watcher(install);
    this.#options.onChange();
  }

  isInstalling(id: string): boolean {
    return this.#installs.get(id)?.error === null;
  }

  cancelInstall(id: string): void {
    this.#installs.get(id)?.controller.abort();
  }

  async remove(id: string): Promise<void> {
    this.cancelInstall(id);
    if (this.#loaded?.id === id) await this.unload();
    // An import that is not complete is in storage, though it is not among the installed.
    const imported = this.#installs.get(id)?.info != null || this.#sources.has(id);
    const installed = (await this.#running().installed()).some((model) => model.id === id);
    if (installed || imported) await this.#running().remove(id);
    this.#installs.delete(id);
    this.#setSource(id, null);
    this.#options.onChange();
  }

  async ready(): Promise<ModelInfo[]> {
    const installed = await this.#running().installed();
    return installed
      .filter((model) => model.state === "ready" && !this.isInstalling(model.id))
      .map(({ state: _, ...info }) => info);
  }

  /** The model that requests get: the user's choice, else the first one that is ready, best one that writes. Null where none is. */
  async chosenId(preferred: string | null): Promise<string | null> {
    const ready = await this.ready();
    return (
      (ready.find(({ id }) => id === preferred) ?? ready.find((model) => !isEncoder(model)) ?? ready[0])?.id ?? null
    );
  }

  /** The id of a model that is ready, by its id or name. Null: there is none. */
  async idOf(wanted: string): Promise<string | null> {
    return (await this.ready()).find(({ id, name }) => id === wanted || name === wanted)?.id ?? null;
  }

  get anyInstalling(): boolean {
    return [...this.#installs.keys()].some((id) => this.isInstalling(id));
  }

  /**
   * Runs `work` on the user's model, loading it where needed. Requests share the loaded model; another one, or the same
   * on another device, is loaded when nobody uses it any more. An abort stops the waiting, not the loading: the next request wants the same model.
   */
  async run<T>(preferred: string | null, signal: AbortSignal, work: (model: Model) => Promise<T>): Promise<T> {
    const id = await this.chosenId(preferred);
    if (id === null) {
      throw new LlmError("model_not_found", "No model is installed: add one on the options page of the extension.");
    }
    while (this.#loaded && !this.#isAsWanted(id) && this.#users > 0) await abortable(this.#unused(), signal);
    if (!this.#isAsWanted(id)) this.#load(id);
    const { model } = this.#loaded!;
    return this.#use(async () => work(await abortable(model, signal)), signal);
  }

  async #use<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    clearTimeout(this.#idleTimer);
    this.#users++;
    try {
      return await work();
    } catch (thrown) {
      if (!signal.aborted) this.#forgetAfter(LlmError.from(thrown));
      throw thrown;
    } finally {
      this.#users--;
      if (this.#users === 0) this.#becomeIdle();
    }
  }

  /** Runs `work` on a model that was loaded before. Errors: aborted, where another one took its place. */
  async runLoaded<T>(model: Model, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (!this.isLoaded(model))
      throw new LlmError("aborted", "This session is over, because its model was unloaded: make another one.", {
        reason: "session_over",
      });
    return this.#use(work, signal);
  }

  isLoaded(model: Model): boolean {
    return this.#loaded?.ready === model;
  }

  /** Its model is loaded beside the one that answers. */
  memory(options: MemoryOptions): Promise<Memory> {
    return this.#running().memory(options);
  }

  memories(): Promise<StoredMemory[]> {
    return this.#running().memories();
  }

  async unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = null;
    clearTimeout(this.#idleTimer);
    this.#options.onChange();
    await loaded?.model.then((model) => model.unload()).catch(() => {});
  }

  /** The engine's worker died: what it had loaded is gone, and the next call makes a new engine. */
  engineCrashed(): void {
    this.#engine?.close().catch(() => {});
    this.#engine = null;
    this.#loaded = null;
    this.#options.onChange();
  }

  /** After a lost device the next request loads again. */
  #forgetAfter(error: LlmError): void {
    if (error.code !== "device_lost" && error.code !== "out_of_memory") return;
    this.#loaded = null;
    this.#options.onChange();
  }

  #isAsWanted(id: string): boolean {
    const { device, ownPrograms } = this.#options;
    const loaded = this.#loaded;
    return loaded?.id === id && loaded.device === device() && loaded.ownPrograms === ownPrograms();
  }

  #unused(): Promise<void> {
    return new Promise((resolve) => this.#waitingForUnused.push(resolve));
  }

  #becomeIdle(): void {
    for (const resolve of this.#waitingForUnused.splice(0)) resolve();
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      if (this.#options.held?.()) this.#becomeIdle();
      else void this.unload();
    }, IDLE_UNLOAD_MS);
  }

  #load(id: string): void {
    let loaded: Loaded | null = null;
    const onProgress = (progress: Progress): void => {
      if (loaded) loaded.progress = progress;
      this.#options.onChange();
    };
    const device = this.#options.device();
    const ownPrograms = this.#options.ownPrograms();
    const model = this.#running().load({ id }, { device, ownPrograms, onProgress });
    loaded = this.#loaded = { id, device, ownPrograms, model, ready: null, progress: null };
    this.#options.onChange();
    void this.#watch(loaded);
  }

  async #watch(loaded: Loaded): Promise<void> {
    try {
      loaded.ready = await loaded.model;
    } catch {
      // Whoever waits for the model gets the error; the next request tries again.
      if (this.#loaded === loaded) this.#loaded = null;
    }
    this.#options.onChange();
  }

  loadedRow(): LoadedRow | null {
    const loaded = this.#loaded;
    if (!loaded) return null;
    return { id: loaded.id, device: loaded.ready?.device ?? null, progress: loaded.ready ? null : loaded.progress };
  }

  async rows(): Promise<ModelRow[]> {
    const rows = new Map<string, ModelRow>();
    for (const { state, ...info } of await this.#running().installed()) {
      const url = this.#sources.get(info.id) ?? null;
      // Storage remembers a download that nobody is working on: the browser was closed in the middle.
      const interrupted =
        state === "downloading" ? { code: "aborted" as const, message: "The download was interrupted." } : null;
      const broken =
        state === "error"
          ? { code: "invalid_package" as const, message: "The files are damaged: remove it and add it again." }
          : null;
      rows.set(info.id, {
        id: info.id,
        state: state === "ready" ? "ready" : "error",
        info,
        url,
        resumable: url !== null,
        progress: null,
        error: interrupted ?? broken,
      });
    }
    // An import that the browser was closed in has no manifest yet: only its address is known.
    for (const [id, url] of this.#sources) {
      if (!rows.has(id)) rows.set(id, interruptedRow(id, url));
    }
    for (const [id, { source, info, progress, error }] of this.#installs) {
      if (error && rows.get(id)?.state === "ready") continue;
      rows.set(id, {
        id,
        state: error ? "error" : "downloading",
        info: info ?? rows.get(id)?.info ?? null,
        url: typeof source === "string" ? source : null,
        resumable: true,
        progress,
        error,
      });
    }
    return [...rows.values()].sort((a, b) => a.id.localeCompare(b.id));
  }

  #running(): Engine {
    this.#engine ??= this.#makeEngine();
    return this.#engine;
  }

  #setSource(id: string, url: string | null): void {
    if (url === null) this.#sources.delete(id);
    else this.#sources.set(id, url);
    this.#options.saveSources(Object.fromEntries(this.#sources));
  }
}

function inProgress(id: string): LlmError {
  return new LlmError("invalid_request", `${id} is being downloaded already.`);
}

function interruptedRow(id: string, url: string): ModelRow {
  const error = { code: "aborted" as const, message: "The download was interrupted. Resume it or remove it." };
  return { id, state: "error", info: null, url, resumable: true, progress: null, error };
}

function nameFromUrl(url: string): string {
  return new URL(url).pathname.split("/").filter(Boolean).at(-1) ?? new URL(url).hostname;
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
