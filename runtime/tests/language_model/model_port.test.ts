// Proves that LanguageModel runs on a model of the runtime: what the toy model says, counted, streamed, cloned, aborted and
// evicted as through the port of the other tests; and which names the entry has. Needs nothing.
import { beforeAll, expect, it, onTestFinished, vi } from "vitest";
import { createInProcessEngine } from "../../src/api/in_process";
import * as entry from "../../src/language_model/index";
import { defineLanguageModel, documentFacts, modelPort } from "../../src/language_model/index";
import { fakeDevices } from "../fixtures/fake_executor";
import { greedy } from "../fixtures/toy_model";
import { idsOf, textOf, toyPackage, toyStore } from "../fixtures/toy_package";

beforeAll(() => {
  vi.stubGlobal("ProgressEvent", class extends Event {});
});

// biome-ignore lint/suspicious/noExplicitAny: pages give and get anything
type Any = any;

async function open() {
  const devices = fakeDevices({ adapter: { software: false } });
  const engine = createInProcessEngine({ gpu: undefined, devices, openStore: async () => toyStore(toyPackage) });
  onTestFinished(() => engine.close());
  const model = await engine.load({ id: "toy" });
  const port = modelPort({ availability: async () => "available", load: async () => model });
  const page = { defaultView: {} } as unknown as Document;
  const { LanguageModel } = defineLanguageModel(port, documentFacts(page));
  return { page, LanguageModel: LanguageModel as Any };
}
/** The whole rest of the context: the toy model rarely ends by itself. */
const answerTo = (chat: string) => textOf(greedy(idsOf(chat), 97 - chat.length));

it("exports these names and no others", () => {
  expect(Object.keys(entry).sort()).toEqual(["defineLanguageModel", "documentFacts", "modelPort"]);
});

it("answers, counts, clones and overflows", async () => {
  const { LanguageModel } = await open();
  const session = await LanguageModel.create({ initialPrompts: [{ role: "system", content: "hi" }] });
  expect([session.contextUsage, session.contextWindow]).toEqual(["s,hi.".length, 96]);
  expect(await session.measureContextUsage("you")).toBe("u,you.".length);
  const clone = await session.clone();
  const answer = await session.prompt("you", {});
  expect(answer).toBe(answerTo("s,hi.u,you."));
  let streamed = "";
  for await (const piece of clone.promptStreaming("you")) streamed += piece;
  expect(streamed).toBe(answer);
  const overflow = vi.fn();
  session.oncontextoverflow = overflow;
  await session.prompt("0123456789012345678901234567890123456789");
  expect(overflow).toHaveBeenCalledTimes(1);
});

it("aborts, and refuses what is too long", async () => {
  const { LanguageModel } = await open();
  const session = await LanguageModel.create();
  const controller = new AbortController();
  const reader = session.promptStreaming("hello", { signal: controller.signal }).getReader();
  await reader.read();
  controller.abort();
  await expect(reader.read().then(() => reader.read())).rejects.toMatchObject({ name: "AbortError" });
  expect(session.contextUsage).toBe(0);
  await expect(session.prompt("x".repeat(100))).rejects.toMatchObject({ name: "QuotaExceededError", quota: 96 });
  session.destroy();
  await expect(session.prompt("x")).rejects.toMatchObject({ name: "AbortError" });
});

it("asks the document", async () => {
  const { LanguageModel, page } = await open();
  (page as Any).defaultView = null;
  await expect(LanguageModel.create()).rejects.toMatchObject({ name: "InvalidStateError" });
  const policy = (features: string[], allowed: boolean) =>
    documentFacts({ featurePolicy: { features: () => features, allowsFeature: () => allowed } } as Any).policyAllows();
  expect([policy(["language-model"], true), policy(["language-model"], false), policy([], false)]).toEqual([
    true,
    false,
    true,
  ]);
});
