/** `getLLM`: the model of the person where an extension offers one, else the page's own. */
import type { EngineOptions, ErrorCode, LLM, LoadOptions, MemoryOptions, ModelSource } from "@nomoat/runtime";
import { findProviders } from "./providers";

export interface GetLLMOptions extends LoadOptions {
  /** The page's own model, for where no provider has one: the URL of its package, which ends in "/", or its source. */
  readonly model?: string | ModelSource;
  /** Of the page's own memory: its `model` is the one that embeds; without it, `add` and `search` have none. */
  readonly memory?: MemoryOptions;
  /** Who is asked: "any" provider, the one with this `rdns`, or nobody but this "page". Default "any". */
  readonly provider?: string;
  /** For `createEngine` of the runtime, such as a worker of the page's own. */
  readonly engine?: EngineOptions;
  /** Loads the runtime. Default: `import("@nomoat/runtime")`, which a bundler or an import map resolves. */
  readonly runtime?: () => Promise<typeof import("@nomoat/runtime")>;
}

const KEYS = "model memory provider engine runtime device threads ownPrograms onProgress signal".split(" ");

/**
 * Resolves when there is a model to ask; the page's own is loaded by then. `signal` ends the search and the loading,
 * and later the page's own model: nothing else keeps it.
 *
 * Errors: model_not_found where there is neither a provider nor a `model`, invalid_request, aborted, network (the
 * runtime's code cannot be fetched), and those of `Engine.load`.
 */
export async function getLLM(options: GetLLMOptions = {}): Promise<LLM> {
  const unknown = Object.keys(options).find((key) => !KEYS.includes(key));
  if (unknown) throw failure("invalid_request", "TypeError", `getLLM: unknown option ${unknown}.`);
  const { provider: wanted = "any", model, signal, ...rest } = options;
  signal?.throwIfAborted();
  const providers =
    wanted === "page" ? [] : findProviders().filter(({ info }) => wanted === "any" || info.rdns === wanted);
  for (const { provider } of providers) {
    const availability = await provider.availability();
    signal?.throwIfAborted();
    if (availability !== "unavailable") return provider;
  }
  if (model !== undefined) {
    const { openPageLLM } = await import("./page_llm");
    return openPageLLM(typeof model === "string" ? { url: model } : model, signal, rest);
  }
  // It is the one that can tell its person how to get a model.
  if (providers[0]) return providers[0].provider;
  throw failure(
    "model_not_found",
    "NotFoundError",
    `No extension offers a model${wanted === "any" ? "" : ` as ${wanted}`}, and getLLM was given no model of this page's own.`,
  );
}

/** An error as `window.llm` has them, without the runtime's class, which is not loaded here. */
function failure(code: ErrorCode, name: string, message: string): Error {
  return Object.assign(new Error(message), { name, code });
}
