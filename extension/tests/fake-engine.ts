/** An Engine for unit tests: installs and loads at once, and generates "w0 w1 ..." a word per turn until it is stopped. */
import {
  type Chat,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChatOptions,
  type ChatRequest,
  type DecideOptions,
  type Engine,
  type EngineGenerateOptions,
  type Generation,
  type InstalledModel,
  type InstallOptions,
  LlmError,
  type LoadOptions,
  type Memory,
  type MemoryOptions,
  type Model,
  type ModelInfo,
  type Session,
  type SessionOptions,
  type StoredMemory,
  type Usage,
} from "@nomoat/runtime";

export function modelInfo(id: string): ModelInfo {
  return {
    id,
    name: id,
    architecture: "LlamaForCausalLM",
    quantization: "q4",
    contextLength: 128,
    parameterCount: 1,
    license: null,
    nbytes: 1,
  };
}

export interface FakeSession {
  readonly options: SessionOptions;
  destroyed: boolean;
}

export class FakeEngine implements Engine {
  readonly models = new Map<string, InstalledModel>();
  readonly requests: { prompt: unknown; options: EngineGenerateOptions; model: string }[] = [];
  readonly chats: { request: ChatRequest; options: ChatOptions; model: string }[] = [];
  readonly sessions: FakeSession[] = [];
  readonly decisions: (DecideOptions | undefined)[] = [];
  readonly installs: (string | File)[] = [];
  readonly removed: string[] = [];
  readonly loads: string[] = [];
  /** What was asked for, by load. */
  readonly devices: LoadOptions["device"][] = [];
  readonly ownPrograms: LoadOptions["ownPrograms"][] = [];
  unloads = 0;
  /** Generations that are computing now. */
  computing = 0;
  failNext: LlmError | null = null;
  /** Waits before a download ends. */
  download: Promise<void> = Promise.resolve();
  onDownload: InstallOptions["onProgress"] | null = null;

  withModel(id: string): this {
    this.models.set(id, { ...modelInfo(id), state: "ready" });
    return this;
  }

  async install(source: string | File, options: InstallOptions = {}): Promise<ModelInfo> {
    this.onDownload = options.onProgress ?? null;
    this.installs.push(source);
    if (source instanceof File || source.endsWith(".gguf")) return this.#import(source, options);
    const id = source.split("/").at(-2)!;
    this.models.set(id, { ...modelInfo(id), state: "downloading" });
    await this.download;
    this.#failIfAsked();
    if (options.signal?.aborted) throw new LlmError("aborted", "stopped");
    this.withModel(id);
    return modelInfo(id);
  }

