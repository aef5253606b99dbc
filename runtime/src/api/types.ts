/** The public types of the runtime: what a page, the extension and the playground program against. */
import type { Format } from "../constraint/format";
import type { ChatRequest, Tool } from "../contract/chat";
import type { ChatCompletion, ChatCompletionChunk, TokenLogprob } from "../contract/chat_answer";
import type { PlainEngineGenerateOptions, PlainGenerateOptions, ResponseFormat } from "../contract/generate";
import type {
  Forgotten,
  FoundRecord,
  MemoryExport,
  MemoryFilter,
  MemoryInfo,
  MemoryInput,
  MemoryListOptions,
  MemoryRecord,
  MemorySearchOptions,
} from "../contract/memory";
import type { Message, ToolCall } from "../contract/messages";
import type { PlainDecideOptions, Question, SamplingMode } from "../contract/sessions";

export type { Format } from "../constraint/format";
export type { ChatRequest, Tool, ToolChoice } from "../contract/chat";
export type {
  ChatCompletion,
  ChatCompletionChunk,
  CompletionUsage,
  TokenLogprob,
  TopLogprob,
} from "../contract/chat_answer";
export type { AdapterUse, ResponseFormat } from "../contract/generate";
export type {
  Forgotten,
  FoundRecord,
  MemoryExport,
  MemoryFilter,
  MemoryInfo,
  MemoryInput,
  MemoryItem,
  MemoryListOptions,
  MemoryRecord,
  MemorySearchOptions,
} from "../contract/memory";
export type { Message, Role, ToolCall } from "../contract/messages";
export type { Question, SamplingMode } from "../contract/sessions";

/** What only the caller's side knows of a request. */
interface OnThisSide<F> {
  readonly signal?: AbortSignal;
  /** The form that the answer must have (docs/constraints.md). A RegExp is its source and flags. */
  readonly responseFormat?: F | RegExp;
}

/** Sampling and length. Unknown keys are rejected with `invalid_request`; omitted is not null. */
export interface GenerateOptions extends Omit<PlainGenerateOptions, "responseFormat">, OnThisSide<ResponseFormat> {}

/** What only trusted callers (extension, command line, tests) may set beside GenerateOptions. */
export interface EngineGenerateOptions extends Omit<PlainEngineGenerateOptions, "responseFormat">, OnThisSide<Format> {}

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
  /** Where they were asked for: of each token of the text, in its order. */
  readonly logprobs?: readonly TokenLogprob[];
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
  /** With the first report of an import, before any weight is read: what is made of the checkpoint. */
  readonly model?: ModelInfo | undefined;
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

/**
 * Where a model is: installed in OPFS by id, or a URL: of a package, which ends in "/" and has nomoat.json below it, or
 * of a GGUF file.
 */
export type ModelSource = { readonly id: string } | { readonly url: string };

export interface InstallOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

