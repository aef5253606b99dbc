/**
 * The Prompt API's class, over a port: it converts and checks what pages give, keeps their order of errors, and owns what
 * is of the page: events, signals, streams and tools. What has to be computed is behind the port.
 *
 * docs/language-model.md has the rules; they are tested as tables.
 */
// biome-ignore-all lint/complexity/noArguments: WebIDL tells an argument that is missing from undefined.
import type { Message, ToolCall } from "../api/types";
import type { SessionEvent } from "../worker/protocol";
import { domError, QuotaExceededError } from "./errors";
import { guarded } from "./guarded";
import { type Input, readConstraint, readInput } from "./input";
import { CreateMonitor, Progress } from "./monitor";
import { type CoreOptions, readCoreOptions, unsupported } from "./options";
import type { Availability, LanguageModelPort, PageFacts } from "./port";
import {
  argumentsOf,
  type DeclaredTool,
  fromToolCall,
  LanguageModelToolCall,
  LanguageModelToolError,
  LanguageModelToolSuccess,
  resultText,
} from "./tools";
import { dictionary, fail, signalOf } from "./webidl";

/** A prompt whose tools are called by us may go on for so many rounds. */
const MAX_ROUNDS = 64;

type Chunk = string | { readonly type: "text" | "tool-call"; readonly value: unknown };

interface Made {
  readonly session: number;
  readonly contextUsage: number;
  readonly contextWindow: number;
  readonly core: CoreOptions;
  readonly signal: AbortSignal | null;
  readonly empty: boolean;
}

interface Asked extends Input {
  readonly options: ReturnType<typeof readConstraint>;
  readonly signal: AbortSignal | null;
}

