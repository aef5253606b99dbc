/**
 * The page that the command line drives (python/nomoat/browser): it runs one package and answers function calls.
 *
 * The driver calls `window.nomoatRunner.*` and gets {result} or {error: WireError}; what streams goes through the
 * binding `window.nomoatEmit`, which the driver defines before this script runs.
 */
import {
  type ChatRequest,
  createEngine,
  type DecideOptions,
  type EngineGenerateOptions,
  LlmError,
  type LoadOptions,
  type Memory,
  type MemoryOptions,
  type Message,
  type Model,
  type Question,
  type Session,
  type SessionOptions,
  type SessionPromptOptions,
} from "@nomoat/runtime";
import { float32ToBase64 } from "./base64";
import { type EmitEvents, Requests } from "./requests";

type Emit = (event: { readonly type: "progress" | "text"; readonly value: unknown }) => void;
type Answer<T> = Promise<{ readonly result: T } | { readonly error: unknown }>;

declare global {
  interface Window {
    nomoatEmit?: Emit;
    nomoatEvents?: EmitEvents;
    nomoatRunner: typeof runner;
  }
}

const emit: Emit = (event) => window.nomoatEmit?.(event);
const requests = new Requests((batch) => window.nomoatEvents?.(batch) ?? Promise.resolve());
const engine = createEngine();
let model: Model | undefined;
const sessions: Session[] = [];

function sessionAt(index: number): Session {
  const session = sessions[index];
  if (session === undefined) throw new LlmError("invalid_request", `There is no session ${index} in the runner page.`);
  return session;
}

function described(index: number) {
  const { contextUsage, contextWindow } = sessionAt(index);
  return { index, contextUsage, contextWindow };
}

function loaded(): Model {
  if (model === undefined) throw new LlmError("invalid_request", "No model is loaded in the runner page.");
  return model;
}

async function answer<T>(call: () => Promise<T>): Answer<T> {
  try {
    return { result: await call() };
  } catch (thrown) {
    return { error: LlmError.from(thrown).toWire() };
  }
}

type OnEvent = (value: unknown) => void;
/** What the HTTP server asks for. */
const served = {
  async generate(
    { prompt, options }: { prompt: string | readonly Message[]; options: EngineGenerateOptions },
    signal: AbortSignal,
    onEvent: OnEvent,
  ) {
    const generation = loaded().generate(prompt, { ...options, signal });
    for await (const text of generation) onEvent({ text });
    return { usage: await generation.usage };
  },

  /** OpenAI's request; the events are its chunks, where it says `stream`. */
  async chat(request: ChatRequest, signal: AbortSignal, onEvent: OnEvent) {
    const answer = await loaded().chat.completions.create(request, { signal });
    if (!(Symbol.asyncIterator in answer)) return answer;
    for await (const chunk of answer) onEvent(chunk);
    return null;
  },

  /** (texts, hidden_size) float32 as in `logits`, row after row. */
  async embed(texts: readonly string[], signal?: AbortSignal) {
    const { embeddings, usage } = await loaded().embed(texts, signal ? { signal } : {});
    return { rows: await float32ToBase64(flat(embeddings)), usage };
  },
};

function flat(rows: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  rows.forEach((row, i) => {
    all.set(row, i * row.length);
  });
  return all;
}

const runner = {
  load: (url: string, options: Pick<LoadOptions, "device" | "threads"> = {}) =>
    answer(async () => {
      model = await engine.load({ url }, { ...options, onProgress: (value) => emit({ type: "progress", value }) });
      const { info, task, device, loadMs } = model;
      return { info, task, device, loadMs };
    }),

  /** `stream`: emits the pieces as they come, which costs a measurement on few cores a part of them. */
  generate: (prompt: string | readonly Message[], options: EngineGenerateOptions, stream = true) =>
    answer(async () => {
      const generation = loaded().generate(prompt, options);
      let text = "";
      for await (const piece of generation) {
        text += piece;
        if (stream) emit({ type: "text", value: piece });
      }
      const usage = await generation.usage;
      return { text, usage, device: loaded().device };
    }),

  /** OpenAI's request and completion; not streamed. */
  chat: (request: ChatRequest) => answer(() => loaded().chat.completions.create({ ...request, stream: false })),

  embed: (texts: readonly string[]) =>
    answer(async () => ({ ...(await served.embed(texts)), device: loaded().device })),

  tokenize: (text: string) => answer(() => loaded().tokenize(text)),

  /** Rows of float32 logits, little-endian, in base64: JSON numbers would be five times the size. */
  logits: (tokenIds: readonly number[], firstPosition: number, adapter: EngineGenerateOptions["adapter"] = []) =>
    answer(async () => float32ToBase64(await loaded().logits(tokenIds, { firstPosition, adapter }))),

  /** `ms`: what the decisions took. */
  decide: (input: string, questions: readonly Question[], options: DecideOptions = {}) =>
    answer(async () => {
      const startedMs = performance.now();
      const decisions = await loaded().decide(input, questions, options);
      return { decisions, ms: performance.now() - startedMs };
    }),

  /** A session, which later calls name by its number. */
  createSession: (options: SessionOptions = {}) =>
    answer(async () => described(sessions.push(await loaded().createSession(options)) - 1)),

  cloneSession: (index: number) => answer(async () => described(sessions.push(await sessionAt(index).clone()) - 1)),

  promptSession: (index: number, input: string | readonly Message[], options: SessionPromptOptions = {}) =>
    answer(async () => {
      const generation = sessionAt(index).prompt(input, options);
      const text = await generation;
      return { text, usage: await generation.usage, ...described(index) };
    }),

  measureSession: (index: number, input: string | readonly Message[]) => answer(() => sessionAt(index).measure(input)),

  /** One method of a memory; `ms`: what it took. */
  memory: <M extends keyof Memory>(options: MemoryOptions, method: M, ...given: Parameters<Memory[M]>) =>
    answer(async () => {
      const memory = await engine.memory(options);
      const startedMs = performance.now();
      const call = memory[method] as (...given: unknown[]) => Promise<unknown>;
      return { value: await call(...given), ms: performance.now() - startedMs };
    }),

  memories: () => answer(() => engine.memories()),

  loadAdapter: (url: string, name: string) => answer(() => loaded().loadAdapter({ url }, { name })),

  unloadAdapter: (name: string) =>
    answer(async () => {
      await loaded().unloadAdapter(name);
      return null;
    }),

  /** One request of many at once; its events go through `nomoatEvents`. */
  request: <M extends keyof typeof served>(id: number, method: M, params: Parameters<(typeof served)[M]>[0]) =>
    answer(() =>
      requests.run<unknown>(id, (signal, onEvent) => {
        const serve = served[method] as (params: unknown, signal: AbortSignal, onEvent: OnEvent) => Promise<unknown>;
        return serve(params, signal, onEvent);
      }),
    ),

  abort: (id: number) => requests.abort(id),

  measureBandwidth: () => answer(() => loaded().measureBandwidth()),
};

window.nomoatRunner = runner;
