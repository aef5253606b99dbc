/**
 * One generation: prefill of the prompt but its last token, then decode and sample, a few steps per submit, with the
 * sampled ids read back while the next submit already runs. Under a constraint a submit is one step, since the mask of
 * the next needs its token; tokens that follow with certainty are not sampled, and go through prefill.
 *
 * Owns its sequence of the KV cache while it is active. `tokens` is the truth about the request: prompt and answer
 * as read back. After preemption it starts again from there, on the same device or on another, and the sampler, which
 * counts steps, goes on as if nothing had happened.
 */
import type { FinishReason, Usage } from "../api/types";
import type { Constraint } from "../constraint/format";
import type { TokenLogprob } from "../contract/chat_answer";
import type { Copy } from "../device/executor";
import { LlmError } from "../internal/errors";
import type { ReadyStack } from "./adapter";
import type { Sequence } from "./kv_cache";
import { notFinite } from "./numeric_error";
import { prefillChunk } from "./prefill";
import type { ReasoningWatch } from "./reasoning_watch";
import { countTokens, type Sampling } from "./sampling";
import type { Advance } from "./scheduler";
import { RING_BYTES, type Session, type SessionTask, TOKEN_RING } from "./session";
import type { TextOutput } from "./text_output";
import type { TokenScores } from "./token_scores";

/** What a sampler writes where the logits are NaN or their maximum is not finite (docs/program-interface.md). */
const NO_TOKEN = -1;

export interface GenerateRequest {
  readonly promptIds: readonly number[];
  readonly maxTokens: number;
  /** Of this request alone, at the beginning of the answer. */
  readonly constraint: Constraint | null;
  readonly sampling: Sampling;
  readonly partition: string;
  /** Null: the model alone. */
  readonly adapters: ReadyStack | null;
  readonly output: TextOutput;
  /** Null: nobody asks for log probabilities or has a bias. Else there is one step per submit, with its logits read. */
  readonly scores: TokenScores | null;
  /** null: the model does not think, or nobody looks at it. */
  readonly watch: ReasoningWatch | null;
  readonly signal: AbortSignal | null;
  /** performance.now() when the request arrived. */
  readonly arrivedMs: number;
}

export class GenerateTask implements SessionTask {
  readonly partition: string;
  /** Settles once: with usage (also after an abort) or with an LlmError. */
  readonly result: Promise<Usage>;
  private resolve!: (usage: Usage) => void;
  private reject!: (error: LlmError) => void;
  private finished = false;
  /** An end that comes while work is being queued leaves the sequence open until that is done. */
  private advancing = false;

  private readonly tokens: number[];
  private sequence: Sequence | null = null;
  /** Steps queued on the device whose tokens have not been read back. */
  private queued = 0;
  /** What must follow the tokens read so far, whatever the device has gone on with. */
  private interjected: readonly number[] | null = null;
  /** Work of an earlier life, from before a preemption, is ignored. */
  private life = 0;
  /** What the sequence's pages hold gave no finite logits, so nothing may be built on it. */
  private spoilt = false;
  private cachedTokens = -1;
  private startedMs = 0;
  private firstTokenMs = 0;
  private lastTokenMs = 0;
  private ranOn: Pick<Usage, "device" | "threads">;
  private readonly onAbort = () => this.finish("aborted");

  constructor(
    private session: Session,
    private readonly request: GenerateRequest,
  ) {
    this.partition = request.partition;
    this.ranOn = deviceOf(session);
    this.tokens = [...request.promptIds];
    this.result = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    request.signal?.addEventListener("abort", this.onAbort);
    if (request.signal?.aborted) this.onAbort();
  }

  get over(): boolean {
    return this.finished;
  }

  async advance(activeTasks: number): Promise<Advance> {
    this.advancing = true;
    try {
      return await this.queueNext(activeTasks);
    } finally {
      this.advancing = false;
      if (this.finished) this.closeSequence();
    }
  }

  private async queueNext(activeTasks: number): Promise<Advance> {
    this.interject();
    const { session, tokens } = this;
    if (this.startedMs === 0) this.begin();
    if (this.finished) return "waiting";
    // Keys and values are those of the adapters that made them.
    const shared = JSON.stringify([this.partition, this.request.adapters?.key]);
    // Steps that are queued count: the next token's length says which frequencies it needs.
    const partition = session.partitionFor(shared, tokens.length + this.queued);
    if (this.sequence && this.sequence.partition !== partition) {
      if (this.queued > 0) return "waiting";
      this.closeSequence();
    }
    this.sequence ??= session.open(shared, tokens.slice(0, -1), tokens.length);
    const { sequence } = this;
    if (!sequence) return "no_memory";
    if (this.cachedTokens < 0) this.cachedTokens = sequence.tokens.length;
    if (sequence.tokens.length < tokens.length - 1)
      return prefillChunk(session, sequence, tokens, tokens.length - 1, this.request.adapters);
    return this.decode(sequence, activeTasks);
  }

