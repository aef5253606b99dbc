/**
 * One session: its messages, how many tokens they are, and its prompts in their order.
 *
 * The history is the truth, and it is text. Keys and values are the engine's cache: the next prompt begins with the
 * tokens of the last one and finds them there, so does a clone's, which shares their pages; where others needed the
 * memory they are computed again. The first messages are pinned; when prompt and history do not fit into the context, the
 * oldest prompts go, each with its answers, and never a part of what is asked now.
 */
import type { Usage } from "../api/types";
import type { Tool } from "../contract/chat";
import type { PlainMessage, ToolCall } from "../contract/messages";
import { LlmError } from "../internal/errors";
import type { ChatPrompt } from "../text/index";
import type { Delta } from "../text/tool_calls/types";
import { Answer } from "./answer";
import type { SessionModel } from "./session_model";

export interface ConversationState {
  /** Tokens of the session's messages, with those that the template writes around them. */
  readonly contextUsage: number;
  readonly contextWindow: number;
}

export interface PromptHooks {
  readonly onText: (piece: string) => void;
  /** Each call of a tool, when the answer is complete. */
  readonly onToolCall: (call: ToolCall) => void;
  /** Old messages had to go. */
  readonly onOverflow: () => void;
  readonly signal: AbortSignal;
}

/** How messages are encoded: `finished`, as they stand in the middle of a chat; else to be answered. */
interface Encoding {
  readonly finished?: boolean;
  readonly continueFinal?: boolean;
}
const FINISHED: Encoding = { finished: true };

export class Conversation {
  private contextUsage: number;
  private last: Promise<unknown> = Promise.resolve();
  private readonly ended = new AbortController();

  /** Errors: context_overflow; those of the template. `options`: those of `generate`. */
  constructor(
    private readonly model: SessionModel,
    private readonly pinned: readonly PlainMessage[],
    private readonly options: Readonly<Record<string, unknown>>,
    private readonly tools: readonly Tool[],
    private history: readonly PlainMessage[] = [],
  ) {
    const { length } = this.encode([]).tokenIds;
    if (length > model.contextLength) throw overflow(length, model.contextLength);
    this.contextUsage = length;
  }

  get state(): ConversationState {
    return { contextUsage: this.contextUsage, contextWindow: this.model.contextLength };
  }

  /** There are no messages yet. */
  get isEmpty(): boolean {
    return this.pinned.length === 0 && this.history.length === 0;
  }

  /** Computes what the session begins with, so that its first prompt need not. */
  prepare(signal: AbortSignal): Promise<void> {
    return this.inTurn(signal, (stop) => this.warm(stop));
  }

  /**
   * Answers. With `prefix` the last message of `input`, the assistant's, is what the answer begins with, and no part of
   * what is sent. `request`: options of this answer alone. Aborted, it leaves no trace but what had to go for it.
   * Errors: context_overflow where the input alone is too long; aborted; those of `generate`.
   */
  prompt(input: readonly PlainMessage[], prefix: boolean, request: object, hooks: PromptHooks): Promise<Usage> {
    return this.inTurn(hooks.signal, async (signal) => {
      await prepareFor(this.model, input);
      const prompt = this.fit(input, { continueFinal: prefix }, hooks.onOverflow);
      const begun = prefix ? input.at(-1)!.content : "";
      const answer = new Answer(begun);
      const onDelta = (delta: Delta) => {
        const piece = answer.push(delta);
        if (piece !== "") hooks.onText(piece);
      };
      const { tools } = this;
      const options = { ...this.options, ...request };
      const usage = await this.model.respond(prompt, options, { tools, begun, onDelta, signal });
      if (usage.finishReason === "aborted") throw aborted();
      this.keep([...this.history, ...(prefix ? input.slice(0, -1) : input), answer.message]);
      for (const call of answer.toolCalls) hooks.onToolCall(call);
      return usage;
    });
  }

