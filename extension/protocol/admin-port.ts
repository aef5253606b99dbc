/**
 * Messages between the extension's own pages (options, popup, side panel) and the offscreen document.
 *
 * On connecting, and whenever something changes, a page gets the whole Snapshot and draws itself from it. Commands
 * are answered once; `generate` streams text first.
 */
import type { DeviceInfo, Message, ModelInfo, Progress, Usage, WireError } from "@nomoat/runtime";
import type { MemoryCall } from "@nomoat/runtime/contract";
import type { Decision, Settings } from "./background";

export const ADMIN_PORT = "admin";

export interface ModelRow {
  readonly id: string;
  readonly state: "downloading" | "ready" | "error";
  /** Null until the manifest has been read. */
  readonly info: ModelInfo | null;
  readonly url: string | null;
  /** Whether model.resume can go on with it; a file must be chosen again after the browser was closed. */
  readonly resumable: boolean;
  readonly progress: Progress | null;
  readonly error: WireError | null;
}

export interface SiteRow {
  readonly origin: string;
  readonly topOrigin: string;
  /** once: until the page is closed; none: it only has a memory. */
  readonly decision: Decision | "once" | "none";
}

/** What a site, or the side panel (null), keeps. */
export interface MemoryRow {
  readonly site: { readonly origin: string; readonly topOrigin: string } | null;
  /** In storage. */
  readonly nbytes: number;
  /** Nobody can read whose it is: both origins of `site` are its name in storage. */
  readonly damaged?: true;
}

export interface RunningRow {
  /** The site, or null for the side panel. */
  readonly origin: string | null;
  readonly state: "consent" | "waiting" | "generating";
}

export interface LoadedRow {
  readonly id: string;
  /** Null while loading. */
  readonly device: DeviceInfo | null;
  readonly progress: Progress | null;
}

export interface Snapshot {
  /** Why the models cannot be read (no storage, a broken worker); null where all is well. */
  readonly problem: WireError | null;
  readonly models: readonly ModelRow[];
  readonly defaultModel: string | null;
  readonly loaded: LoadedRow | null;
  readonly sites: readonly SiteRow[];
  readonly memories: readonly MemoryRow[];
  readonly running: readonly RunningRow[];
  readonly settings: Settings;
}

export interface AdminMethods {
  "model.install": { params: { url: string }; result: null };
  /** A file that the page has: it hands it over (protocol/file-channel.ts) when it is asked for `key`. */
  "model.installFile": { params: { key: string }; result: null };
  /** Goes on with a download that was stopped or failed. */
  "model.resume": { params: { id: string }; result: null };
  "model.cancel": { params: { id: string }; result: null };
  "model.remove": { params: { id: string }; result: null };
  "model.setDefault": { params: { id: string }; result: null };
  "settings.set": { params: Partial<Pick<Settings, "allowOwnPrograms" | "device">>; result: null };
  "site.set": { params: { origin: string; topOrigin: string; decision: Decision }; result: null };
  /** Whether the site gets LanguageModel where the browser has none of its own. */
  "site.languageModel": { params: { origin: string; on: boolean }; result: null };
  /** Whether the site gets the task interfaces where the browser has none, from the next page on. */
  "site.tasks": { params: { origin: string; on: boolean }; result: null };
  /** Whether the site may keep a memory. */
  "site.memory": { params: { origin: string; on: boolean }; result: null };
  /** Takes the permission back, and deletes what the site keeps. */
  "site.revoke": { params: { origin: string; topOrigin: string }; result: null };
  /** A call of the contract (MemoryCall) on the memory of a site; null: of the side panel. */
  memory: { params: { site: MemoryRow["site"]; call: MemoryCall }; result: unknown };
  /** Stops the requests of one site; null: of the side panel; no origin: all. */
  stop: { params: { origin?: string | null }; result: null };
  generate: { params: { messages: readonly Message[] }; result: Usage };
  abort: { params: { id: number }; result: null };
}

export type AdminMethod = keyof AdminMethods;
export interface AdminRequest<M extends AdminMethod = AdminMethod> {
  readonly id: number;
  readonly method: M;
  readonly params: AdminMethods[M]["params"];
}
export type AdminAnswer =
  | { readonly snapshot: Snapshot }
  | { readonly id: number; readonly text: string }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError };
