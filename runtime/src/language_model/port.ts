/** What the page's side of LanguageModel needs of whoever has the model: the bundled runtime, the extension, or a test. */
import type { Methods } from "../worker/protocol";

export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

export type SessionMethod =
  | "createSession"
  | "promptSession"
  | "appendSession"
  | "measureSession"
  | "cloneSession"
  | "destroySession";

export interface CallHooks<M extends SessionMethod> {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Methods[M]["event"]) => void;
}

/** Whatever a port rejects with has a `code` of the runtime's list, and `detail` where that has any. */
export interface LanguageModelPort {
  /** Never asks the person. */
  availability(): Promise<Availability>;
  /**
   * Has a model ready: asks the person, downloads, loads. `onProgress` gets the fraction that is downloaded.
   * Rejects with not_allowed, model_not_found, network...
   */
  prepare(hooks: { readonly signal: AbortSignal; readonly onProgress: (fraction: number) => void }): Promise<void>;
  call<M extends SessionMethod>(
    method: M,
    params: Methods[M]["params"],
    hooks?: CallHooks<M>,
  ): Promise<Methods[M]["result"]>;
}

/** What only the page's own document knows. */
export interface PageFacts {
  fullyActive(): boolean;
  /** The permissions policy `language-model`. */
  policyAllows(): boolean;
  /** Languages that the model is said to know, as BCP 47 tags; null: any. */
  readonly languages: readonly string[] | null;
}
