/** The public types of the runtime: what a page, the extension and the playground program against. */

export type Role = "system" | "user" | "assistant";

export interface Message {
  readonly role: Role;
  readonly content: string;
}

/** Sampling and length. Unknown keys are rejected with `invalid_request`; omitted is not null. */
export interface GenerateOptions {
  /** System message put before a string prompt or a message list without one. */
  readonly system?: string;
  /** Most tokens to generate; default: what is left of the context. */
  readonly maxTokens?: number;
  /** 0 is greedy. Defaults of temperature, topP, topK and repetitionPenalty: the package's generation_config, else 0.7, 0.95, off, 1. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  /** Generation ends before the first of these appears in the text. At most 16 strings of at most 256 characters. */
  readonly stop?: string | readonly string[];
  /** Same seed, prompt, options and program: same text. An unsigned 32-bit integer; default: random. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
}

/** What only trusted callers (extension, command line, tests) may set beside GenerateOptions. */
export interface EngineGenerateOptions extends GenerateOptions {
  /** true: the prompt string is tokenized as it is, without chat template (special tokens are recognised). */
  readonly raw?: boolean;
  /** KV prefixes are only reused between requests of the same partition. Default "". */
  readonly partition?: string;
  /** Adapters of `loadAdapter` that run along: one by name, or several whose changes are added, each times its weight. */
  readonly adapter?: string | readonly AdapterUse[];
}

/** One adapter of a request. `weight`: 1 by default. */
export interface AdapterUse {
  readonly name: string;
  readonly weight?: number;
}

/** An adapter that was loaded beside a model. */
export interface AdapterInfo {
  readonly name: string;
  /** Bytes of it that are kept. */
  readonly nbytes: number;
}

export type FinishReason = "stop" | "length" | "aborted";

export type DeviceKind = "webgpu" | "wasm";

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Prompt tokens whose KV was reused. */
  readonly cachedTokens: number;
  readonly finishReason: FinishReason;
  readonly promptIds: readonly number[];
  readonly generatedIds: readonly number[];
  readonly ttftMs: number;
  readonly prefillTokPerS: number;
  readonly decodeTokPerS: number;
  /** What the last tokens ran on. */
  readonly device: DeviceKind;
  /** Null on webgpu. */
  readonly threads: number | null;
}

/** Awaited: the whole text. Iterated: pieces as they come. One request either way. Leaving the loop aborts. */
export interface Generation extends PromiseLike<string>, AsyncIterable<string> {
  readonly usage: Promise<Usage>;
}

export interface Progress {
  /** download: bytes into storage; load: weights into the device; compile: pipelines. */
  readonly phase: "download" | "load" | "compile";
  readonly loaded: number;
  readonly total: number;
}

export interface ModelInfo {
  readonly id: string;
  readonly name: string;
  readonly architecture: string;
  readonly quantization: string;
  readonly contextLength: number;
  readonly parameterCount: number;
  readonly license: string | null;
  readonly nbytes: number;
}

export interface InstalledModel extends ModelInfo {
  readonly state: "downloading" | "ready" | "error";
}

export interface DeviceInfo {
  readonly device: DeviceKind;
  /** Human-readable adapter, e.g. "google swiftshader (software)". */
  readonly adapter: string;
  readonly software: boolean;
  /** Null on webgpu. */
  readonly threads: number | null;
  /** Bytes of weights that are read for each generated token. */
  readonly weightBytesPerToken: number;
  /** What is not used although it is there, and why, in words for people; null: nothing. */
  readonly doubts: string | null;
}

/** Where a package is: installed in OPFS by id, or a base URL that ends in "/" and has nomoat.json below it. */
export type ModelSource = { readonly id: string } | { readonly url: string };

export interface InstallOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface LoadOptions extends InstallOptions {
  /**
   * "auto": WebGPU on a GPU, else wasm on the CPU; when the GPU is lost, running requests go on on the CPU. "webgpu"
   * and "wasm": exactly that, or `unsupported_device`. Default "auto".
   */
  readonly device?: DeviceKind | "auto";
  /** Threads of wasm, 1 to 64; WebGPU has none. Default: chosen by measurement. */
  readonly threads?: number;
  /**
   * Whether GPU programs of the package may run. Only models with operators that this version does not know need any;
   * false: those are refused with `not_allowed`. Default true.
   */
  readonly ownPrograms?: boolean;
}

/** What a model is for: "generate" writes text, "embed" gives vectors of texts. The other method rejects. */
export type ModelTask = "generate" | "embed";

export interface Embeddings {
  /** float32 (size of an embedding) of each text, in the order given; of length 1 where the model says so. */
  readonly embeddings: readonly Float32Array[];
  /** promptTokens: of all texts, special tokens included. */
  readonly usage: { readonly promptTokens: number };
}

export interface Model {
  readonly info: ModelInfo;
  readonly task: ModelTask;
  /** As of the last answer: "auto" goes on on another device when the GPU is lost. */
  readonly device: DeviceInfo;
  readonly loadMs: number;
  generate(prompt: string | readonly Message[], options?: EngineGenerateOptions): Generation;
  /**
   * Vectors of texts, one or at most 10,000. A text longer than contextLength tokens is cut at its end where the model's
   * sentence-transformers files say so, and is a `context_overflow` otherwise.
   */
  embed(input: string | readonly string[], options?: { readonly signal?: AbortSignal }): Promise<Embeddings>;
  /** Token ids of `text` as the tokenizer gives them, no template. */
  tokenize(text: string): Promise<number[]>;
  /** Teacher-forced logits, for verification: token_ids (T) → float32 (T - firstPosition, vocab_size), row t after token firstPosition + t. */
  logits(
    tokenIds: readonly number[],
    options?: {
      readonly firstPosition?: number;
      readonly adapter?: EngineGenerateOptions["adapter"];
      readonly signal?: AbortSignal;
    },
  ): Promise<Float32Array>;
  /** Streaming reads of the weights' memory, in 1e9 bytes per second, measured now on the device with its current threads. */
  /**
   * Loads an adapter that was compiled for this model; requests name it as `adapter`. `name`: by default the package's id.
   * One that has the name already is replaced.
   */
  loadAdapter(source: ModelSource, options?: InstallOptions & { readonly name?: string }): Promise<AdapterInfo>;
  /** Requests that run with it end as they would. */
  unloadAdapter(name: string): Promise<void>;
  measureBandwidth(options?: { readonly signal?: AbortSignal }): Promise<{ gbPerS: number }>;
  unload(): Promise<void>;
}

export interface Engine {
  /** Downloads a package into OPFS, resuming what an interruption left. */
  install(url: string, options?: InstallOptions): Promise<ModelInfo>;
  installed(): Promise<InstalledModel[]>;
  remove(id: string): Promise<void>;
  /** Loads to the device. A URL source is installed first where OPFS exists, else streamed. One model is loaded at a time: another one unloads it. */
  load(source: ModelSource, options?: LoadOptions): Promise<Model>;
  close(): Promise<void>;
}
