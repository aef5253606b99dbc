/** What `chat.completions.create` gives: OpenAI's completion and chunk, with `reasoning_content` beside the content. */

export interface TopLogprob {
  readonly token: string;
  /** Natural logarithm of its probability in the model's distribution. */
  readonly logprob: number;
  /** The token as UTF-8; a token may be a part of a character. null: it has no text. */
  readonly bytes: number[] | null;
}
export interface TokenLogprob extends TopLogprob {
  /** Likeliest first. */
  readonly top_logprobs: TopLogprob[];
}
export interface ChoiceLogprobs {
  readonly content: TokenLogprob[] | null;
  readonly refusal: null;
}

export type ChatFinishReason = "stop" | "length" | "tool_calls";

export interface AnsweredToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface CompletionUsage {
  readonly prompt_tokens: number;
  /** Of all choices. */
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Prompt tokens whose KV was reused, by the first choice. */
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export interface ChatCompletion {
  readonly id: string;
  readonly object: "chat.completion";
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  readonly choices: {
    readonly index: number;
    readonly message: {
      readonly role: "assistant";
      /** null where there are only tool calls. */
      readonly content: string | null;
      readonly refusal: null;
      readonly reasoning_content?: string;
      readonly tool_calls?: AnsweredToolCall[];
    };
    readonly logprobs: ChoiceLogprobs | null;
    readonly finish_reason: ChatFinishReason;
  }[];
  readonly usage: CompletionUsage;
}

export interface ChatDelta {
  readonly role?: "assistant";
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: {
    readonly index: number;
    readonly id?: string;
    readonly type?: "function";
    readonly function?: { readonly name?: string; readonly arguments?: string };
  }[];
}

export interface ChatCompletionChunk {
  readonly id: string;
  readonly object: "chat.completion.chunk";
  readonly created: number;
  readonly model: string;
  /** Empty in the last chunk where the usage was asked for. */
  readonly choices: {
    readonly index: number;
    readonly delta: ChatDelta;
    readonly logprobs: ChoiceLogprobs | null;
    readonly finish_reason: ChatFinishReason | null;
  }[];
  /** Where it was asked for: null until the last chunk. */
  readonly usage?: CompletionUsage | null;
}