export interface ImportOptions extends InstallOptions {
  /** Of a checkpoint whose weights are floats: "q4", "q8", "f16" or "f32". Default: what the file has, else "q4". */
  readonly quantization?: string;
  /** Base URL of the model hub that `owner/name:file.gguf` is on. */
  readonly hub?: string;
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

/** A session's options: those of `generate` for each of its prompts, and how adventurous its answers are. */
export interface SessionOptions extends Omit<EngineGenerateOptions, "system" | "raw"> {
  /** Messages that the session begins with and never loses; a system message may be the first of them. */
  readonly initialPrompts?: readonly Message[];
  /** Functions that the model may call, where its template knows tools. */
  readonly tools?: readonly Tool[];
  /** A name instead of a temperature; "balanced" is what the model's author recommends. Default "balanced". */
  readonly samplingMode?: SamplingMode;
}

export interface SessionPromptOptions extends Omit<EngineGenerateOptions, "system" | "raw" | "partition" | "adapter"> {
  /**
   * Whether the answer begins with the last message, which is the assistant's then; the text has only what is added to
   * it. Default: where the last message is the assistant's.
   */
  readonly prefix?: boolean;
  /** Whether the model is told of the format, in the last message of the user. Default false. */
  readonly describeFormat?: boolean;
}

/**
 * A conversation that remembers. Its prompts run one after another, in the order in which they were made. One that is
 * aborted leaves the history as it was. When the context is full the oldest prompts and their answers are forgotten;
 * an input that is too long by itself is a `context_overflow`, with `requested` and `limit`, and changes nothing.
 */
export interface Session {
  /** Tokens of all messages, as the chat template writes them, as of the last answer. */
  readonly contextUsage: number;
  readonly contextWindow: number;
  /** Called when old messages had to go. */
  oncontextoverflow: (() => void) | null;
  /** Called with each call of a tool that an answer has; answer them with messages of the role tool. */
  ontoolcall: ((call: ToolCall) => void) | null;
  /** A string is one message of the user. */
  prompt(input: string | readonly Message[], options?: SessionPromptOptions): Generation;
  /** The same as a stream of pieces. */
  promptStreaming(input: string | readonly Message[], options?: SessionPromptOptions): ReadableStream<string>;
  /** Adds messages that are not answered yet. */
  append(input: string | readonly Message[], options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Tokens that a prompt would add to the context, those of the template included. */
  measure(input: string | readonly Message[], options?: SessionPromptOptions): Promise<number>;
  /** A session that goes on from here by itself. What both have in common is in memory once. */
  clone(options?: { readonly signal?: AbortSignal }): Promise<Session>;
  /** Ends it and what it is at. */
  destroy(): void;
}

export interface Decision {
  /** The likeliest option; of a boolean "true" or "false". */
  readonly label: string;
  /** Its probability. */
  readonly confidence: number;
  /** By option; they add up to 1. */
  readonly probabilities: Readonly<Record<string, number>>;
  /** Of a score the sum of each option times its probability; null for the others. */
  readonly expectedScore: number | null;
}

export interface DecideOptions extends PlainDecideOptions {
  readonly signal?: AbortSignal;
}

export interface Model {
  readonly info: ModelInfo;
  readonly task: ModelTask;
  /** As of the last answer: "auto" goes on on another device when the GPU is lost. */
  readonly device: DeviceInfo;
  readonly loadMs: number;
  generate(prompt: string | readonly Message[], options?: EngineGenerateOptions): Generation;
  /** OpenAI's shapes. */
  readonly chat: Chat;
  /**
   * Vectors of texts, one or at most 10,000. A text longer than contextLength tokens is cut at its end where the model's
   * sentence-transformers files say so, and is a `context_overflow` otherwise.
   */
  embed(input: string | readonly string[], options?: { readonly signal?: AbortSignal }): Promise<Embeddings>;
  /** A conversation. Errors: context_overflow, where initialPrompts have more tokens than the context. */
  createSession(options?: SessionOptions): Promise<Session>;
  /**
   * Answers questions about one input by the probabilities of the given options, without writing: the input is computed
   * once. By the questions' ids.
   */
  decide(
    input: string,
    questions: readonly Question[],
    options?: DecideOptions,
  ): Promise<Readonly<Record<string, Decision>>>;
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

/** What a request cannot say itself. `partition`: as EngineGenerateOptions has it. */
export interface ChatOptions {
  readonly signal?: AbortSignal;
  readonly partition?: string;
}

/** Awaited: itself, when the first chunk has come, so that what is refused rejects there. Leaving the loop aborts. */
export interface ChatStream extends AsyncIterable<ChatCompletionChunk> {}

export interface Chat {
  readonly completions: {
    create(request: ChatRequest & { readonly stream: true }, options?: ChatOptions): Promise<ChatStream> & ChatStream;
    create(request: ChatRequest & { readonly stream?: false | null }, options?: ChatOptions): Promise<ChatCompletion>;
    create(request: ChatRequest, options?: ChatOptions): Promise<ChatCompletion> | (Promise<ChatStream> & ChatStream);
  };
}

/** embed: texts that have their vectors; the others are of the model's download and load. */
export type MemoryProgress = Omit<Progress, "phase"> & { readonly phase: Progress["phase"] | "embed" };

type Abortable = { readonly signal?: AbortSignal };

/** Texts that are kept in this origin's storage and found by what they mean (docs/memory.md). */
export interface Memory {
  /** Keeps texts, all or none of them, and gives their ids. Also records of an `export`, which get new ids. */
  add(input: MemoryInput, options?: Abortable): Promise<readonly number[]>;
  /** The records that are nearest to a text, the best first. */
  search(query: string, options?: MemorySearchOptions & Abortable): Promise<readonly FoundRecord[]>;
  /** Deletes records, with their bytes in storage; how many there were. */
  forget(what: Forgotten, options?: Abortable): Promise<number>;
  /** Records by id. */
  list(options?: MemoryListOptions & Abortable): Promise<readonly MemoryRecord[]>;
  export(options?: MemoryFilter & Abortable): Promise<MemoryExport>;
  info(options?: Abortable): Promise<MemoryInfo>;
  /** Makes all vectors anew, with this memory's model, from the stored texts; how many. */
  reembed(options?: Abortable): Promise<number>;
}

export interface MemoryOptions {
  /** One that embeds. Only add, search and reembed need it; it is loaded beside the model that answers, on the CPU. */
  readonly model?: ModelSource;
  /** Default "default". */
  readonly name?: string;
  /** Lower limits than the runtime's own: records, bytes of all and of one. */
  readonly limits?: { readonly records?: number; readonly nbytes?: number; readonly recordBytes?: number };
  readonly onProgress?: (progress: MemoryProgress) => void;
}

export interface StoredMemory {
  readonly name: string;
  /** Bytes in storage. */
  readonly nbytes: number;
  /** It cannot be read, and `name` is that of its folder; `forget({all: true})` deletes it by that, too. */
  readonly damaged?: true;
}

export interface Engine {
  /**
   * Downloads a package into OPFS, resuming what an interruption left; or makes one of a GGUF file, given by its URL, as
   * `owner/name:file.gguf` of a hub, or as a file that a person chose. Of a split file: any part's address, or all files.
   * What is not supported is refused before any weight is read.
   */
  install(source: string | File | readonly File[], options?: ImportOptions): Promise<ModelInfo>;
  installed(): Promise<InstalledModel[]>;
  remove(id: string): Promise<void>;
  /** Loads to the device. A URL source is installed first where OPFS exists, else streamed. One model is loaded at a time: another one unloads it. */
  load(source: ModelSource, options?: LoadOptions): Promise<Model>;
  /** A memory of this origin, which is there from its first record on. */
  memory(options?: MemoryOptions): Promise<Memory>;
  /** The memories of this origin. */
  memories(): Promise<StoredMemory[]>;
  close(): Promise<void>;
}
