/** What tasks need of others: a LanguageModel, and for some of them decisions and embeddings. */
import type { Decision, Question } from "../../api/types";
import type { Availability } from "../port";

export interface Session {
  readonly contextWindow: number;
  prompt(input: string, options: object): Promise<unknown>;
  promptStreaming(input: string, options: object): ReadableStream<unknown>;
  measureContextUsage(input: string, options: object): Promise<number>;
  clone(options: object): Promise<Session>;
  destroy(): void;
}

/** LanguageModel, ours or the browser's. */
export interface LanguageModelClass {
  create(options: object): Promise<Session>;
  availability(options: object): Promise<string>;
}

/** What it rejects with has a `code` of the runtime's list. */
export interface TaskPort {
  decide?(
    input: string,
    questions: readonly Question[],
    options: { readonly signal: AbortSignal },
  ): Promise<Readonly<Record<string, Decision>>>;
  readonly embedder?: {
    /** `model`: its id or name; null: the one that there is. */
    availability(model: string | null): Promise<Availability>;
    embed(
      texts: readonly string[],
      options: { readonly model: string | null; readonly signal: AbortSignal },
    ): Promise<readonly Float32Array[]>;
  };
}
