/**
 * What the other contexts ask of the service worker by runtime message. Each message wakes it if it was stopped;
 * it keeps nothing between two of them.
 */
import type { LoadOptions, WireError } from "@nomoat/runtime";

export type Decision = "allow" | "deny";

/** One remembered answer of the user. topOrigin equals origin unless the site is embedded in another one. */
export interface Permission {
  readonly origin: string;
  readonly topOrigin: string;
  readonly decision: Decision;
  /** Unix time of the answer. Also part of the KV partition: a revoked and renewed permission finds no old prefix. */
  readonly since_ms: number;
}

/** Where the user wants models to run. */
export type DeviceChoice = NonNullable<LoadOptions["device"]>;
export const DEVICE_CHOICES: readonly DeviceChoice[] = ["auto", "webgpu", "wasm"];

export interface Settings {
  /** Null: the first installed one. */
  readonly defaultModel: string | null;
  /** Packages added by URL bring their own WGSL, which is code: only where the user has said so. */
  readonly allowOwnPrograms: boolean;
  readonly device: DeviceChoice;
  /** Origins that do not get LanguageModel. */
  readonly withoutLanguageModel: readonly string[];
  /** Origins that get the task interfaces: Summarizer, Proofreader and so on. */
  readonly withTasks: readonly string[];
  /** Origins that may keep a memory. */
  readonly withMemory: readonly string[];
}

/** Everything in chrome.storage.local. Its only writer is the offscreen document, through `storage.write`. */
export interface StoredState {
  readonly permissions: readonly Permission[];
  readonly settings: Settings;
  /** Package URL by model id, to resume an interrupted download. */
  readonly sources: Readonly<Record<string, string>>;
}

export interface BackgroundMethods {
  /** Makes the offscreen document exist. The only method a content script may call. */
  "engine.ensure": { params: Record<string, never>; result: unknown };
  "storage.read": { params: Record<string, never>; result: StoredState };
  "storage.write": { params: Partial<StoredState>; result: unknown };
  "consent.open": { params: { id: number }; result: unknown };
  /** Has the script of the task interfaces run on these sites. */
  "tasks.register": { params: { origins: readonly string[] }; result: unknown };
  "badge.set": { params: { tabId: number; generating: boolean }; result: unknown };
}

export type BackgroundMethod = keyof BackgroundMethods;
export interface BackgroundMessage<M extends BackgroundMethod = BackgroundMethod> {
  readonly to: "background";
  readonly method: M;
  readonly params: BackgroundMethods[M]["params"];
}
export type BackgroundReply<M extends BackgroundMethod = BackgroundMethod> =
  | { readonly result: BackgroundMethods[M]["result"] }
  | { readonly error: WireError };
