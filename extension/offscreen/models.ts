/**
 * The installed models, the downloads in progress, and the one model that is loaded.
 * Owns the engine: nothing else in this document talks to it.
 */
import { type Engine, LlmError, type Model, type ModelInfo, type Progress, type WireError } from "@nomoat/runtime";
import type { LoadedRow, ModelRow } from "../protocol/admin-port";
import { readPackageId, toBaseUrl } from "./package-url";

/** A loaded model gives its memory back when nobody has asked for this long. */
export const IDLE_UNLOAD_MS = 10 * 60_000;

interface Install {
  readonly url: string;
  readonly controller: AbortController;
  progress: Progress | null;
  error: WireError | null;
}

interface Loaded {
  readonly id: string;
  readonly model: Promise<Model>;
  ready: Model | null;
  progress: Progress | null;
}

export interface ModelsOptions {
  readonly onChange: () => void;
  /** Package URL by model id, kept across restarts so that an interrupted download can go on. */
  readonly sources: Readonly<Record<string, string>>;
  readonly saveSources: (sources: Record<string, string>) => void;
  readonly readId?: (url: string, signal: AbortSignal) => Promise<string>;
}

export class Models {
  readonly #engine: Engine;
  readonly #options: ModelsOptions;
  readonly #installs = new Map<string, Install>();
  readonly #sources: Map<string, string>;
  #loaded: Loaded | null = null;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(engine: Engine, options: ModelsOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#sources = new Map(Object.entries(options.sources));
  }

  /** Downloads a package. Resolves when it is ready; a failure stays visible as a row in state "error". */
  async install(address: string): Promise<void> {
    const url = toBaseUrl(address);
    const install: Install = { url, controller: new AbortController(), progress: null, error: null };
    const { signal } = install.controller;
    let id = nameFromUrl(url);
    if (this.isInstalling(id)) throw new LlmError("invalid_request", `${id} is being downloaded already.`);
    this.#installs.set(id, install);
    this.#options.onChange();
    try {
      const realId = await (this.#options.readId ?? readPackageId)(url, signal);
      if (realId !== id) {
        if (this.isInstalling(realId)) throw new LlmError("invalid_request", `${realId} is being downloaded already.`);
        this.#installs.delete(id);
        id = realId;
        this.#installs.set(id, install);
      }
      this.#setSource(id, url);
      const onProgress = (progress: Progress): void => {
        install.progress = progress;
        this.#options.onChange();
      };
      await this.#engine.install(url, { signal, onProgress });
      this.#installs.delete(id);
    } catch (thrown) {
      const error = signal.aborted ? new LlmError("aborted", "The download was stopped. Resume it or remove it.") : LlmError.from(thrown);
      install.error = error.toWire();
      throw error;
    } finally {
      this.#options.onChange();
    }
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
    const installed = (await this.#engine.installed()).some((model) => model.id === id);
    if (installed) await this.#engine.remove(id);
    this.#installs.delete(id);
    this.#setSource(id, null);
    this.#options.onChange();
  }

  async ready(): Promise<ModelInfo[]> {
    const installed = await this.#engine.installed();
    return installed.filter((model) => model.state === "ready" && !this.isInstalling(model.id)).map(({ state: _, ...info }) => info);
  }

  /** The model that requests get: the user's choice, else the first one that is ready. Null where none is. */
  async chosenId(preferred: string | null): Promise<string | null> {
    const ready = await this.ready();
    return (ready.find(({ id }) => id === preferred) ?? ready[0])?.id ?? null;
  }

  get anyInstalling(): boolean {
    return [...this.#installs.keys()].some((id) => this.isInstalling(id));
  }

  /**
   * The loaded model, loading it where needed. Call from one scheduled job at a time.
   * An abort stops the waiting, not the loading: the next request most likely wants the same model.
   */
  async use(preferred: string | null, signal: AbortSignal): Promise<Model> {
    const id = await this.chosenId(preferred);
    if (id === null) throw new LlmError("model_not_found", "No model is installed: add one on the options page of the extension.");
    this.#keepAwake();
    if (this.#loaded?.id !== id) this.#load(id);
    return abortable(this.#loaded!.model, signal);
  }

  /** To be called when a request failed with this: after a lost device or worker the next request loads again. */
  forgetAfter(error: LlmError): void {
    if (error.code !== "device_lost" && error.code !== "internal" && error.code !== "out_of_memory") return;
    this.#loaded = null;
    this.#options.onChange();
  }

  async unload(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = null;
    clearTimeout(this.#idleTimer);
    this.#options.onChange();
    await loaded?.model.then((model) => model.unload()).catch(() => {});
  }

  /** A request has just ended or begun: wait again before giving the memory back. */
  #keepAwake(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.unload(), IDLE_UNLOAD_MS);
  }

  #load(id: string): void {
    const onProgress = (progress: Progress): void => {
      loaded.progress = progress;
      this.#options.onChange();
    };
    const loaded: Loaded = { id, model: this.#engine.load({ id }, { onProgress }), ready: null, progress: null };
    this.#loaded = loaded;
    this.#options.onChange();
    loaded.model.then(
      (model) => {
        loaded.ready = model;
        this.#options.onChange();
      },
      () => {
        if (this.#loaded === loaded) this.#loaded = null;
        this.#options.onChange();
      },
    );
  }

  loadedRow(): LoadedRow | null {
    const loaded = this.#loaded;
    if (!loaded) return null;
    return { id: loaded.id, device: loaded.ready?.device ?? null, progress: loaded.ready ? null : loaded.progress };
  }

  async rows(): Promise<ModelRow[]> {
    const rows = new Map<string, ModelRow>();
    for (const { state, ...info } of await this.#engine.installed()) {
      const url = this.#sources.get(info.id) ?? null;
      // Storage remembers a download that nobody is working on: the browser was closed in the middle.
      const interrupted = state === "downloading" ? { code: "aborted" as const, message: "The download was interrupted." } : null;
      const broken = state === "error" ? { code: "invalid_package" as const, message: "The files are damaged: remove it and add it again." } : null;
      rows.set(info.id, { id: info.id, state: state === "ready" ? "ready" : "error", info, url, progress: null, error: interrupted ?? broken });
    }
    for (const [id, { url, progress, error }] of this.#installs) {
      if (error && rows.get(id)?.state === "ready") continue;
      rows.set(id, { id, state: error ? "error" : "downloading", info: rows.get(id)?.info ?? null, url, progress, error });
    }
    return [...rows.values()].sort((a, b) => a.id.localeCompare(b.id));
  }

  #setSource(id: string, url: string | null): void {
    if (url === null) this.#sources.delete(id);
    else this.#sources.set(id, url);
    this.#options.saveSources(Object.fromEntries(this.#sources));
  }
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