  /** Adds messages that nothing answers yet. Errors: as those of `prompt`. */
  append(input: readonly PlainMessage[], hooks: Pick<PromptHooks, "onOverflow" | "signal">): Promise<void> {
    return this.inTurn(hooks.signal, async (signal) => {
      await prepareFor(this.model, input);
      this.fit(input, FINISHED, hooks.onOverflow);
      const before = this.history;
      this.keep([...before, ...input]);
      try {
        await this.warm(signal);
      } catch (thrown) {
        this.keep(before);
        throw thrown;
      }
    });
  }

  /** Tokens that a prompt would add before its answer. May be more than there is room for. */
  async measure(input: readonly PlainMessage[], prefix: boolean): Promise<number> {
    await prepareFor(this.model, input);
    const { length } = this.encode(input, { continueFinal: prefix }).tokenIds;
    return Math.max(0, length - this.contextUsage);
  }

  /** A session that goes on from here, after the prompts that came before this call. */
  clone(signal: AbortSignal): Promise<Conversation> {
    return this.inTurn(signal, async () => this.copy());
  }

  /** Ends what runs and waits, with `aborted`, and refuses whatever comes. */
  destroy(): void {
    this.ended.abort();
  }

  private copy(): Conversation {
    return new Conversation(this.model, this.pinned, this.options, this.tools, this.history);
  }

  /** Makes room for the input, and gives the prompt of the whole. */
  private fit(input: readonly PlainMessage[], encoding: Encoding, onOverflow: () => void): ChatPrompt {
    const { contextLength: limit } = this.model;
    let prompt = this.encode(input, encoding);
    if (prompt.tokenIds.length <= limit) return prompt;
    const alone = this.encode(input, encoding, []);
    if (alone.tokenIds.length > limit) throw overflow(alone.tokenIds.length, limit);
    let history = this.history;
    while (prompt.tokenIds.length > limit) {
      history = withoutOldest(history);
      prompt = history.length === 0 ? alone : this.encode(input, encoding, history);
    }
    this.keep(history);
    onOverflow();
    return prompt;
  }

  private keep(history: readonly PlainMessage[]): void {
    this.history = history;
    this.contextUsage = this.encode([]).tokenIds.length;
  }

  /** All messages and these, which may be none. */
  private encode(
    input: readonly PlainMessage[],
    { finished, continueFinal = false }: Encoding = FINISHED,
    history = this.history,
  ): ChatPrompt {
    const messages = [...this.pinned, ...history, ...input];
    if (messages.length === 0) return { tokenIds: [], isReasoning: false };
    const variables = finished ? { add_generation_prompt: false } : {};
    return this.model.encodeChat(messages, { tools: this.tools, variables, continueFinal });
  }

  private async warm(signal: AbortSignal): Promise<void> {
    const { tokenIds: ids } = this.encode([]);
    if (ids.length > 0) await this.model.prepare(ids, this.options, signal);
  }

  /** Runs after all that was asked for before. An abort ends the waiting at once. */
  private inTurn<T>(given: AbortSignal, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const signal = AbortSignal.any([given, this.ended.signal]);
    const before = this.last;
    const turn = new Promise<void>((resolve, reject) => {
      const stop = () => reject(aborted());
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      void before.then(() => resolve());
    }).then(() => run(signal));
    // The next one waits for those before this one too, also when this one did not.
    this.last = Promise.allSettled([before, turn]);
    return turn;
  }
}

/** Loads what only messages with calls and results of tools need. */
export async function prepareFor(model: SessionModel, messages: readonly PlainMessage[]): Promise<void> {
  if (messages.some(({ role, tool_calls: calls }) => role === "tool" || calls)) await model.prepareTools();
}

/** Without the oldest prompt and what answered it: up to the next message of the user that follows an answer. */
function withoutOldest(history: readonly PlainMessage[]): readonly PlainMessage[] {
  const next = history.findIndex(({ role }, i) => i > 0 && role === "user" && history[i - 1]!.role !== "user");
  return next < 0 ? [] : history.slice(next);
}

function overflow(requested: number, limit: number): LlmError {
  const message = `The input has ${requested} tokens with what it is put into, and the model's context ${limit}. Shorten it.`;
  return new LlmError("context_overflow", message, { requested, limit });
}

function aborted(): LlmError {
  return new LlmError("aborted", "The request was aborted.");
}