  /** Goes on after the interjected tokens; what is queued on the device is forgotten. */
  private interject(): void {
    if (!this.interjected) return;
    const ids = this.interjected;
    this.interjected = null;
    this.preempt();
    for (const id of ids) {
      this.request.constraint?.accept(id);
      if (this.take(id, null)) return;
    }
    if (!this.takeForced()) this.request.output.send();
  }

  /** A token at position contextLength cannot be decoded any more. */
  private get isFull(): boolean {
    return (
      this.generated >= this.request.maxTokens || this.tokens.length > this.session.executor.program.context_length
    );
  }

  preempt(): void {
    this.closeSequence();
    this.queued = 0;
    this.life += 1;
  }

  moveTo(session: Session): void {
    this.session = session;
  }

  fail(error: LlmError): void {
    if (this.finished) return;
    this.end();
    this.reject(error);
  }

  private async decode(sequence: Sequence, activeTasks: number): Promise<Advance> {
    const { session, tokens, request } = this;
    const { executor } = session;
    const { context_length: contextLength } = executor.program;
    const { constraint } = request;
    if (constraint && this.queued > 0) return "waiting";
    // Only this task's own unread steps can go on without the host: after another's turn the token must be known.
    if (this.queued > 0 && session.stateOwner !== this) return "waiting";
    const position = tokens.length - 1 + this.queued;
    const step = this.generated + this.queued;
    const left = Math.min(request.maxTokens - step, contextLength - position);
    if (left <= 0) return "waiting";
    const { scores } = request;
    const wanted =
      step === 0 || scores || constraint ? 1 : Math.max(1, Math.floor(session.decodePace.size / activeTasks));
    const k = Math.min(wanted, left, session.lastOfKind(position + 1) - position);
    if (!(await session.reserve(sequence, position + k))) return "no_memory";
    await session.adapters.hold(request.adapters);
    const pool = scores ? session.ringAndLogits : session.ring;
    const staging = await pool.take();
    if (this.finished) {
      pool.give(staging);
      return "waiting";
    }
    // The next prompt of a chat begins with this one, while what runs past the end of the answer spoils a state.
    if (step === 0) session.snapshot(sequence);
    session.bind(sequence);
    if (session.stateOwner !== this) this.writeState(sequence, position);
    if (constraint) executor.write("token_mask", new Int32Array(constraint.mask().buffer));
    sequence.computed = position + k;
    const raw = scores?.biased ? await this.decodeWithBias(scores) : null;
    if (this.finished) {
      pool.give(staging);
      return "waiting";
    }
    const choose = [...(constraint ? ["mask_logits"] : []), request.sampling.function];
    const call = scores ? choose : ["decode", ...choose];
    const calls = Array.from({ length: call.length * k }, (_, i) => call[i % call.length]!);
    const ring: Copy = { from: "tokens", to: staging, toOffset: 0, bytes: RING_BYTES };
    const read = session.timed(session.decodePace, k, () => {
      // Before what the choice of a token makes of the logits.
      if (scores && !raw) {
        const row: Copy = { from: "logits", to: staging, toOffset: RING_BYTES, bytes: session.logitsBytes };
        executor.run(["decode"], 1, [row], request.adapters?.key);
      }
      executor.run(calls, 1, [ring], request.adapters?.key);
      return pool.read(staging);
    });
    this.queued += k;
    const { life } = this;
    const work = read.then((bytes) => {
      if (this.finished || this.life !== life || this.interjected) return;
      const logits = scores && (raw ?? new Float32Array(bytes, RING_BYTES));
      this.receive(new Int32Array(bytes, 0, TOKEN_RING), step, k, logits);
    });
    return { work };
  }

  /** Runs decode, and puts the bias on the logits that the sampler will read. Returns them as the model gave them. */
  private async decodeWithBias(scores: TokenScores): Promise<Float32Array> {
    const { session, request } = this;
    const { executor } = session;
    const staging = await session.ringAndLogits.take();
    const read = session.timed(session.decodePace, 1, () => {
      const copy = { from: "logits", to: staging, toOffset: RING_BYTES, bytes: session.logitsBytes };
      executor.run(["decode"], 1, [copy], request.adapters?.key);
      return session.ringAndLogits.read(staging);
    });
    const logits = new Float32Array(await read, RING_BYTES);
    executor.write("logits", scores.addBias(logits));
    return logits;
  }

