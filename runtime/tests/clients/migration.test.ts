// Proves that the examples of docs/migration.md run, one after another as a reader takes them. Needs nothing: the model that is
// loaded is the speaking toy, so what they print is noise, but they print it.
import { readFileSync } from "node:fs";
import * as compatible from "@ai-sdk/openai-compatible";
import * as langchain from "@langchain/openai";
import * as ai from "ai";
import OpenAI from "openai";
import { expect, it, vi } from "vitest";
import * as openaiFetch from "../../src/api/openai_fetch";
import * as languageModel from "../../src/language_model/index";
import * as tasks from "../../src/language_model/tasks/index";
import * as testing from "../../src/testing/index";
import { speakingToy } from "../fixtures/speaking_toy";
import { loadToy } from "../fixtures/toy_engine";

const page = readFileSync(new URL("../../../docs/migration.md", import.meta.url), "utf8");
const [loading, ...examples] = [...page.matchAll(/^```js run\n(.*?)^```$/gms)].map(([, code]) => code!);
const AsyncFunction = (async () => undefined).constructor as new (
  ...parts: string[]
) => (...given: unknown[]) => Promise<unknown>;

/** What an example imports is taken of `modules`. */
function runnable(code: string): string {
  return code
    .replace(/^import (\w+) from ("[^"]+");$/gm, "const { default: $1 } = modules[$2];")
    .replace(/^import (\{[^}]+\}) from ("[^"]+");$/gm, "const $1 = modules[$2];");
}

it("has examples", () => {
  expect(examples).toHaveLength(7);
  expect(page.match(/```js run/g)).toHaveLength(8);
});

it.each(examples.map((code, i) => [i, code] as const))("example %d runs", async (_, code) => {
  vi.stubGlobal("ProgressEvent", class extends Event {});
  const { model } = await loadToy(speakingToy);
  const modules = {
    "@nomoat/runtime": { createEngine: () => ({ load: async () => model }) },
    "@nomoat/runtime/openai": openaiFetch,
    "@nomoat/runtime/language-model": languageModel,
    "@nomoat/runtime/tasks": tasks,
    "@nomoat/runtime/testing": testing,
    "@ai-sdk/openai-compatible": compatible,
    "@langchain/openai": langchain,
    ai,
    openai: { default: OpenAI },
  };
  const log = vi.fn();
  const document = { defaultView: {} };
  const run = new AsyncFunction("modules", "document", "console", runnable(`${loading}${code}`));
  await run(modules, document, { log });
  expect(log).toHaveBeenCalled();
  for (const [printed] of log.mock.calls) expect(printed).not.toBeUndefined();
});
