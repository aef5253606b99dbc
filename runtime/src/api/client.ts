/** The Engine and Model of types.ts over a Connection: this file only translates. */
import { LlmError } from "../internal/errors";
import type { Methods } from "../worker/protocol";
import { chatOver } from "./chat";
import type { Connection } from "./connection";
import { StartedGeneration } from "./generation";
import { plainOptions } from "./plain_options";
import type {
  AdapterInfo,
  Chat,
  DecideOptions,
  Decision,
  Embeddings,
  Engine,
  EngineGenerateOptions,
  Generation,
  ImportOptions,
  InstalledModel,
  InstallOptions,
  LoadOptions,
  Memory,
  MemoryOptions,
  Message,
  Model,
  ModelInfo,
  ModelSource,
  Question,
  Session,
  SessionOptions,
  StoredMemory,
} from "./types";

const LOAD_OPTIONS: readonly string[] = ["device", "threads", "ownPrograms", "signal", "onProgress"];

export class EngineClient implements Engine {
  /** The model on the device, as far as this client knows: the last one that was loaded through it. */
  private current: ModelClient | null = null;

  constructor(private readonly connection: Connection) {}

  install(source: string | File | readonly File[], options: ImportOptions = {}): Promise<ModelInfo> {
    const { quantization = null, hub = null, signal, onProgress } = options;
    return this.connection.call("install", { source, quantization, hub }, { signal, onEvent: onProgress });
  }

  installed(): Promise<InstalledModel[]> {
    return this.connection.call("installed", {});
  }

  async remove(id: string): Promise<void> {
    await this.connection.call("remove", { id });
  }

  async load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
    for (const key of Object.keys(options))
      if (!LOAD_OPTIONS.includes(key)) throw new LlmError("invalid_request", `load: unknown option ${key}.`);
    const { device = "auto", threads = null, ownPrograms = true, signal, onProgress } = options;
    // The worker unloads the model before; requests on it end there, and its object answers no more here.
    this.current?.retire();
    const params = { source, device, threads, ownPrograms };
    const loaded = await this.connection.call("load", params, { signal, onEvent: onProgress });
    this.current?.retire();
    this.current = new ModelClient(this.connection, loaded);
    return this.current;
  }

  async memory(options: MemoryOptions = {}): Promise<Memory> {
    const { memoryOver } = await import("./memory");
    return memoryOver(this.connection, options);
  }

  memories(): Promise<StoredMemory[]> {
    return this.connection.call("memories", {});
  }

  async close(): Promise<void> {
    this.current?.retire();
    this.connection.close();
  }
}

class ModelClient implements Model {
  readonly info: Model["info"];
  readonly task: Model["task"];
  device: Model["device"];
  readonly loadMs: number;
  readonly chat: Chat;
  private retired = false;

  constructor(
    private readonly connection: Connection,
    loaded: Methods["load"]["result"],
  ) {
    this.info = loaded.info;
    this.task = loaded.task;
    this.device = loaded.device;
    this.loadMs = loaded.loadMs;
    this.chat = chatOver(async (request, { signal, ...rest }, onChunk) => {
      this.requireLoaded();
      const params = { request, ...rest };
      const { completion, device } = await this.connection.call("chat", params, { signal, onEvent: onChunk });
      this.device = device;
      return completion;
    });
  }

  generate(prompt: string | readonly Message[], options: EngineGenerateOptions = {}): Generation {
    const { signal, ...rest } = plainOptions(options);
    const run = async (onText: (piece: string) => void, stop: AbortSignal) => {
      this.requireLoaded();
      const { usage, device } = await this.connection.call(
        "generate",
        { prompt, options: rest },
        { signal: stop, onEvent: ({ text }) => onText(text) },
      );
      this.device = device;
      return usage;
    };
    return new StartedGeneration(run, signal);
  }

  async embed(input: string | readonly string[], { signal }: { signal?: AbortSignal } = {}): Promise<Embeddings> {
    this.requireLoaded();
    const { device, ...embeddings } = await this.connection.call("embed", { input }, { signal });
    this.device = device;
    return embeddings;
  }

  async createSession(given: SessionOptions = {}): Promise<Session> {
    this.requireLoaded();
    const { initialPrompts = [], signal, ...options } = plainOptions(given);
    const created = await this.connection.call("createSession", { initialPrompts, options }, { signal });
    const { SessionClient } = await import("./session");
    return new SessionClient(this.connection, created, (device) => {
      this.device = device;
    });
  }

  async decide(
    input: string,
    questions: readonly Question[],
    { signal, ...options }: DecideOptions = {},
  ): Promise<Readonly<Record<string, Decision>>> {
    this.requireLoaded();
    const { decisions, device } = await this.connection.call("decide", { input, questions, options }, { signal });
    this.device = device;
    return decisions;
  }

  async tokenize(text: string): Promise<number[]> {
    this.requireLoaded();
    return this.connection.call("tokenize", { text });
  }

  async logits(
    tokenIds: readonly number[],
    options: {
      firstPosition?: number;
      adapter?: EngineGenerateOptions["adapter"];
      signal?: AbortSignal;
    } = {},
  ): Promise<Float32Array> {
    this.requireLoaded();
    const { firstPosition = 0, adapter = null, signal } = options;
    return this.connection.call("logits", { tokenIds, firstPosition, adapter }, { signal });
  }

  async loadAdapter(
    source: ModelSource,
    options: InstallOptions & { readonly name?: string } = {},
  ): Promise<AdapterInfo> {
    this.requireLoaded();
    const { name = null, signal, onProgress } = options;
    return this.connection.call("loadAdapter", { source, name }, { signal, onEvent: onProgress });
  }

  async unloadAdapter(name: string): Promise<void> {
    this.requireLoaded();
    await this.connection.call("unloadAdapter", { name });
  }

  async measureBandwidth({ signal }: { signal?: AbortSignal } = {}): Promise<{ gbPerS: number }> {
    this.requireLoaded();
    return this.connection.call("measureBandwidth", {}, { signal });
  }

  async unload(): Promise<void> {
    if (this.retired) return;
    this.retired = true;
    await this.connection.call("unload", {});
  }

  /** Another model took the device. */
  retire(): void {
    this.retired = true;
  }

  private requireLoaded(): void {
    if (this.retired) throw new LlmError("invalid_request", "This model was unloaded. Load it again.");
  }
}
