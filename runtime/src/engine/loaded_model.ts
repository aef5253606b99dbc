/**
 * One loaded model: its package, its program, its tokenizer, and what of it is on the device.
 *
 * Owns the package source and the session until `unload`. When the GPU is lost under a model whose device was not
 * named, running requests move to the CPU: the KV cache is rebuilt there from tokens, which the host always has, and
 * their text goes on where it was. Otherwise they end with a typed error. A request that finds the model on no device
 * opens one, loads the weights from storage again and runs its prompt from the start.
 */
import type { DeviceInfo, DeviceKind, EngineGenerateOptions, Message, ModelInfo, Progress, Usage } from "../api/types";
import type { Executor } from "../device/executor";
import type { Devices } from "../device/open";
import type { Program } from "../device/program";
import { parseProgram } from "../device/program_reader";
import { LlmError } from "../internal/errors";
import type { Manifest, PackageSource } from "../storage/index";
import { createTextModel, type TextModel } from "../text/index";
import { devicesToTry, isOfDevice } from "./device_choice";
import { GenerateTask } from "./generate";
import { LogitsTask } from "./logits";
import { contextOverflow, readOptions, readPrompt, readTokenIds, toMessages } from "./options";
import { resolveSampling } from "./sampling";
import { Scheduler } from "./scheduler";
import { Session, type SessionTask } from "./session";
import { TextOutput } from "./text_output";

const MAX_LOGITS_BYTES = 2 ** 30;
/** Tokens that the KV cache has room for at first. */
const FIRST_TOKENS = 256;

interface Running {
  readonly executor: Executor;
  readonly session: Session;
  readonly scheduler: Scheduler<SessionTask>;
}

export interface LoadHooks {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
}

/** Of the device; checked by whoever reads them from a message. */
export interface DeviceSettings {
  readonly device: DeviceKind | "auto";
  /** Null: chosen by measurement. */
  readonly threads: number | null;
}
export type LoadSettings = LoadHooks & DeviceSettings;

export class LoadedModel {
  private opening: Promise<Running> | null = null;
  private running: Running | null = null;
  private readonly ending = new AbortController();
  /** wasm was tried in vain, so there is nothing that requests could move to. */
  private withoutWasm = false;
  private lastDevice: DeviceInfo | null = null;

  private constructor(
    private readonly devices: Devices,
    private readonly settings: DeviceSettings,
    private readonly source: PackageSource,
    private readonly program: Program,
    private readonly text: TextModel | null,
  ) {}

  /** Takes the source over: it is closed when loading fails. */
  static async load(devices: Devices, source: PackageSource, settings: LoadSettings): Promise<LoadedModel> {
    try {
      settings.signal?.throwIfAborted();
      const program = parseProgram(await source.program());
      agree(source.manifest, program);
      const text = await readText(source);
      if (text && text.vocabSize > program.vocab_size) {
        throw new LlmError(
          "invalid_package",
          `The tokenizer has ${text.vocabSize} tokens and the model ${program.vocab_size}.`,
        );
      }
      const model = new LoadedModel(devices, settings, source, program, text);
      await model.open(settings);
      return model;
    } catch (thrown) {
      await source.close();
      throw thrown;
    }
  }

  get info(): ModelInfo {
    return modelInfo(this.source.manifest);
  }

  /** Where the model is; while it is on none, where it was last. */
  get device(): DeviceInfo {
    if (this.running) this.lastDevice = deviceInfo(this.running.executor);
    return this.lastDevice!;
  }

  tokenize(text: string): number[] {
    return this.requireText().encode(text, { allowSpecial: true });
  }

  /** Checks the request, runs it and resolves when it ends, also by an abort. `onText` gets each piece of text. */
  async generate(
    prompt: unknown,
    optionsGiven: unknown,
    hooks: { readonly onText: (piece: string) => void; readonly signal?: AbortSignal },
  ): Promise<Usage> {
    const arrivedMs = performance.now();
    const options = readOptions(optionsGiven);
    const text = this.requireText();
    const promptIds = encodePrompt(text, readPrompt(prompt), options);
    const { context_length: contextLength } = this.program;
    if (promptIds.length === 0) throw new LlmError("invalid_request", "generate: the prompt has no tokens.");
    if (promptIds.length > contextLength) throw contextOverflow(promptIds.length, contextLength);
    const task = await this.start(
      (session) =>
        new GenerateTask(session, {
          promptIds,
          maxTokens: options.maxTokens ?? contextLength,
          sampling: resolveSampling(options, text.defaults),
          partition: options.partition ?? "",
          output: new TextOutput(
            text,
            typeof options.stop === "string" ? [options.stop] : (options.stop ?? []),
            hooks.onText,
          ),
          signal: hooks.signal ?? null,
          arrivedMs,
        }),
    );
    return task.result;
  }