  /** As the engine does: the model is said before the weights, and what is not complete is not listed. */
  async #import(source: string | File, options: InstallOptions): Promise<ModelInfo> {
    this.#failIfAsked();
    const id = (source instanceof File ? source.name : source.split("/").at(-1)!).replace(/\.gguf$/, "-imported");
    const model = { ...modelInfo(id), license: "apache-2.0" };
    options.onProgress?.({ phase: "download", loaded: 0, total: 8, model });
    const stopped = new Promise<void>((done) => options.signal?.addEventListener("abort", () => done()));
    if (!options.signal?.aborted) await Promise.race([this.download, stopped]);
    if (options.signal?.aborted) throw new LlmError("aborted", "stopped");
    this.models.set(id, { ...model, state: "ready" });
    return model;
  }

  async installed(): Promise<InstalledModel[]> {
    return [...this.models.values()];
  }

  async remove(id: string): Promise<void> {
    this.models.delete(id);
    this.removed.push(id);
  }

  async load(source: { id: string } | { url: string }, options: LoadOptions = {}): Promise<Model> {
    const id = "id" in source ? source.id : source.url;
    this.loads.push(id);
    this.devices.push(options.device);
    this.ownPrograms.push(options.ownPrograms);
    this.#failIfAsked();
    return {
      info: modelInfo(id),
      task: "generate",
      device: {
        device: "webgpu",
        adapter: "fake",
        software: true,
        threads: null,
        weightBytesPerToken: 1,
        doubts: null,
      },
      loadMs: 0,
      chat: this.#chat(id),
      generate: (prompt, options = {}) => this.#generate(id, prompt, options),
      tokenize: async () => [],
      embed: async (input) => ({
        embeddings: [input].flat().map((text) => new Float32Array([text.length, 0.5])),
        usage: { promptTokens: 0 },
      }),
      logits: async () => new Float32Array(),
      createSession: async (options = {}) => this.#session(id, options),
      decide: async (_input, questions, options) => {
        this.decisions.push(options);
        const decision = { label: "true", confidence: 1, probabilities: { true: 1, false: 0 }, expectedScore: null };
        return Object.fromEntries(questions.map((question) => [question.id, decision]));
      },
      loadAdapter: async () => ({ name: "adapter", nbytes: 1 }),
      unloadAdapter: async () => undefined,
      measureBandwidth: async () => ({ gbPerS: 1 }),
      unload: async () => void this.unloads++,
    };
  }

  /** Texts by the memory's name. Searching gives all of them. */
  readonly kept = new Map<string, string[]>();
  /** Names in storage of memories that cannot be read. */
  readonly damaged = new Set<string>();
  readonly memoryOptions: MemoryOptions[] = [];

  async memory(options: MemoryOptions = {}): Promise<Memory> {
    this.memoryOptions.push(options);
    const { name = "default", model } = options;
    const texts = () => this.kept.get(name) ?? [];
    const records = () => texts().map((text, i) => ({ id: i + 1, text, tags: [], createdMs: 0 }));
    return {
      add: async (input, { signal } = {}) => {
        signal?.throwIfAborted();
        this.#failIfAsked();
        const added = [input].flat().map((item) => (typeof item === "string" ? item : (item as { text: string }).text));
        this.kept.set(name, [...texts(), ...added]);
        return added.map((_, i) => i + 1);
      },
      search: async () => records().map((record) => ({ ...record, score: 1 })),
      forget: async () => {
        const { length } = texts();
        this.kept.delete(name);
        this.damaged.delete(name);
        return length;
      },
      list: async () => records(),
      export: async () => ({ format: "nomoat-memory", version: 1, model: null, records: records() }),
      info: async () => ({
        count: texts().length,
        nbytes: 1,
        model: texts().length > 0 ? "encoder" : null,
        dimensions: null,
        damaged: 0,
      }),
      reembed: async () => (model ? texts().length : 0),
    };
  }

  async memories(): Promise<StoredMemory[]> {
    const read = [...this.kept].map(([name, texts]) => ({ name, nbytes: texts.length }));
    return [...read, ...[...this.damaged].map((name) => ({ name, nbytes: 1, damaged: true }) as const)];
  }

  async close(): Promise<void> {}

  #failIfAsked(): void {
    const error = this.failNext;
    this.failNext = null;
    if (error) throw error;
  }

  /** Each prompt and its answer are a token; a prompt "overflow" is one too many, and "tool" is answered by a call. */
  #session(model: string, options: SessionOptions): Session {
    const fake: FakeSession = { options, destroyed: false };
    this.sessions.push(fake);
    this.#failIfAsked();
    const tell = (input: unknown): void => {
      if (input === "overflow") session.oncontextoverflow?.();
      if (input === "tool")
        session.ontoolcall?.({ id: "c", type: "function", function: { name: "f", arguments: "{}" } });
    };
    let contextUsage = options.initialPrompts?.length ?? 0;
    const session: Session = {
      get contextUsage() {
        return contextUsage;
      },
      contextWindow: 128,
      oncontextoverflow: null,
      ontoolcall: null,
      prompt: (input, given = {}) => {
        if (fake.destroyed) throw new LlmError("aborted", "destroyed");
        tell(input);
        contextUsage += 2;
        return this.#generate(model, input, { maxTokens: 2, ...given } as EngineGenerateOptions);
      },
      promptStreaming: () => new ReadableStream(),
      append: async (input) => {
        tell(input);
        contextUsage += 1;
      },
      measure: async () => 7,
      clone: async () => this.#session(model, options),
      destroy: () => {
        fake.destroyed = true;
      },
    };
    return session;
  }

  /** Answers "w0 w1 ...", a word a chunk, as #generate does. */
  #chat(model: string): Chat {
    const create = (request: ChatRequest, options: ChatOptions = {}) => {
      this.chats.push({ request, options, model });
      const maxTokens = request.max_completion_tokens ?? request.max_tokens ?? 1;
      const generation = this.#generate(model, request.messages, { ...options, maxTokens });
      const chunks = async function* () {
        for await (const content of generation)
          yield { choices: [{ index: 0, delta: { content }, finish_reason: null }] } as unknown as ChatCompletionChunk;
      };
      const whole = async () => {
        let content = "";
        for await (const piece of generation) content += piece;
        return { choices: [{ index: 0, message: { content } }] } as unknown as ChatCompletion;
      };
      return request.stream
        ? Object.assign(Promise.resolve({ [Symbol.asyncIterator]: chunks }), { [Symbol.asyncIterator]: chunks })
        : whole();
    };
    return { completions: { create: create as Chat["completions"]["create"] } };
  }

  #generate(model: string, prompt: unknown, options: EngineGenerateOptions): Generation {
    this.requests.push({ prompt, options, model });
    let end!: (usage: Usage) => void;
    let fail!: (error: unknown) => void;
    const usage = new Promise<Usage>((resolve, reject) => {
      end = resolve;
      fail = reject;
    });
    usage.catch(() => {});
    const run = async function* (this: FakeEngine): AsyncGenerator<string> {
      this.computing++;
      try {
        this.#failIfAsked();
        for (let i = 0; i < (options.maxTokens ?? 1); i++) {
          await new Promise((turn) => setTimeout(turn));
          if (options.signal?.aborted) throw new LlmError("aborted", "stopped");
          yield `w${i} `;
        }
        end({ completionTokens: options.maxTokens ?? 1, finishReason: "length" } as Usage);
      } catch (error) {
        fail(error);
        throw error;
      } finally {
        this.computing--;
      }
    };
    const iterate = run.bind(this);
    return { usage, [Symbol.asyncIterator]: iterate } as unknown as Generation;
  }
}
