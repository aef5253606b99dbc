/**
 * The one owner of what crosses between an engine client (api/) and the engine worker (worker/).
 *
 * The client posts Request messages; the worker answers each id with any number of Event messages and exactly
 * one Response. `abort` has no answer of its own: the aborted request answers.
 */
import type {
  AdapterInfo,
  ChatCompletion,
  ChatCompletionChunk,
  DecideOptions,
  Decision,
  DeviceInfo,
  DeviceKind,
  Embeddings,
  EngineGenerateOptions,
  InstalledModel,
  MemoryProgress,
  Message,
  ModelInfo,
  ModelSource,
  ModelTask,
  Progress,
  Question,
  SessionOptions,
  SessionPromptOptions,
  StoredMemory,
  ToolCall,
  Usage,
} from "../api/types";
import type { Format } from "../constraint/format";
import type { PlainEngineGenerateOptions } from "../contract/generate";
import type { MemoryMethod, MemoryResults } from "../contract/memory";
import type { WireError } from "../internal/errors";

type Plain<T> = Omit<T, "signal" | "responseFormat"> & { readonly responseFormat?: Format };

/** What a session is now; `device`: where the model is. */
export interface SessionState {
  readonly contextUsage: number;
  readonly contextWindow: number;
  readonly device: DeviceInfo;
}

/** `overflow`: old messages had to go. */
export type SessionEvent = { readonly text: string } | { readonly toolCall: ToolCall } | { readonly overflow: true };

/** `call`: as contract/memory.ts has it. `model`: what makes vectors, for calls that need them. */
export interface MemoryParams {
  readonly name: string;
  readonly model: ModelSource | null;
  readonly limits: Readonly<Record<string, number>>;
  readonly call: unknown;
}

export interface Methods {
  install: {
    params: { source: string | File | readonly File[]; quantization: string | null; hub: string | null };
    event: Progress;
    result: ModelInfo;
  };
  installed: { params: Record<string, never>; event: never; result: InstalledModel[] };
  remove: { params: { id: string }; event: never; result: null };
  load: {
    params: { source: ModelSource; device: DeviceKind | "auto"; threads: number | null; ownPrograms: boolean };
    event: Progress;
    result: { info: ModelInfo; task: ModelTask; device: DeviceInfo; loadMs: number };
  };
  unload: { params: Record<string, never>; event: never; result: null };
  tokenize: { params: { text: string }; event: never; result: number[] };
  generate: {
    params: { prompt: string | readonly Message[]; options: PlainEngineGenerateOptions };
    event: { text: string };
    /** `device`: where the model is now, which an answer may have changed. */
    result: { usage: Usage; device: DeviceInfo };
  };
  /** The request is OpenAI's, and checked by chat/; the events are its chunks, where it says `stream`. */
  chat: {
    params: { request: unknown; partition?: string };
    event: ChatCompletionChunk;
    result: { completion: ChatCompletion; device: DeviceInfo };
  };
  embed: {
    params: { input: string | readonly string[] };
    event: never;
    result: Embeddings & { readonly device: DeviceInfo };
  };
  createSession: {
    params: { initialPrompts: readonly Message[]; options: Plain<Omit<SessionOptions, "initialPrompts">> };
    event: never;
    result: SessionState & { readonly session: number };
  };
  promptSession: {
    params: {
      session: number;
      input: string | readonly Message[];
      options: Plain<SessionPromptOptions>;
    };
    event: SessionEvent;
    result: SessionState & { readonly usage: Usage };
  };
  appendSession: {
    params: { session: number; input: string | readonly Message[] };
    event: SessionEvent;
    result: SessionState;
  };
  measureSession: {
    params: {
      session: number;
      input: string | readonly Message[];
      options: Plain<SessionPromptOptions>;
    };
    event: never;
    result: number;
  };
  cloneSession: {
    params: { session: number };
    event: never;
    result: SessionState & { readonly session: number };
  };
  destroySession: { params: { session: number }; event: never; result: null };
  decide: {
    params: { input: string; questions: readonly Question[]; options: Omit<DecideOptions, "signal"> };
    event: never;
    result: { readonly decisions: Readonly<Record<string, Decision>>; readonly device: DeviceInfo };
  };
  memory: { params: MemoryParams; event: MemoryProgress; result: MemoryResults[MemoryMethod] };
  memories: { params: Record<string, never>; event: never; result: StoredMemory[] };
  loadAdapter: { params: { source: ModelSource; name: string | null }; event: Progress; result: AdapterInfo };
  unloadAdapter: { params: { name: string }; event: never; result: null };
  logits: {
    params: { tokenIds: readonly number[]; firstPosition: number; adapter?: EngineGenerateOptions["adapter"] | null };
    event: never;
    result: Float32Array;
  };
  measureBandwidth: { params: Record<string, never>; event: never; result: { gbPerS: number } };
}

export type Method = keyof Methods;
export type Request = {
  [M in Method]: { readonly id: number; readonly method: M; readonly params: Methods[M]["params"] };
}[Method];
export interface Abort {
  readonly id: number;
  readonly method: "abort";
}
export interface EventMessage<M extends Method = Method> {
  readonly id: number;
  readonly event: Methods[M]["event"];
}
export type Response<M extends Method = Method> =
  | { readonly id: number; readonly result: Methods[M]["result"] }
  | { readonly id: number; readonly error: WireError };
export type ToWorker = Request | Abort;
export type FromWorker = EventMessage | Response;
