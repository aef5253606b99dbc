/**
 * The web platform's task interfaces, where the person has switched them on for a site. They are made of what the page has
 * anyway: its LanguageModel, ours or the browser's, and `window.llm`. So this script has no way of its own to the engine.
 */

import type { LLM } from "@nomoat/runtime";
import { defineTasks, type LanguageModelClass } from "@nomoat/runtime/tasks";
import { fillInterface } from "./fill";

/** What the browser's own is asked about: the one that needs languages has these. */
const ASKED = { sourceLanguage: "en", targetLanguage: "es" };

/** `target`: the window, in a secure context. */
export function fillTasks(target: Window, llm: LLM): void {
  const names = target as unknown as { readonly LanguageModel: LanguageModelClass };
  // The one that is there when it is asked for: ours may take the place of the browser's later.
  const languageModel: LanguageModelClass = {
    create: (options) => names.LanguageModel.create(options),
    availability: (options) => names.LanguageModel.availability(options),
  };
  const tasks = defineTasks(languageModel, {
    decide: (input, questions, options) => llm.decide(input, questions, options),
    embedder: {
      availability: (model) => llm.availability(model === null ? {} : { model }),
      embed: (texts, { model, signal }) => llm.embed(texts, { signal, ...(model === null ? {} : { model }) }),
    },
  });
  for (const [name, task] of Object.entries(tasks)) fillInterface(target, name, () => ({ [name]: task }), ASKED);
}
