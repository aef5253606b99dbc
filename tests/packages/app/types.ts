/** Compiled, never run: what the types say of every entry. A wrong use that compiles is an error as well. */
import { findProviders, getLLM, type LLM } from "@nomoat/client";
import { createEngine, type Engine, LlmError, type Usage } from "@nomoat/runtime";
import { budgetOf, check, object, text as textRule } from "@nomoat/runtime/contract";
import { defineLanguageModel, documentFacts, modelPort } from "@nomoat/runtime/language-model";
import { openaiFetch } from "@nomoat/runtime/openai";
import { defineTasks } from "@nomoat/runtime/tasks";

const engine: Engine = createEngine({ worker: () => new Worker("worker.js", { type: "module" }) });
createEngine({ gpu: null });
const model = await engine.load(
  { url: "/models/a/" },
  { device: "wasm", threads: 2, onProgress: ({ loaded }) => loaded },
);
// @ts-expect-error: not a device
await engine.load({ id: "a" }, { device: "tpu" });
const answer = model.generate([{ role: "user", content: "Hi" }], { temperature: 0, responseFormat: /yes|no/ });
const text: string = await answer;
for await (const piece of answer) piece.toUpperCase();
const usage: Usage = await answer.usage;
// @ts-expect-error: it is a number
const wrong: string = usage.promptTokens;

const completion = await model.chat.completions.create({ messages: [{ role: "user", content: text }] });
completion.choices[0]?.message.content?.length;
for await (const chunk of model.chat.completions.create({ messages: [], stream: true }))
  chunk.choices[0]?.delta.content;
// @ts-expect-error: no such role
model.chat.completions.create({ messages: [{ role: "narrator", content: "" }] });

const llm: LLM = await getLLM({ model: "/models/a/", runtime: () => import("@nomoat/runtime") });
const vectors: readonly Float32Array[] = await llm.embed(["a", "b"], { model: "a" });
const { mood } = await llm.decide("Rain.", [{ id: "mood", type: "choice", prompt: "?", options: ["dry", "wet"] }]);
mood?.label.length;
window.llm?.generate("Hi", { maxTokens: 3 });
// @ts-expect-error: unknown option
getLLM({ modle: "a" });
findProviders().map(({ info }) => info.rdns.length);

const fetches: (typeof fetch)[] = [openaiFetch(model), openaiFetch(llm)];
const { LanguageModel } = defineLanguageModel(
  modelPort({ availability: async () => "available", load: async () => model }),
  documentFacts(document),
);
const session = await LanguageModel.create();
session.contextUsage.toFixed();
defineTasks(LanguageModel);
if (new LlmError("network", "") instanceof Error)
  check(object({ name: textRule(1, 9) }), {}, "request", budgetOf(0), "");

export { fetches, vectors, wrong };