/** The class and its companions, for a page to have as globals. */
export function defineLanguageModel(port: LanguageModelPort, page: PageFacts) {
  /** Set while we make an object ourselves: everybody else's constructor call is illegal. */
  let made: Made | null = null;

  const requireActive = () => {
    if (!page.fullyActive()) throw domError("InvalidStateError", "The document is not fully active.");
  };

  class LanguageModel extends EventTarget {
    #session: number;
    #usage: number;
    readonly #window: number;
    readonly #core: CoreOptions;
    readonly #ended = new AbortController();
    /** No message was given to the session yet. */
    #empty: boolean;
    #last: Promise<unknown> = Promise.resolve();
    #handler: ((event: Event) => unknown) | null = null;

    constructor() {
      super();
      if (!made) throw new TypeError("Illegal constructor");
      this.#session = made.session;
      this.#usage = made.contextUsage;
      this.#window = made.contextWindow;
      this.#core = made.core;
      this.#empty = made.empty;
      const { signal } = made;
      signal?.addEventListener("abort", () => this.#end(signal.reason), { once: true });
      this.addEventListener("contextoverflow", (event) => this.#handler?.call(this, event));
    }

    static async availability(options: unknown = {}): Promise<Availability> {
      requireActive();
      const core = readCoreOptions(dictionary(options, "options"));
      if (!page.policyAllows() || unsupported(core, page.languages)) return "unavailable";
      return port.availability();
    }

    static async create(optionsGiven: unknown = {}): Promise<LanguageModel> {
      requireActive();
      const options = dictionary(optionsGiven, "options");
      const core = readCoreOptions(options);
      const { initialPrompts = [], monitor } = options;
      const { messages } = readInput(initialPrompts, "initial", core.inputs, true);
      if (monitor !== undefined && typeof monitor !== "function") fail("monitor must be a function.");
      const signal = signalOf(options);
      signal?.throwIfAborted();
      if (!page.policyAllows()) throw domError("NotAllowedError", "The permissions policy denies language-model.");
      const createMonitor = monitor ? new CreateMonitor() : null;
      if (createMonitor) (monitor as (monitor: CreateMonitor) => void)(createMonitor);
      const stop = signal ?? new AbortController().signal;
      // From here on nothing happens within the call.
      await null;
      const refused = unsupported(core, page.languages);
      if (refused) throw domError("NotSupportedError", refused);
      return guarded(stop, async () => {
        if ((await port.availability()) === "unavailable")
          throw domError("NotSupportedError", "There is no model here that could answer.");
        stop.throwIfAborted();
        const progress = new Progress(createMonitor);
        progress.start();
        await port.prepare({ signal: stop, onProgress: (fraction) => stop.aborted || progress.update(fraction) });
        stop.throwIfAborted();
        progress.finish();
        const tools = core.tools.map(({ execute: _, ...tool }) => tool);
        const created = await port.call(
          "createSession",
          { initialPrompts: messages, options: { samplingMode: core.samplingMode, tools } },
          { signal: stop },
        );
        if (stop.aborted) void port.call("destroySession", { session: created.session });
        stop.throwIfAborted();
        return make({ ...created, core, signal, empty: messages.length === 0 });
      });
    }

    get contextUsage(): number {
      return this.#usage;
    }
    get contextWindow(): number {
      return this.#window;
    }
    get samplingMode(): CoreOptions["samplingMode"] {
      return this.#core.samplingMode;
    }
    get oncontextoverflow(): ((event: Event) => unknown) | null {
      return this.#handler;
    }
    set oncontextoverflow(value: unknown) {
      this.#handler = typeof value === "function" ? (value as (event: Event) => unknown) : null;
    }

    async prompt(input: unknown, options: unknown = {}): Promise<string | Chunk[]> {
      if (arguments.length === 0) fail("prompt needs an input.");
      const asked = this.#read(input, options);
      let text = "";
      const calls: Chunk[] = [];
      await this.#answer(asked, asked.signal, (chunk) => {
        if (typeof chunk === "string") text += chunk;
        else if (chunk.type === "text") text += chunk.value;
        else calls.push(chunk);
      });
      if (!this.#core.open) return text;
      return text !== "" || calls.length === 0 ? [{ type: "text", value: text }, ...calls] : calls;
    }

    promptStreaming(input: unknown, options: unknown = {}): ReadableStream<Chunk> {
      if (arguments.length === 0) fail("promptStreaming needs an input.");
      const asked = this.#read(input, options);
      const left = new AbortController();
      const signal = asked.signal ? AbortSignal.any([asked.signal, left.signal]) : left.signal;
      return new ReadableStream<Chunk>({
        start: (controller) => {
          this.#answer(asked, signal, (chunk) => controller.enqueue(chunk)).then(
            () => controller.close(),
            (reason) => left.signal.aborted || controller.error(reason),
          );
        },
        cancel: (reason) => left.abort(reason),
      });
    }

    async append(input: unknown, options: unknown = {}): Promise<undefined> {
      if (arguments.length === 0) fail("append needs an input.");
      requireActive();
      const signal = signalOf(dictionary(options, "options"));
      const { messages } = readInput(input, "append", this.#core.inputs, this.#empty);
      await this.#turn(signal, async (stop) => {
        const onEvent = (event: SessionEvent) => this.#tell(event);
        const state = await port.call(
          "appendSession",
          { session: this.#session, input: messages },
          { signal: stop, onEvent },
        );
        this.#empty &&= messages.length === 0;
        this.#usage = state.contextUsage;
      });
    }

    async measureContextUsage(input: unknown, options: unknown = {}): Promise<number> {
      if (arguments.length === 0) fail("measureContextUsage needs an input.");
      const { messages, prefix, options: constraint, signal } = this.#read(input, options);
      const stop = this.#stop(signal);
      return guarded(stop, () =>
        port.call(
          "measureSession",
          { session: this.#session, input: messages, options: { ...constraint, prefix } },
          { signal: stop },
        ),
      );
    }

    async clone(options: unknown = {}): Promise<LanguageModel> {
      requireActive();
      const signal = signalOf(dictionary(options, "options"));
      return this.#turn(signal, async (stop) => {
        const created = await port.call("cloneSession", { session: this.#session }, { signal: stop });
        return make({ ...created, core: this.#core, signal, empty: this.#empty });
      });
    }

    destroy(): undefined {
      this.#end(domError("AbortError", "The session was destroyed."));
    }

    #read(input: unknown, optionsGiven: unknown): Asked {
      requireActive();
      const options = dictionary(optionsGiven, "options");
      const constraint = readConstraint(options);
      const signal = signalOf(options);
      return { ...readInput(input, "prompt", this.#core.inputs, this.#empty), options: constraint, signal };
    }

    /** Of the whole answer, what a page gets of it. Tools of the closed form are called on the way. */
    #answer(asked: Asked, signal: AbortSignal | null, onChunk: (chunk: Chunk) => void): Promise<void> {
      const { open, tools } = this.#core;
      const onText = (text: string) => onChunk(open ? { type: "text", value: text } : text);
      return this.#turn(signal, async (stop) => {
        if (open || tools.length === 0) {
          const calls = await this.#ask(this.#session, asked.messages, asked, stop, onText);
          for (const call of calls) onChunk({ type: "tool-call", value: fromToolCall(call) });
        } else await this.#converse(asked, stop, onText);
        this.#empty = false;
      });
    }

    /** Prompt, calls, results and so on, on a clone, so that an abort or a failure leaves the history as it was. */
    async #converse(asked: Asked, stop: AbortSignal, onText: (text: string) => void): Promise<void> {
      const before = this.#session;
      const usage = this.#usage;
      const { session } = await port.call("cloneSession", { session: before }, { signal: stop });
      let done = false;
      try {
        let { messages } = asked;
        let { prefix } = asked;
        for (let round = 0; ; round++) {
          const calls = await this.#ask(session, messages, { ...asked, prefix }, stop, onText);
          if (calls.length === 0) break;
          if (round === MAX_ROUNDS) throw domError("OperationError", "The model does not stop calling tools.");
          messages = await Promise.all(calls.map((call) => execute(this.#core.tools, call)));
          prefix = false;
          stop.throwIfAborted();
        }
        done = true;
        this.#session = session;
      } finally {
        if (!done) this.#usage = usage;
        void port.call("destroySession", { session: done ? before : session }).catch(() => undefined);
      }
    }

    /** One prompt of a session. Returns the calls of its answer. */
    async #ask(
      session: number,
      input: readonly Message[],
      { prefix, options }: Pick<Asked, "prefix" | "options">,
      stop: AbortSignal,
      onText: (text: string) => void,
    ): Promise<ToolCall[]> {
      const calls: ToolCall[] = [];
      const onEvent = (event: SessionEvent) => {
        if (stop.aborted) return;
        if ("text" in event) onText(event.text);
        else if ("toolCall" in event) calls.push(event.toolCall);
        else this.#tell(event);
      };
      const params = { session, input, options: { ...options, prefix } };
      const { contextUsage } = await port.call("promptSession", params, { signal: stop, onEvent });
      stop.throwIfAborted();
      this.#usage = contextUsage;
      return calls;
    }

    #tell(event: SessionEvent): void {
      if ("overflow" in event) this.dispatchEvent(new Event("contextoverflow"));
    }

    /** Aborts with the given signal and with the session. */
    #stop(signal: AbortSignal | null): AbortSignal {
      return AbortSignal.any(signal ? [signal, this.#ended.signal] : [this.#ended.signal]);
    }

    /** Runs after what was asked for before. An abort ends it at once, also while it waits. */
    #turn<T>(signal: AbortSignal | null, run: (stop: AbortSignal) => Promise<T>): Promise<T> {
      const stop = this.#stop(signal);
      const before = this.#last;
      const turn = guarded(stop, async () => {
        await before;
        stop.throwIfAborted();
        return run(stop);
      });
      this.#last = Promise.allSettled([before, turn]);
      return turn;
    }

    #end(reason: unknown): void {
      if (this.#ended.signal.aborted) return;
      this.#ended.abort(reason);
      void port.call("destroySession", { session: this.#session }).catch(() => undefined);
    }
  }

  function make(state: Made): LanguageModel {
    made = state;
    try {
      return new LanguageModel();
    } finally {
      made = null;
    }
  }

  // As of a platform's class.
  for (const name of Object.getOwnPropertyNames(LanguageModel.prototype))
    if (name !== "constructor") Object.defineProperty(LanguageModel.prototype, name, { enumerable: true });
  Object.defineProperty(LanguageModel.prototype, Symbol.toStringTag, { value: "LanguageModel", configurable: true });

  return { LanguageModel, LanguageModelToolCall, LanguageModelToolSuccess, LanguageModelToolError, QuotaExceededError };
}

/** What a tool throws the model is told, so that it can do without. */
async function execute(tools: readonly DeclaredTool[], call: ToolCall): Promise<Message> {
  const { name, arguments: json } = call.function;
  const answer = (content: string): Message => ({ role: "tool", content, tool_call_id: call.id, name });
  try {
    const tool = tools.find((each) => each.function.name === name);
    if (!tool?.execute) return answer(`Error: there is no tool ${name}.`);
    return answer(resultText(await tool.execute(argumentsOf(json))));
  } catch (thrown) {
    return answer(`Error: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
