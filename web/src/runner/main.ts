/**
 * The page that the command line drives (python/nomoat/browser): it runs one package and answers function calls.
 *
 * The driver calls `window.nomoatRunner.*` and gets {result} or {error: WireError}; what streams goes through the
 * binding `window.nomoatEmit`, which the driver defines before this script runs.
 */
import {
  type ChatRequest,
  createEngine,
  type EngineGenerateOptions,
  LlmError,
  type LoadOptions,
  type Message,
  type Model,
} from "@nomoat/runtime";
import { float32ToBase64 } from "./base64";

type Emit = (event: { readonly type: "progress" | "text"; readonly value: unknown }) => void;
type Answer<T> = Promise<{ readonly result: T } | { readonly error: unknown }>;

declare global {
  interface Window {
    nomoatEmit?: Emit;
    nomoatRunner: typeof runner;
  }
}

const emit: Emit = (event) => window.nomoatEmit?.(event);
const engine = createEngine();
let model: Model | undefined;

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

  /** (texts, hidden_size) float32 as in `logits`, row after row. */
  embed: (texts: readonly string[]) =>
    answer(async () => {
      const { embeddings, usage } = await loaded().embed(texts);
      const rows = await float32ToBase64(new Float32Array(embeddings.flatMap((embedding) => [...embedding])));
      return { rows, usage, device: loaded().device };
    }),

  tokenize: (text: string) => answer(() => loaded().tokenize(text)),

  /** Rows of float32 logits, little-endian, in base64: JSON numbers would be five times the size. */
  logits: (tokenIds: readonly number[], firstPosition: number, adapter: EngineGenerateOptions["adapter"] = []) =>
    answer(async () => float32ToBase64(await loaded().logits(tokenIds, { firstPosition, adapter }))),

  loadAdapter: (url: string, name: string) => answer(() => loaded().loadAdapter({ url }, { name })),

  unloadAdapter: (name: string) =>
    answer(async () => {
      await loaded().unloadAdapter(name);
      return null;
    }),

  measureBandwidth: () => answer(() => loaded().measureBandwidth()),
};

window.nomoatRunner = runner;
