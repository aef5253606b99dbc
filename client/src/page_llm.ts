/** `window.llm`'s interface over a model that this page runs itself. Loaded where no provider has a model. */
import type { LLM, LoadOptions, Memory, Model, ModelSource } from "@nomoat/runtime";
import { version } from "../package.json" with { type: "json" };
import type { GetLLMOptions } from "./get_llm";

type Runtime = typeof import("@nomoat/runtime");
type Rest = Omit<GetLLMOptions, "model" | "provider" | "signal">;

/** Owns the engine until `signal` is aborted. */
export async function openPageLLM(
  source: ModelSource,
  signal: AbortSignal | undefined,
  { runtime = () => import("@nomoat/runtime"), engine: engineOptions = {}, memory = {}, ...load }: Rest,
): Promise<LLM> {
  const code = await loaded(runtime);
  signal?.throwIfAborted();
  const engine = code.createEngine(engineOptions);
  try {
    const model = await engine.load(source, { ...load, ...(signal ? { signal } : {}) } satisfies LoadOptions);
    signal?.addEventListener("abort", () => void engine.close(), { once: true });
    return llmOver(model, await engine.memory(memory), code);
  } catch (thrown) {
    await engine.close();
    throw thrown;
  }
}

async function loaded(runtime: () => Promise<Runtime>): Promise<Runtime> {
  try {
    return await runtime();
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : "no reason given";
    const message = `The runtime could not be loaded: ${why}. Without a bundler or an import map, give getLLM a runtime.`;
    throw Object.assign(new Error(message), { name: "NetworkError", code: "network" });
  }
}

function llmOver(model: Model, memory: Memory, { LlmError }: Runtime): LLM {
  const { info } = model;
  const isAsked = (name: string | undefined): boolean => name === undefined || name === info.id || name === info.name;
  const require = (name: string | undefined): void => {
    if (!isAsked(name))
      throw new LlmError("model_not_found", `There is no model ${name} here (there: ${info.id}).`, { path: "model" });
  };
  return Object.freeze({
    version,
    chat: model.chat,
    memory,
    availability: async ({ model: name }: { readonly model?: string } = {}) =>
      isAsked(name) ? ("available" as const) : ("unavailable" as const),
    generate: model.generate.bind(model),
    createSession: model.createSession.bind(model),
    async decide(input, questions, { model: name, ...options } = {}) {
      require(name);
      return model.decide(input, questions, options);
    },
    async embed(input, { model: name, ...options } = {}) {
      require(name);
      return (await model.embed(input, options)).embeddings;
    },
    models: async () => [info],
  } satisfies LLM);
}