  private writeState(sequence: Sequence, position: number): void {
    const { session, tokens } = this;
    const { sampling } = this.request;
    session.writeState(sequence, tokens[position]!, position, this.generated, sampling.seed, position + 1);
    session.executor.write("sampling", sampling.buffer);
    if (sampling.usesCounts) {
      session.executor.write("token_counts", countTokens(tokens, session.executor.program.vocab_size));
    }
    session.stateOwner = this;
  }

  private begin(): void {
    this.startedMs = performance.now();
    try {
      this.takeForced();
    } catch (thrown) {
      this.fail(LlmError.from(thrown));
    }
  }

  /** Takes the tokens of steps [step, step + k) from the ring. Those after a stop are dropped. */
  private receive(ring: Int32Array, step: number, k: number, logits: Float32Array | null): void {
    const { output, constraint, watch } = this.request;
    const { vocab_size: vocabSize } = this.session.executor.program;
    this.ranOn = deviceOf(this.session);
    this.queued -= k;
    try {
      for (let i = step; i < step + k; i++) {
        const id = ring[i % TOKEN_RING]!;
        if (id === NO_TOKEN) {
          this.spoilt = true;
          const position = this.tokens.length;
          const what = `The model's logits after ${position} tokens are`;
          throw notFinite(this.session.executor, what, ", so there is no next token", { position });
        }
        if (id < 0 || id >= vocabSize) {
          throw new LlmError("internal", `The sampler returned the token ${id} of a vocabulary of ${vocabSize}.`);
        }
        this.sequence!.tokens.push(this.tokens.at(-1)!);
        constraint?.accept(id);
        if (this.take(id, logits && this.request.scores!.of(logits, id))) return;
        this.interjected = watch?.end() ?? null;
        if (this.interjected) break;
      }
      if (!this.interjected && this.takeForced()) return;
      output.send();
    } catch (thrown) {
      this.fail(LlmError.from(thrown));
    }
  }

  /** The next token of the answer. True: the answer ends with it. */
  private take(id: number, logprob: TokenLogprob | null): boolean {
    const { output, watch } = this.request;
    this.lastTokenMs = performance.now();
    if (this.firstTokenMs === 0) this.firstTokenMs = this.lastTokenMs;
    this.tokens.push(id);
    watch?.take(id);
    const stopped = output.push(id, logprob);
    const ends = stopped || this.isFull;
    if (ends) this.finish(stopped ? "stop" : "length");
    return ends;
  }

  /** Takes tokens that the constraint leaves no choice about. True: the answer has ended. */
  private takeForced(): boolean {
    const { constraint } = this.request;
    if (!constraint) return false;
    for (let ids = constraint.forced(); ids.length > 0; ids = constraint.forced()) {
      for (const id of ids) {
        constraint.accept(id);
        if (this.take(id, null)) return true;
      }
    }
    if (constraint.mask().some((word) => word !== 0)) return false;
    // Only a model without a token that ends texts has nothing to say at the end.
    if (!constraint.complete)
      throw new LlmError("not_supported", "The tokens of this model cannot spell what the constraint asks for.");
    this.finish("stop");
    return true;
  }

  private get generated(): number {
    return this.tokens.length - this.request.promptIds.length;
  }

  private finish(finishReason: FinishReason): void {
    if (this.finished) return;
    const { promptIds, output, arrivedMs } = this.request;
    this.end();
    try {
      if (finishReason !== "aborted") output.flush();
    } catch (thrown) {
      this.reject(LlmError.from(thrown));
      return;
    }
    const completionTokens = this.generated;
    const cachedTokens = Math.max(this.cachedTokens, 0);
    const decodeSeconds = (this.lastTokenMs - this.firstTokenMs) / 1000;
    const prefillSeconds = (this.firstTokenMs - this.startedMs) / 1000;
    this.resolve({
      promptTokens: promptIds.length,
      completionTokens,
      cachedTokens,
      finishReason,
      promptIds,
      generatedIds: this.tokens.slice(promptIds.length),
      ...this.ranOn,
      ttftMs: completionTokens > 0 ? this.firstTokenMs - arrivedMs : 0,
      prefillTokPerS: completionTokens > 0 ? (promptIds.length - cachedTokens) / Math.max(prefillSeconds, 1e-6) : 0,
      decodeTokPerS: completionTokens > 1 ? (completionTokens - 1) / Math.max(decodeSeconds, 1e-6) : 0,
    });
  }

  private end(): void {
    this.finished = true;
    this.request.signal?.removeEventListener("abort", this.onAbort);
    if (!this.advancing) this.closeSequence();
  }

  private closeSequence(): void {
    if (this.session.stateOwner === this) this.session.stateOwner = null;
    if (this.sequence) this.session.close(this.sequence, !this.spoilt);
    this.sequence = null;
  }
}

function deviceOf({ executor }: Session): Pick<Usage, "device" | "threads"> {
  return { device: executor.kind, threads: executor.threads };
}
