/** Proves that the task interfaces are filled where the browser has none, over the page's LanguageModel and llm, and that the
 * person's switch registers their script. Needs nothing. */

import type { LLM } from "@nomoat/runtime";
import { expect, it } from "vitest";
import { fillTasks } from "../page/tasks";
import { setUp } from "./pages";

// biome-ignore lint/suspicious/noExplicitAny: pages give and get anything
type Any = any;

it("fills what is missing or unavailable, and leaves what works", async () => {
  const works = { availability: async () => "downloadable" };
  const asked: Any[] = [];
  const broken = { availability: async (options: object) => asked.push(options) && "unavailable" };
  const target = Object.assign(new EventTarget(), { Summarizer: works, Translator: broken }) as Any;
  const calls: Any[] = [];
  const llm = {
    availability: async (options: object) => {
      calls.push(options);
      return "available";
    },
    embed: async (texts: readonly string[], { model }: Any) => {
      calls.push({ texts, model });
      return texts.map(() => new Float32Array([1]));
    },
  };
  fillTasks(target, llm as unknown as LLM);
  await new Promise((done) => setTimeout(done));
  expect(target.Summarizer).toBe(works);
  expect(target.Translator.name).toBe("Translator");
  expect(asked[0]).toEqual({ sourceLanguage: "en", targetLanguage: "es" });
  expect(Object.getOwnPropertyDescriptor(target, "Proofreader")).toMatchObject({ writable: true, enumerable: false });
  const session = { contextWindow: 9, destroy: () => undefined };
  target.LanguageModel = { create: async () => session, availability: async () => "available" };
  expect((await target.Classifier.create()).inputQuota).toBe(9);
  const embedder = await target.SemanticEmbedder.create({ embeddingSpace: "minilm" });
  expect(await embedder.embed("x")).toEqual({ embeddings: [{ values: new Float32Array([1]) }] });
  expect(calls).toEqual([{ model: "minilm" }, { texts: [""], model: "minilm" }, { texts: ["x"], model: "minilm" }]);
});

it("is registered for the sites that the person has switched on", async () => {
  const { admin, services, registered } = setUp();
  await admin("site.tasks", { origin: "https://a.example", on: true });
  await admin("site.tasks", { origin: "https://b.example", on: true });
  await admin("site.tasks", { origin: "https://a.example", on: true });
  await admin("site.tasks", { origin: "https://b.example", on: false });
  expect(registered.map((origins) => origins.length)).toEqual([1, 2, 2, 1]);
  expect(services.settings().withTasks).toEqual(["https://a.example"]);
});
