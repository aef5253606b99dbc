/**
 * The sessions of one engine, by number. Owns them until they are destroyed or their model is unloaded; whoever is on the
 * other side of the worker has only the number.
 */
import type { DeviceInfo, Usage } from "../api/types";
import { LlmError } from "../internal/errors";
import type { Request, SessionEvent, SessionState } from "../worker/protocol";
import { Conversation, prepareFor } from "./conversation";
import { type DecideModel, type Decisions, decide, type Priors } from "./decide";
import type { HostedModel } from "./hosted_model";
import {
  readDecideInput,
  readDecideOptions,
  readMessages,
  readPrompt,
  readQuestions,
  readSessionOptions,
} from "./read";
import { samplingOf } from "./sampling_mode";

const MAX_SESSIONS = 256;
const MAX_PARTITIONS = 64;

type SessionRequest = Extract<
  Request,
  {
    method:
      | "createSession"
      | "promptSession"
      | "appendSession"
      | "measureSession"
      | "cloneSession"
      | "destroySession"
      | "decide";
  }
>;

interface Kept {
  readonly conversation: Conversation;
  readonly model: HostedModel;
}

export class Sessions {
  private readonly kept = new Map<number, Kept>();
  private lastId = 0;
  /** What calibrates decisions, as long as the model is the same. */
  private priors: { model: HostedModel | null; byPartition: Map<string, Priors> } = {
    model: null,
    byPartition: new Map(),
  };

  /** `current`: the model that is loaded; throws where none is. */
  constructor(private readonly current: () => HostedModel) {}

  /** Answers one request of the protocol, and tells of what happens on the way. */
  async answer(request: SessionRequest, onEvent: (event: SessionEvent) => void, signal: AbortSignal): Promise<unknown> {
    const { method, params } = request;
    switch (method) {
      case "createSession":
        return this.create(params.initialPrompts, params.options, signal);
      case "promptSession":
        return this.prompt(params.session, params.input, params.options, { onEvent, signal });
      case "appendSession":
        return this.append(params.session, params.input, { onEvent, signal });
      case "measureSession":
        return this.measure(params.session, params.input, params.options);
      case "cloneSession":
        return this.clone(params.session, signal);
      case "destroySession":
        this.destroy(params.session);
        return null;
      case "decide":
        return this.decide(params.input, params.questions, params.options, signal);
    }
  }

  /** Errors: invalid_request, context_overflow; aborted, device errors. */
  private async create(
    initialPrompts: unknown,
    optionsGiven: unknown,
    signal: AbortSignal,
  ): Promise<SessionState & { readonly session: number }> {
    const model = this.current();
    const pinned = readMessages(initialPrompts, "initialPrompts", true);
    const { samplingMode, tools, generate } = readSessionOptions(optionsGiven);
    if (tools.length > 0) await model.prepareTools();
    await prepareFor(model, pinned);
    const options = { ...samplingOf(samplingMode, model.defaults), ...generate };
    model.checkOptions(options);
    const conversation = new Conversation(model, pinned, options, tools);
    await conversation.prepare(signal);
    return this.add({ conversation, model });
  }

  private async prompt(
    session: number,
    inputGiven: unknown,
    optionsGiven: unknown,
    hooks: { readonly onEvent: (event: SessionEvent) => void; readonly signal: AbortSignal },
  ): Promise<SessionState & { readonly usage: Usage }> {
    const { conversation, model } = this.get(session);
    const { input, prefix, generate } = readPrompt(inputGiven, optionsGiven, conversation.isEmpty);
    model.checkOptions(generate);
    const usage = await conversation.prompt(input, prefix, generate, {
      onText: (text) => hooks.onEvent({ text }),
      onToolCall: (toolCall) => hooks.onEvent({ toolCall }),
      onOverflow: () => hooks.onEvent({ overflow: true }),
      signal: hooks.signal,
    });
    return { usage, ...this.stateOf(session) };
  }

  private async append(
    session: number,
    inputGiven: unknown,
    hooks: { readonly onEvent: (event: SessionEvent) => void; readonly signal: AbortSignal },
  ): Promise<SessionState> {
    const { conversation } = this.get(session);
    const input = readMessages(inputGiven, "input", conversation.isEmpty);
    await conversation.append(input, { onOverflow: () => hooks.onEvent({ overflow: true }), signal: hooks.signal });
    return this.stateOf(session);
  }

  /** Tokens that a prompt would add. */
  private measure(session: number, inputGiven: unknown, optionsGiven: unknown): Promise<number> {
    const { conversation } = this.get(session);
    const { input, prefix } = readPrompt(inputGiven, optionsGiven, conversation.isEmpty);
    return conversation.measure(input, prefix);
  }

  private async clone(session: number, signal: AbortSignal): Promise<SessionState & { readonly session: number }> {
    const { conversation, model } = this.get(session);
    return this.add({ conversation: await conversation.clone(signal), model });
  }

  /** One that is gone already is no error. */
  private destroy(session: number): void {
    this.kept.get(session)?.conversation.destroy();
    this.kept.delete(session);
  }

  /** Answers chosen among given ones. Errors: invalid_request, context_overflow; aborted, device errors. */
  private async decide(
    inputGiven: unknown,
    questionsGiven: unknown,
    optionsGiven: unknown,
    signal: AbortSignal,
  ): Promise<{ readonly decisions: Decisions; readonly device: DeviceInfo }> {
    const model = this.current();
    const { calibrate = true, ...generate } = readDecideOptions(optionsGiven);
    model.checkOptions(generate);
    const scoring: DecideModel = {
      contextLength: model.contextLength,
      encodeChat: (messages, encoding) => model.encodeChat(messages, encoding),
      score: (paths) => model.score(paths, generate, signal),
    };
    const priors = calibrate ? this.priorsOf(model, generate) : null;
    const decisions = await decide(scoring, readDecideInput(inputGiven), readQuestions(questionsGiven), priors);
    return { decisions, device: model.device };
  }

  /** Of one partition, so that no site finds out what another one asks. Adapters change under their names: none kept. */
  private priorsOf(model: HostedModel, { adapter, partition = "" }: Readonly<Record<string, unknown>>): Priors {
    if (this.priors.model !== model) this.priors = { model, byPartition: new Map() };
    const { byPartition } = this.priors;
    const known = (adapter === undefined && byPartition.get(String(partition))) || new Map();
    if (adapter !== undefined) return known;
    if (byPartition.size > MAX_PARTITIONS) byPartition.clear();
    byPartition.set(String(partition), known);
    return known;
  }

  private add(kept: Kept): SessionState & { readonly session: number } {
    for (const [id, { model }] of this.kept) if (model !== kept.model) this.destroy(id);
    if (this.kept.size >= MAX_SESSIONS)
      throw new LlmError("invalid_request", `There are ${MAX_SESSIONS} sessions already. Destroy those that are over.`);
    const session = ++this.lastId;
    this.kept.set(session, kept);
    return { session, ...this.stateOf(session) };
  }

  private stateOf(session: number): SessionState {
    const { conversation, model } = this.get(session);
    return { ...conversation.state, device: model.device };
  }

  private get(session: number): Kept {
    const kept = this.kept.get(session);
    if (kept && kept.model === this.current()) return kept;
    throw new LlmError("invalid_request", "This session is over: it was destroyed, or its model was unloaded.");
  }
}
