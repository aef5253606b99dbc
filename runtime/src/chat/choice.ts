/** One choice of a completion: made of deltas as they come, which are its chunks at the same time. */
import type {
  AnsweredToolCall,
  ChatCompletion,
  ChatCompletionChunk,
  ChatDelta,
  ChatFinishReason,
  TokenLogprob,
} from "../contract/chat_answer";
import type { Delta, ToolCallParser } from "../text/index";

type ChunkChoice = ChatCompletionChunk["choices"][number];

export class Choice {
  private content = "";
  private reasoning = "";
  private readonly calls: { id: string; name: string; arguments: string }[] = [];
  private readonly logprobs: TokenLogprob[] = [];
  /** Of tokens whose text the parser holds. */
  private unsent: TokenLogprob[] = [];
  private begun = false;
  private finishReason: ChatFinishReason = "stop";

  /** `send` gets what the choice adds to the stream. */
  constructor(
    private readonly index: number,
    private readonly parser: ToolCallParser,
    private readonly withLogprobs: boolean,
    private readonly send: (choice: ChunkChoice) => void,
  ) {}

  /** The next piece of the answer, and the log probabilities of the tokens that it is of. */
  push(piece: string, logprobs: readonly TokenLogprob[]): void {
    this.begin();
    this.logprobs.push(...logprobs);
    this.unsent.push(...logprobs);
    for (const delta of this.parser.push(piece)) this.add(delta);
  }

  end(reason: "stop" | "length"): void {
    this.begin();
    for (const delta of this.parser.end()) this.add(delta);
    this.finishReason = reason === "stop" && this.calls.length > 0 ? "tool_calls" : reason;
    this.sendDelta({}, this.finishReason);
  }

  get completed(): ChatCompletion["choices"][number] {
    const { content, reasoning, calls } = this;
    const called = calls.map(
      ({ id, name, arguments: text }): AnsweredToolCall => ({
        id,
        type: "function",
        function: { name, arguments: text },
      }),
    );
    return {
      index: this.index,
      message: {
        role: "assistant",
        content: content === "" && calls.length > 0 ? null : content,
        refusal: null,
        ...(reasoning ? { reasoning_content: reasoning } : {}),
        ...(called.length > 0 ? { tool_calls: called } : {}),
      },
      logprobs: this.withLogprobs ? { content: this.logprobs, refusal: null } : null,
      finish_reason: this.finishReason,
    };
  }

  /** The first chunk of a choice says only whose it is. */
  private begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.sendDelta({ role: "assistant", content: "" }, null);
  }

  private add(delta: Delta): void {
    if (delta.type === "tool_call") this.addCall(delta);
    else if (delta.type === "content") {
      this.content += delta.text;
      this.sendDelta({ content: delta.text }, null);
    } else {
      this.reasoning += delta.text;
      this.sendDelta({ reasoning_content: delta.text }, null);
    }
  }

  private addCall({ index, id, name, arguments: text }: Extract<Delta, { type: "tool_call" }>): void {
    this.calls[index] ??= { id: id ?? "", name: name ?? "", arguments: "" };
    this.calls[index].arguments += text ?? "";
    const first = id === undefined ? {} : { id, type: "function" as const };
    const called = { ...(name === undefined ? {} : { name }), ...(text === undefined ? {} : { arguments: text }) };
    this.sendDelta({ tool_calls: [{ index, ...first, function: called }] }, null);
  }

  private sendDelta(delta: ChatDelta, finish_reason: ChatFinishReason | null): void {
    const logprobs = this.unsent.length > 0 ? { content: this.unsent, refusal: null } : null;
    this.unsent = [];
    this.send({ index: this.index, delta, logprobs, finish_reason });
  }
}
