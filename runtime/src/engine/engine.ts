/**
 * The engine: packages in storage, and at most one model on the device. Everything slow takes a signal; everything it
 * throws is an LlmError. It knows nothing of workers or messages.
 */
import type {
  AdapterInfo,
  DeviceInfo,
  Embeddings,
  InstalledModel,
  ModelInfo,
  ModelSource,
  ModelTask,
  Usage,
} from "../api/types";
import { type Devices, systemDevices } from "../device/open";
import { LlmError } from "../internal/errors";
import {
  checkpointAddress,
  type Manifest,
  openStore,
  openUrl,
  type PackageSource,
  type PackageStore,
} from "../storage/index";
import { LOADERS, LoadedModel, modelInfo } from "./loaded_model";
import type { LoadHooks, LoadSettings } from "./placement";

export interface EngineEnvironment {
  readonly gpu: GPU | undefined;
  /** Default: those of this environment. */
  readonly devices?: Devices;
  /** Where packages are kept; null where there is no OPFS. Default: OPFS. */
  readonly openStore?: () => Promise<PackageStore | null>;
  /** Opens a package straight from its URL. */
  readonly openUrl?: (url: string, options: { readonly signal?: AbortSignal }) => Promise<PackageSource>;
}

/** Of a checkpoint that is made into a package. */
interface ImportHooks extends LoadHooks {
  readonly quantization?: string | null;
  readonly hub?: string | null;
}

export class EngineCore {
  private model: LoadedModel | null = null;
  private loading: Promise<unknown> = Promise.resolve();
  private store: Promise<PackageStore | null> | null = null;

  constructor(private readonly environment: EngineEnvironment) {}

  /** A package's URL, or a checkpoint that is made into one here. */
  async install(source: string | File | readonly File[], hooks: ImportHooks): Promise<ModelInfo> {
    const store = await this.requireStore();
    const manifest = await installed(store, source, hooks);
    if (!manifest.base) return modelInfo(manifest);
    await store.remove(manifest.id);
    throw new LlmError("invalid_request", `${manifest.id} is an adapter: load it beside ${manifest.base.id}.`);
  }

  async installed(): Promise<InstalledModel[]> {
    const store = await this.openStore();
    if (!store) return [];
    const models = (await store.installed()).filter(({ manifest }) => !manifest.base);
    return models.map(({ manifest, state }) => ({ ...modelInfo(manifest), state }));
  }

  /** A loaded model goes on from the device until it is unloaded or the device is lost. */
  async remove(id: string): Promise<void> {
    await (await this.requireStore()).remove(id);
  }

  /** Loads a model to the device, one at a time; the one before is unloaded first. */
  load(
    source: ModelSource,
    settings: LoadSettings,
  ): Promise<{ info: ModelInfo; task: ModelTask; device: DeviceInfo; loadMs: number }> {
    const result = this.loading.then(async () => {
      settings.signal?.throwIfAborted();
      await this.unloadNow();
      const startedMs = performance.now();
      const devices = this.environment.devices ?? systemDevices(this.environment.gpu);
      const model = await LoadedModel.load(devices, await this.open(source, settings), settings);
      this.model = model;
      const { info, task, device } = model;
      return { info, task, device, loadMs: performance.now() - startedMs };
    });
    this.loading = result.catch(() => undefined);
    return result;
  }

  /** Another model, on the CPU, beside the one that answers; the caller unloads it. Errors: those of load. */
  async loadBeside(source: ModelSource, hooks: LoadHooks): Promise<{ model: LoadedModel; manifest: Manifest }> {
    const devices = this.environment.devices ?? systemDevices(this.environment.gpu);
    const opened = await this.open(source, hooks);
    const settings: LoadSettings = { ...hooks, device: "wasm", threads: null, ownPrograms: false };
    return { model: await LoadedModel.load(devices, opened, settings), manifest: opened.manifest };
  }

  unload(): Promise<void> {
    const result = this.loading.then(() => this.unloadNow());
    this.loading = result.catch(() => undefined);
    return result;
  }

  /** Errors: invalid_request where there is none. */
  loadedModel(): LoadedModel {
    if (!this.model) throw new LlmError("invalid_request", "No model is loaded. Call load first.");
    return this.model;
  }

  tokenize(text: string): number[] {
    return this.loadedModel().tokenize(text);
  }

  async generate(
    prompt: unknown,
    options: unknown,
    hooks: { onText: (piece: string) => void; signal?: AbortSignal },
  ): Promise<{ usage: Usage; device: DeviceInfo }> {
    const model = this.loadedModel();
    const usage = await model.generate(prompt, options, hooks);
    return { usage, device: model.device };
  }

  async embed(input: unknown, signal?: AbortSignal): Promise<Embeddings & { device: DeviceInfo }> {
    const model = this.loadedModel();
    const embeddings = await model.embed(input, signal);
    return { ...embeddings, device: model.device };
  }

  async loadAdapter(source: ModelSource, name: string | null, hooks: LoadHooks): Promise<AdapterInfo> {
    const model = this.loadedModel();
    return model.loadAdapter(await this.open(source, hooks), name, hooks.signal);
  }

  unloadAdapter(name: string): void {
    this.loadedModel().unloadAdapter(name);
  }

  logits(tokenIds: unknown, first: unknown, signal?: AbortSignal, adapter?: unknown): Promise<Float32Array> {
    return this.loadedModel().logits(tokenIds, first, signal, adapter);
  }

  async measureBandwidth(signal?: AbortSignal): Promise<{ gbPerS: number }> {
    return { gbPerS: await this.loadedModel().measureBandwidth(signal) };
  }

  private async unloadNow(): Promise<void> {
    const { model } = this;
    this.model = null;
    await model?.unload();
  }

  private async open(source: ModelSource, hooks: LoadHooks): Promise<PackageSource> {
    const store = await this.openStore();
    if ("url" in source) {
      if (!store)
        return (this.environment.openUrl ?? openUrl)(source.url, hooks.signal ? { signal: hooks.signal } : {});
      return store.open((await installed(store, source.url, hooks)).id);
    }
    if (!store) throw noStore();
    return store.open(source.id);
  }

  private openStore(): Promise<PackageStore | null> {
    this.store ??= (this.environment.openStore ?? openStore)();
    return this.store;
  }

  private async requireStore(): Promise<PackageStore> {
    const store = await this.openStore();
    if (!store) throw noStore();
    return store;
  }
}

/** The importer is fetched with the first checkpoint. */
async function installed(
  store: PackageStore,
  source: string | File | readonly File[],
  hooks: ImportHooks,
): Promise<Manifest> {
  const checkpoint = typeof source === "string" ? checkpointAddress(source) : source;
  if (checkpoint === null) return store.install(source as string, downloadOptions(hooks));
  const { installCheckpoint } = await import("../import/install");
  return installCheckpoint(checkpoint, store, LOADERS, { ...hooks, ...downloadOptions(hooks) });
}

function downloadOptions({ signal, onProgress }: LoadHooks) {
  return {
    ...(signal ? { signal } : {}),
    onProgress: (loaded: number, total: number, model?: ModelInfo) =>
      onProgress?.({ phase: "download", loaded, total, model }),
  };
}

function noStore(): LlmError {
  return new LlmError("model_not_found", "This environment has no storage for models. Load the package by its URL.");
}
