/** A loaded model as sessions and decisions need it. Loaded with the first of them. */
import type { DeviceInfo, Usage } from "../api/types";
import type { PlainMessage } from "../contract/messages";
import { answerFormOf } from "../engine/answer_form";
import type { LoadedModel } from "../engine/loaded_model";
import { readOptions } from "../engine/options";
import { PrefillTask } from "../engine/prefill_task";
import type { SamplingDefaults } from "../engine/sampling";
import { ScoreTask } from "../engine/score";
import type { Path } from "../engine/score_tree";
import { LlmError } from "../internal/errors";
import type { ChatPrompt, ChatPromptOptions } from "../text/index";
import type { RespondHooks, SessionModel } from "./session_model";

export interface HostedModel extends SessionModel {
  readonly device: DeviceInfo;
  /** How the package's author would sample. */
  readonly defaults: SamplingDefaults;
  /** Errors: invalid_request where these are no options of `generate`, or name what is not there. */
  checkOptions(options: unknown): void;
  /** For each path the sum of its wanted log-probabilities; paths of at most contextLength tokens. */
  score(paths: readonly Path[], options: unknown, signal?: AbortSignal): Promise<readonly number[]>;
}

const hosted = new WeakMap<LoadedModel, HostedModel>();

/** The same one each time. */
export function hostOf(model: LoadedModel): HostedModel {
  const host = hosted.get(model) ?? new LoadedHost(model);
  hosted.set(model, host);
  return host;
}

class LoadedHost implements HostedModel {
  readonly contextLength: number;

  constructor(private readonly model: LoadedModel) {
    this.contextLength = model.contextLength;
  }

  get device(): DeviceInfo {
    return this.model.device;
  }

  get defaults(): SamplingDefaults {
    return this.model.textModel().defaults;
  }

  checkOptions(options: unknown): void {
    const { adapter, model } = readOptions(options);
    this.model.requireNamed(model);
    this.model.stackOf(adapter);
  }

  async prepareTools(): Promise<void> {
    if (await this.model.textModel().prepareTools()) return;
    const message = "This model's chat template knows no tools: leave tools out, or load another model.";
    throw new LlmError("not_supported", message, { path: "tools" });
  }

  encodeChat(messages: readonly PlainMessage[], options: ChatPromptOptions = {}): ChatPrompt {
    this.model.requireTask("generate");
    return this.model.textModel().encodeChat(messages, options);
  }

  async prepare(tokenIds: readonly number[], optionsGiven: unknown, signal?: AbortSignal): Promise<void> {
    const { adapter, partition = "" } = readOptions(optionsGiven);
    const adapters = this.model.stackOf(adapter);
    await this.model.run((session) => new PrefillTask(session, tokenIds, partition, adapters), signal);
  }

  async score(paths: readonly Path[], optionsGiven: unknown, signal?: AbortSignal): Promise<readonly number[]> {
    const { adapter, partition = "" } = readOptions(optionsGiven);
    const { stopTokenIds: stopIds } = this.model.textModel();
    const request = { paths, partition, adapters: this.model.stackOf(adapter), stopIds };
    return this.model.run((session) => new ScoreTask(session, request), signal);
  }

  async respond({ tokenIds, isReasoning }: ChatPrompt, optionsGiven: unknown, hooks: RespondHooks): Promise<Usage> {
    const { tools, onDelta, ...rest } = hooks;
    const options = readOptions(optionsGiven);
    const use = tools.length > 0 ? ({ tools, choice: "auto", parallel: true } as const) : null;
    const wish = { tools: use, format: options.responseFormat ?? null, reasoningTokens: null };
    const form = await answerFormOf(this.model.textModel(), wish, isReasoning);
    const parser = form.parser();
    const onText = (piece: string) => parser.push(piece).forEach(onDelta);
    const usage = await this.model.answer(tokenIds, options, { ...rest, onText, form, watch: form.watch() });
    parser.end().forEach(onDelta);
    return usage;
  }
}
