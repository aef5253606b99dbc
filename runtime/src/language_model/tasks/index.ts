/**
 * The entry `./tasks`: the platform's task interfaces over any LanguageModel, ours or the browser's, whose pattern of create,
 * availability, monitor, signal and destroy they have.
 */
import { defineDecisions } from "./decisions";
import { TASKS } from "./declarations";
import { LanguageDetector } from "./language_detector";
import type { LanguageModelClass, TaskPort } from "./model";
import { defineProofreader } from "./proofreader";
import { defineEmbedder } from "./semantic_embedder";
import { defineWriting } from "./writing";

export type { LanguageModelClass, TaskPort } from "./model";

/** Classes by their names, for a page to have as globals. What `port` cannot do there is no class for. */
export function defineTasks(LanguageModel: LanguageModelClass, port: TaskPort = {}): Readonly<Record<string, unknown>> {
  return {
    ...Object.fromEntries(TASKS.map((task) => [task.name, defineWriting(task, LanguageModel)])),
    LanguageDetector,
    Proofreader: defineProofreader(LanguageModel),
    ...(port.decide && defineDecisions(LanguageModel, port.decide)),
    ...(port.embedder && { SemanticEmbedder: defineEmbedder(port.embedder) }),
  };
}
