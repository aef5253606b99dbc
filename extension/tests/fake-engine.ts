/** An Engine for unit tests: installs and loads at once, and generates "w0 w1 ..." a word per turn until it is stopped. */
import {
  type Chat,
  type ChatCompletion,
  type ChatCompletionChunk,
  type ChatOptions,
  type ChatRequest,
  type Engine,
  type EngineGenerateOptions,
  type Generation,
  type InstalledModel,
  LlmError,
  type LoadOptions,
  type Model,
  type ModelInfo,
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

export class FakeEngine implements Engine {
  readonly models = new Map<string, InstalledModel>();
  readonly requests: { prompt: unknown; options: EngineGenerateOptions; model: string }[] = [];
  readonly chats: { request: ChatRequest; options: ChatOptions; model: string }[] = [];
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

  withModel(id: string): this {
    this.models.set(id, { ...modelInfo(id), state: "ready" });
    return this;
  }

  async install(url: string, options: { signal?: AbortSignal } = {}): Promise<ModelInfo> {
    const id = url.split("/").at(-2)!;
    this.models.set(id, { ...modelInfo(id), state: "downloading" });
    await this.download;
    this.#failIfAsked();
    if (options.signal?.aborted) throw new LlmError("aborted", "stopped");
    this.withModel(id);
    return modelInfo(id);
  }

  async installed(): Promise<InstalledModel[]> {
    return [...this.models.values()];
  }

  async remove(id: string): Promise<void> {
    this.models.delete(id);
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
      embed: async () => ({ embeddings: [], usage: { promptTokens: 0 } }),
      logits: async () => new Float32Array(),
      loadAdapter: async () => ({ name: "adapter", nbytes: 1 }),
      unloadAdapter: async () => undefined,
      measureBandwidth: async () => ({ gbPerS: 1 }),
      unload: async () => void this.unloads++,
    };
  }

  async close(): Promise<void> {}

  #failIfAsked(): void {
    const error = this.failNext;
    this.failNext = null;
    if (error) throw error;
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
