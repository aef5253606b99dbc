/** What a session needs of a model. LoadedModel is one; the echo model of the tests is another. */
import type { Usage } from "../api/types";
import type { Tool } from "../contract/chat";
import type { PlainMessage } from "../contract/messages";
import type { ChatPrompt, ChatPromptOptions } from "../text/index";
import type { Delta } from "../text/tool_calls/types";

export interface RespondHooks {
  readonly tools: readonly Tool[];
  /** What the answer begins with, at the end of the prompt. */
  readonly begun: string;
  readonly onDelta: (delta: Delta) => void;
  readonly signal?: AbortSignal;
}

export interface SessionModel {
  /** Tokens that prompt and answer may have together. */
  readonly contextLength: number;
  /** Before messages or requests with tools. Errors: not_supported where the template knows none. */
  prepareTools(): Promise<void>;
  /** Messages as the chat template writes them. Errors: invalid_request, where it refuses them. */
  encodeChat(messages: readonly PlainMessage[], options?: ChatPromptOptions): ChatPrompt;
  /** Computes what prompts that begin with these ids will need. `options`: those of `respond`. */
  prepare(tokenIds: readonly number[], options: unknown, signal?: AbortSignal): Promise<void>;
  /**
   * One answer to a prompt of at most contextLength tokens; with `tools` parsed for calls of them. Resolves at its end,
   * also after an abort.
   */
  respond(prompt: ChatPrompt, options: unknown, hooks: RespondHooks): Promise<Usage>;
}