  async logits(tokenIdsGiven: unknown, firstPosition: unknown, signal?: AbortSignal): Promise<Float32Array> {
    const { vocab_size: vocabSize, context_length: contextLength } = this.program;
    const tokenIds = readTokenIds(tokenIdsGiven, vocabSize, contextLength);
    if (
      typeof firstPosition !== "number" ||
      !Number.isInteger(firstPosition) ||
      firstPosition < 0 ||
      firstPosition >= tokenIds.length
    ) {
      throw new LlmError(
        "invalid_request",
        `logits: firstPosition must be an integer from 0 to ${tokenIds.length - 1}.`,
      );
    }
    const nbytes = (tokenIds.length - firstPosition) * vocabSize * 4;
    if (nbytes > MAX_LOGITS_BYTES) {
      throw new LlmError(
        "invalid_request",
        `logits: ${nbytes} bytes were asked for, and at most ${MAX_LOGITS_BYTES} are given at once.`,
      );
    }
    signal?.throwIfAborted();
    const task = await this.start((session) => new LogitsTask(session, tokenIds, firstPosition));
    const onAbort = () => task.fail(new LlmError("aborted", "The request was aborted."));
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    try {
      return await task.result;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** In 1e9 bytes per second. */
  async measureBandwidth(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const { executor } = await this.ready();
    return executor.measureBandwidth(signal);
  }

  /** Ends running requests with `aborted` and frees the device's memory. */
  async unload(): Promise<void> {
    this.ending.abort();
    this.stop(unloaded());
    await this.opening?.catch(() => undefined);
    this.stop(unloaded());
    await this.source.close();
  }

  /** Starts a task in the session that runs, or in a new one. */
  private async start<T extends SessionTask>(make: (session: Session) => T): Promise<T> {
    let running: Running;
    // The device may have failed while this waited.
    do running = await this.ready();
    while (running !== this.running || running.executor.failure);
    const task = make(running.session);
    running.scheduler.add(task);
    return task;
  }

  /** The running session; opened again if the device failed since. */
  private async ready(): Promise<Running> {
    if (this.ending.signal.aborted) throw new LlmError("invalid_request", "The model was unloaded. Load it again.");
    const failure = this.running?.executor.failure;
    if (failure) this.leave(this.running!, failure);
    return this.running ?? this.open({});
  }

  private open(hooks: LoadHooks): Promise<Running> {
    return this.during(() => this.openDevice(hooks));
  }

  /** One opening at a time: whoever needs a device meanwhile waits for it. */
  private during(open: () => Promise<Running>): Promise<Running> {
    this.opening ??= open().then(
      (running) => {
        this.opening = null;
        this.running = running;
        return running;
      },
      (thrown) => {
        this.opening = null;
        throw thrown;
      },
    );
    return this.opening;
  }

  /** On the first device that can run the model. Errors: what kept the first one from it. */
  private async openDevice(hooks: LoadHooks): Promise<Running> {
    let first: LlmError | null = null;
    for (const kind of await devicesToTry(this.settings.device, this.devices)) {
      try {
        return await this.openOn(kind, hooks);
      } catch (thrown) {
        if (!(thrown instanceof LlmError) || !isOfDevice(thrown)) throw thrown;
        if (kind === "wasm") this.withoutWasm = true;
        first ??= thrown;
      }
    }
    throw first!;
  }

  /** The device has failed: requests move on, or end. */
  private leave(running: Running, failure: LlmError): void {
    if (this.running !== running) return;
    if (!this.canMoveFrom(running) || !running.scheduler.busy) {
      this.stop(failure);
      return;
    }
    this.lastDevice = deviceInfo(running.executor);
    this.running = null;
    // Those who wait for it get its failure; when nobody does, the tasks have been told.
    this.during(() => this.moveToCpu(running, failure)).catch(() => undefined);
  }

  private canMoveFrom({ executor }: Running): boolean {
    const { failure } = executor;
    const wanted = this.settings.device === "auto" && executor.kind === "webgpu" && !this.withoutWasm;
    return wanted && failure !== null && isOfDevice(failure);
  }

  private async moveToCpu({ scheduler, session }: Running, failure: LlmError): Promise<Running> {
    const tasks = await scheduler.suspend();
    session.destroy();
    try {
      const next = await this.openOn("wasm", {});
      for (const task of tasks) {
        task.moveTo(next.session);
        next.scheduler.add(task);
      }
      return next;
    } catch (thrown) {
      const error = this.ending.signal.aborted ? unloaded() : cannotMove(failure, LlmError.from(thrown));
      for (const task of tasks) task.fail(error);
      throw error;
    }
  }

  private async openOn(kind: DeviceKind, { onProgress, signal }: LoadHooks): Promise<Running> {
    const { program, source } = this;
    const { threads } = this.settings;
    const stop = signal ? AbortSignal.any([signal, this.ending.signal]) : this.ending.signal;
    const executor = await this.devices.open(
      kind,
      program,
      {
        kernel: (hash) => source.text(`program/${hash}.wgsl`),
        weights: (sink, options) => source.weights(sink, options),
        derived: source.derived,
      },
      {
        signal: stop,
        ...(threads === null ? {} : { threads }),
        onLoad: (loaded, total) => onProgress?.({ phase: "load", loaded, total }),
        onCompile: (loaded, total) => onProgress?.({ phase: "compile", loaded, total }),
        firstPages: Math.ceil(Math.min(FIRST_TOKENS, program.context_length) / program.page_size),
      },
    );
    if (this.ending.signal.aborted) {
      executor.destroy();
      throw unloaded();
    }
    const session = new Session(executor);
    const scheduler = new Scheduler<SessionTask>(
      () => session.depth,
      () => this.canMoveFrom(running),
    );
    const running: Running = { executor, session, scheduler };
    void executor.failed.then((failure) => this.leave(running, failure));
    return running;
  }

  private stop(error: LlmError): void {
    const { running } = this;
    this.running = null;
    if (!running) return;
    this.lastDevice = deviceInfo(running.executor);
    running.scheduler.stop(running.executor.failure ?? error);
    running.session.destroy();
  }

  private requireText(): TextModel {
    if (!this.text)
      throw new LlmError("invalid_package", "This package has no tokenizer, so it cannot read or write text.");
    return this.text;
  }
}

function deviceInfo({ kind, adapter, software, threads, weightBytesPerToken }: Executor): DeviceInfo {
  return { device: kind, adapter, software, threads, weightBytesPerToken };
}

function unloaded(): LlmError {
  return new LlmError("aborted", "The model was unloaded.");
}

function cannotMove(failure: LlmError, error: LlmError): LlmError {
  return new LlmError(error.code, `The GPU failed, and the model cannot go on on the CPU: ${error.message}`, {
    ...error.detail,
    gpu_failure: failure.message,
  });
}

export function modelInfo(manifest: Manifest): ModelInfo {
  return {
    id: manifest.id,
    name: manifest.name,
    architecture: manifest.architecture,
    quantization: manifest.quantization,
    contextLength: manifest.context_length,
    parameterCount: manifest.parameter_count,
    license: manifest.license,
    nbytes: manifest.files.reduce((total, file) => total + file.nbytes, 0),
  };
}

/** The manifest is what people and the store see, the program is what runs: they must say the same. */
function agree(manifest: Manifest, program: Program): void {
  for (const key of ["context_length", "quantization"] as const) {
    if (manifest[key] !== program[key]) {
      throw new LlmError(
        "invalid_package",
        `nomoat.json says ${key} is ${manifest[key]}, program.json says ${program[key]}. Compile the package again.`,
      );
    }
  }
}

async function readText(source: PackageSource): Promise<TextModel | null> {
  const { tokenizer, tokenizer_config, chat_template, generation_config } = source.manifest.tokenizer;
  if (tokenizer === null) return null;
  const file = (path: string | null) => (path === null ? null : source.text(path));
  const [tokenizerText, config, chatTemplate, generationConfig] = await Promise.all([
    source.text(tokenizer),
    file(tokenizer_config),
    file(chat_template),
    file(generation_config),
  ]);
  return createTextModel({ tokenizer: tokenizerText, tokenizerConfig: config ?? "{}", chatTemplate, generationConfig });
}

function encodePrompt(
  text: TextModel,
  prompt: string | readonly Message[],
  options: EngineGenerateOptions,
): readonly number[] {
  if (!options.raw) return text.encodeChat(toMessages(prompt, options.system)).tokenIds;
  if (typeof prompt !== "string")
    throw new LlmError("invalid_request", "generate: raw needs a prompt string, not messages.");
  if (options.system !== undefined)
    throw new LlmError("invalid_request", "generate: raw has no place for a system message.");
  return text.encode(prompt, { allowSpecial: true });
}
