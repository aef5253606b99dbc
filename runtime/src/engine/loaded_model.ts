/**
 * One loaded model: its package, its program, its tokenizer, and the requests on it.
 *
 * Checks what a request asks for and makes it a task; on which device that runs is the placement's. Owns the package
 * source and the placement until `unload`.
 */
import type { AdapterInfo, DeviceInfo, Embeddings, ModelInfo, ModelTask, Usage } from "../api/types";
import type { Constraints } from "../constraint/index";
import type { TokenLogprob } from "../contract/chat_answer";
import type { PlainEngineGenerateOptions } from "../contract/generate";
import { type Message, toPlainMessage } from "../contract/messages";
import type { Devices } from "../device/open";
import { needsOwnPrograms, type Program } from "../device/program";
import { parseProgram } from "../device/program_reader";
import { LlmError } from "../internal/errors";
import type { Manifest, PackageSource } from "../storage/index";
import { createTextModel, prepareTextModel, type TextModel } from "../text/index";
import type { Adapter, ReadyStack, Stacks } from "./adapter";
import type { AnswerForm } from "./answer_form";
import { GenerateTask } from "./generate";
import {
  contextOverflow,
  readAdapters,
  readOptions,
  readPrompt,
  readTexts,
  readTokenIds,
  stopStrings,
  toMessages,
} from "./options";
import { type LoadSettings, Placement } from "./placement";
import type { ReasoningWatch } from "./reasoning_watch";
import { resolveSampling } from "./sampling";
import type { Session, SessionTask } from "./session";
import { type SendPiece, TextOutput } from "./text_output";
import type { TokenScores } from "./token_scores";

/** What reads a package's program and text files, for the importer, which tries them. */
export const LOADERS = { parseProgram, createTextModel, prepareTextModel };

export interface AnswerHooks {
  readonly onText: SendPiece;
  readonly signal?: AbortSignal;
  /** What the answer consists of. Default: text, of the options' responseFormat. */
  readonly form?: Pick<AnswerForm, "format" | "keep">;
  readonly watch?: ReasoningWatch | null;
  /** What the answer begins with, at the end of the prompt: its format holds for both together. */
  readonly begun?: string;
}

const MAX_LOGITS_BYTES = 2 ** 30;

export class LoadedModel {
  private readonly adapters = new Map<string, Adapter>();
  /** Made with the first adapter. */
  private stacks: Stacks | null = null;
  /** Made with the first constrained request. */
  private constraints: Promise<Constraints> | null = null;

