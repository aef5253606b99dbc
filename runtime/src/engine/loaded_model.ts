/**
 * One loaded model: its package, its program, its tokenizer, and what of it is on the device.
 *
 * Owns the package source and the session until `unload`. When the device is lost, running requests end with a typed
 * error, and the next request opens a device, loads the weights from storage again and runs its prompt from the
 * start: the KV cache is rebuilt from tokens, which the host always has.
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
import { Session } from "./session";
import { TextOutput } from "./text_output";

const MAX_LOGITS_BYTES = 2 ** 30;
/** Tokens that the KV cache has room for at first. */
const FIRST_TOKENS = 256;

interface Running {
  readonly executor: Executor;
  readonly session: Session;
  readonly scheduler: Scheduler;
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
  private unloaded = false;
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
    const { session, scheduler } = await this.ready();
    const task = new GenerateTask(session, {
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
    });
    scheduler.add(task);
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
    const { session, scheduler, executor } = await this.ready();
    signal?.throwIfAborted();
    const rows = executor.readbacks(vocabSize * 4);
    const task = new LogitsTask(session, rows, tokenIds, firstPosition);
    const onAbort = () => task.fail(new LlmError("aborted", "The request was aborted."));
    signal?.addEventListener("abort", onAbort);
    scheduler.add(task);
    try {
      return await task.result;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      rows.destroy();
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
    this.unloaded = true;
    this.stop(new LlmError("aborted", "The model was unloaded."));
    await this.opening?.catch(() => undefined);
    this.stop(new LlmError("aborted", "The model was unloaded."));
    await this.source.close();
  }

  /** The running session; opened again if the device failed since. */
  private async ready(): Promise<Running> {
    if (this.unloaded) throw new LlmError("invalid_request", "The model was unloaded. Load it again.");
    if (this.running && !this.running.executor.failure) return this.running;
    return this.open({});
  }

  private open(hooks: LoadHooks): Promise<Running> {
    this.opening ??= this.openDevice(hooks).finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  /** On the first device that can run the model. Errors: what kept the first one from it. */
  private async openDevice(hooks: LoadHooks): Promise<Running> {
    this.stop(new LlmError("device_lost", "The device was lost."));
    let first: LlmError | null = null;
    for (const kind of await devicesToTry(this.settings.device, this.devices)) {
      try {
        return await this.openOn(kind, hooks);
      } catch (thrown) {
        if (!(thrown instanceof LlmError) || !isOfDevice(thrown)) throw thrown;
        first ??= thrown;
      }
    }
    throw first!;
  }

  private async openOn(kind: DeviceKind, { onProgress, signal }: LoadHooks): Promise<Running> {
    const { program, source } = this;
    const { threads } = this.settings;
    const executor = await this.devices.open(
      kind,
      program,
      {
        kernel: (hash) => source.text(`program/${hash}.wgsl`),
        weights: (sink, options) => source.weights(sink, options),
        derived: source.derived,
      },
      {
        ...(signal ? { signal } : {}),
        ...(threads === null ? {} : { threads }),
        onLoad: (loaded, total) => onProgress?.({ phase: "load", loaded, total }),
        onCompile: (loaded, total) => onProgress?.({ phase: "compile", loaded, total }),
        firstPages: Math.ceil(Math.min(FIRST_TOKENS, program.context_length) / program.page_size),
      },
    );
    if (this.unloaded) {
      executor.destroy();
      throw new LlmError("aborted", "The model was unloaded.");
    }
    const session = new Session(executor);
    const scheduler = new Scheduler(() => session.depth);
    void executor.failed.then((error) => scheduler.stop(error));
    this.running = { executor, session, scheduler };
    return this.running;
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
