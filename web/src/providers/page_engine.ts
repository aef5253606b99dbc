/** The engine of this page: the runtime in a worker, loaded with one model at a time. */
import type { Engine, LoadOptions, Model } from "@nomoat/runtime";
import { createEngine } from "@nomoat/runtime";

let engine: Engine | undefined;
/** The model in memory, and what was asked for. */
export interface LoadedModel {
  readonly url: string;
  readonly device: LoadOptions["device"];
  readonly model: Model;
}

let loaded: LoadedModel | undefined;

/** The model that was loaded last, if any. */
export function loadedModel(): LoadedModel | undefined {
  return loaded;
}

/** Loads the package at `url` (ends in "/"); a no-op where it is loaded already, for the same device. */
export async function loadModel(url: string, options: LoadOptions): Promise<Model> {
  if (loaded?.url === url && loaded.device === options.device) return loaded.model;
  loaded = undefined;
  const model = await pageEngine().load({ url }, options);
  loaded = { url, device: options.device, model };
  return model;
}

/** This page's engine, made where there is none. */
export function pageEngine(): Engine {
  engine ??= createEngine();
  return engine;
}

/** After device_lost and the like: the next load starts from nothing. */
export async function dropEngine(): Promise<void> {
  const dropped = engine;
  engine = undefined;
  loaded = undefined;
  await dropped?.close();
}