  private constructor(
    private readonly placement: Placement,
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
      if (settings.ownPrograms === false && needsOwnPrograms(program)) {
        throw new LlmError(
          "not_allowed",
          `${source.manifest.id} needs GPU programs of its own, and they are not allowed here.`,
        );
      }
      const text = await readText(source);
      if (text && text.vocabSize > program.vocab_size) {
        throw new LlmError(
          "invalid_package",
          `The tokenizer has ${text.vocabSize} tokens and the model ${program.vocab_size}.`,
        );
      }
      const placement = new Placement(devices, settings, source, program);
      await placement.open(settings);
      return new LoadedModel(placement, source, program, text);
    } catch (thrown) {
      await source.close();
      throw thrown;
    }
  }

  get info(): ModelInfo {
    return modelInfo(this.source.manifest);
  }

  /** Where the model is; while it is on no device, where it was last. */
  get device(): DeviceInfo {
    return this.placement.device;
  }

  get task(): ModelTask {
    return this.program.functions.has("encode") ? "embed" : "generate";
  }

  tokenize(text: string): number[] {
    return this.textModel().encode(text, { allowSpecial: true });
  }

  /** Checks the request, runs it and resolves when it ends, also by an abort. `onText` gets each piece of text. */
  async generate(
    prompt: unknown,
    optionsGiven: unknown,
    hooks: { readonly onText: (piece: string) => void; readonly signal?: AbortSignal },
  ): Promise<Usage> {
    this.requireTask("generate");
    const options = readOptions(optionsGiven);
    this.requireNamed(options.model);
    const promptIds = encodePrompt(this.textModel(), readPrompt(prompt), options);
    const logprobs: TokenLogprob[] = [];
    const onText = (piece: string, scored: readonly TokenLogprob[]): void => {
      logprobs.push(...scored);
      if (piece) hooks.onText(piece);
    };
    const usage = await this.answer(promptIds, options, { ...hooks, onText });
    return options.logprobs ? { ...usage, logprobs } : usage;
  }

  /** Tokens that prompt and answer may have together. */
  get contextLength(): number {
    return this.program.context_length;
  }

  /**
   * An answer to a prompt of token ids, for checked options; resolves when it ends, also by an abort. The chat template
   * and what is in `system` and `raw` are behind the caller. Errors: those of `generate`.
   */
  async answer(
    promptIds: readonly number[],
    options: PlainEngineGenerateOptions,
    { onText, signal, form, watch = null, begun = "" }: AnswerHooks,
  ): Promise<Usage> {
    const arrivedMs = performance.now();
    this.requireTask("generate");
    const text = this.textModel();
    const { context_length: contextLength } = this.program;
    if (promptIds.length === 0) throw new LlmError("invalid_request", "generate: the prompt has no tokens.");
    if (promptIds.length > contextLength) throw contextOverflow(promptIds.length, contextLength);
    if (options.topLogprobs !== undefined && !options.logprobs)
      throw new LlmError("invalid_request", "generate: topLogprobs needs logprobs: true.", { path: "topLogprobs" });
    const adapters = this.stackOf(options.adapter);
    const { logprobs = false, logitBias = {} } = options;
    // Nothing is waited for without need: a request takes the device that is there when it comes.
    const scores = logprobs || Object.keys(logitBias).length > 0 ? await this.scoresFor(options) : null;
    const format = form ? form.format : (options.responseFormat ?? null);
    const constraint = format === null ? null : (await this.requireConstraints(text)).compile(format);
    if (constraint && !constraint.begin(begun))
      throw new LlmError("not_supported", "What the answer shall begin with does not fit its responseFormat.");
    const task = await this.placement.start(
      (session) =>
        new GenerateTask(session, {
          adapters,
          promptIds,
          constraint,
          maxTokens: options.maxTokens ?? contextLength,
          sampling: resolveSampling(options, text.defaults),
          partition: options.partition ?? "",
          output: new TextOutput(text, stopStrings(options.stop), onText, form?.keep),
          scores,
          watch,
          signal: signal ?? null,
          arrivedMs,
        }),
    );
    return task.result;
  }

  private async scoresFor({ logprobs, topLogprobs, logitBias = {} }: PlainEngineGenerateOptions): Promise<TokenScores> {
    const { readBias, TokenScores } = await import("./token_scores");
    const bias = readBias(logitBias, this.program.vocab_size);
    return new TokenScores(this.textModel(), logprobs ? (topLogprobs ?? 0) : null, bias);
  }

  /** Texts in one or several inputs → their embeddings. Special tokens are recognised, as transformers does. */
  async embed(input: unknown, signal?: AbortSignal): Promise<Embeddings> {
    this.requireTask("embed");
    const { context_length: limit, symbols } = this.program;
    const text = this.textModel();
    const most = symbols.cuts_texts === 1 ? limit : Number.POSITIVE_INFINITY;
    const texts = readTexts(input).map((each, index) => {
      const ids = text.encode(each, { allowSpecial: true, most });
      const { length: requested } = ids;
      if (requested === 0) throw new LlmError("invalid_request", `embed: input[${index}] has no tokens.`, { index });
      if (requested > limit)
        throw new LlmError(
          "context_overflow",
          `embed: input[${index}] has ${requested} tokens and the model reads ${limit} at most. Shorten or divide it.`,
          { requested, limit, index },
        );
      return ids;
    });
    const { EmbedTask } = await import("./embed");
    const embeddings = await this.run((session) => new EmbedTask(session, texts), signal);
    return { embeddings, usage: { promptTokens: texts.reduce((sum, { length }) => sum + length, 0) } };
  }

  /** Takes the source over. The device computes a token with it, so that the first request need not wait for that. */
  async loadAdapter(source: PackageSource, name: string | null, signal?: AbortSignal): Promise<AdapterInfo> {
    try {
      const { readAdapter, Stacks } = await import("./adapter");
      const adapter = await readAdapter(source, name, this.program, this.source.manifest, signal);
      this.stacks ??= new Stacks(this.program);
      const before = this.adapters.get(adapter.name);
      this.adapters.set(adapter.name, adapter);
      try {
        await this.logits([0], 0, signal, adapter.name);
      } catch (thrown) {
        // One of the same name goes on.
        if (before) this.adapters.set(adapter.name, before);
        else this.adapters.delete(adapter.name);
        this.forget(adapter);
        throw thrown;
      }
      if (before) this.forget(before);
      return { name: adapter.name, nbytes: adapter.nbytes };
    } finally {
      await source.close();
    }
  }

  /** Errors: model_not_found. */
  unloadAdapter(name: string): void {
    const adapter = this.adapter(name);
    this.adapters.delete(name);
    this.forget(adapter);
  }

  private forget({ serial }: Adapter): void {
    this.stacks!.forget(serial);
    this.placement.forgetAdapter(serial);
  }

  private adapter(name: string): Adapter {
    const adapter = this.adapters.get(name);
    if (adapter) return adapter;
    const loaded = [...this.adapters.keys()].join(", ") || "none is";
    throw new LlmError(
      "model_not_found",
      `There is no adapter ${name.slice(0, 128)} (loaded: ${loaded}). Load it first.`,
    );
  }

  /** Null: no adapter. Errors: invalid_request, model_not_found. */
  stackOf(given: unknown): ReadyStack | null {
    const stack = readAdapters(given).map(({ name, weight = 1 }) => ({ adapter: this.adapter(name), weight }));
    // There is an adapter, so there is a maker of stacks.
    return stack.length === 0 ? null : this.stacks!.get(stack);
  }

  async logits(
    tokenIdsGiven: unknown,
    firstPosition: unknown,
    signal?: AbortSignal,
    adapter?: unknown,
  ): Promise<Float32Array> {
    this.requireTask("generate");
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
    const adapters = this.stackOf(adapter);
    const { LogitsTask } = await import("./logits");
    return this.run((session) => new LogitsTask(session, tokenIds, firstPosition, adapters), signal);
  }

  /** In 1e9 bytes per second. */
  async measureBandwidth(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    return (await this.placement.executor()).measureBandwidth(signal);
  }

  /** Ends running requests with `aborted`, frees the device's memory and closes the package. */
  async unload(): Promise<void> {
    await this.placement.close();
    await this.source.close();
  }

  /** Runs a task to its end, which an abort brings at once. */
  async run<T>(
    make: (session: Session) => SessionTask & { readonly result: Promise<T> },
    signal: AbortSignal | undefined,
  ): Promise<T> {
    signal?.throwIfAborted();
    const task = await this.placement.start(make);
    const onAbort = () => task.fail(new LlmError("aborted", "The request was aborted."));
    signal?.addEventListener("abort", onAbort);
    if (signal?.aborted) onAbort();
    try {
      return await task.result;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Errors: model_not_found where a request asks for another model than this. */
  requireNamed(wanted: string | undefined): void {
    const { id, name } = this.source.manifest;
    if (wanted === undefined || wanted === id || wanted === name) return;
    const message = `The model ${wanted} is not loaded; ${id} is. Leave model out, or name it.`;
    throw new LlmError("model_not_found", message, { path: "model", loaded: id });
  }

  requireTask(wanted: ModelTask): void {
    if (this.task === wanted) return;
    const { name } = this.source.manifest;
    throw new LlmError(
      "invalid_request",
      wanted === "embed"
        ? `${name} writes text and gives no embeddings: call generate, or load an encoder (BERT, MiniLM, bge, e5).`
        : `${name} is an encoder, which gives embeddings and writes no text: call embed, or load a language model.`,
    );
  }

  private requireConstraints(text: TextModel): Promise<Constraints> {
    this.constraints ??= import("./constraints").then(
      ({ makeConstraints }) => makeConstraints(text, this.program.vocab_size),
      () => {
        this.constraints = null;
        throw new LlmError(
          "network",
          "The part of the runtime that constrains answers could not be loaded. Try again.",
        );
      },
    );
    return this.constraints;
  }

  /** Errors: invalid_package where there is none. */
  textModel(): TextModel {
    if (!this.text)
      throw new LlmError("invalid_package", "This package has no tokenizer, so it cannot read or write text.");
    return this.text;
  }
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
  const files = { tokenizer: tokenizerText, tokenizerConfig: config ?? "{}", chatTemplate, generationConfig };
  await prepareTextModel(files);
  return createTextModel(files);
}

function encodePrompt(
  text: TextModel,
  prompt: string | readonly Message[],
  options: PlainEngineGenerateOptions,
): readonly number[] {
  if (!options.raw) {
    const messages = toMessages(prompt, options.system).map(toPlainMessage);
    return text.encodeChat(messages, { continueFinal: messages.at(-1)!.role === "assistant" }).tokenIds;
  }
  if (typeof prompt !== "string")
    throw new LlmError("invalid_request", "generate: raw needs a prompt string, not messages.");
  if (options.system !== undefined)
    throw new LlmError("invalid_request", "generate: raw has no place for a system message.");
  return text.encode(prompt, { allowSpecial: true });
}
