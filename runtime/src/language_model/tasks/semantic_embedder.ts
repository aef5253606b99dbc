/** SemanticEmbedder over a model that embeds. What a text is embedded for is checked, and no model of ours asks for it. */
import { domError } from "../errors";
import { guarded } from "../guarded";
import { Progress } from "../monitor";
import { dictionary, isSequence, oneOf, sequence, text } from "../webidl";
import type { TaskPort } from "./model";
import { beginCreate, MADE, named, stopOf, TaskObject } from "./task_object";

const TASK_TYPES = [
  "semantic-similarity",
  "retrieval-query",
  "retrieval-document",
  "classification",
  "clustering",
] as const;

interface EmbeddingResult {
  embeddings: { values: Float32Array }[];
}

export function defineEmbedder({ availability, embed }: NonNullable<TaskPort["embedder"]>) {
  class SemanticEmbedder extends TaskObject {
    readonly #space: string | null;

    constructor(key?: unknown, space: string | null = null, signal: AbortSignal | null = null) {
      super(key, signal);
      this.#space = space;
    }

    static async availability(options: unknown = {}): Promise<string> {
      return availability(spaceOf(dictionary(options, "options")));
    }

    static async create(given: unknown = {}): Promise<SemanticEmbedder> {
      const options = dictionary(given, "options");
      const space = spaceOf(options);
      const { signal, monitor } = beginCreate(options);
      const stop = signal ?? new AbortController().signal;
      await null;
      return guarded(stop, async () => {
        if ((await availability(space)) === "unavailable")
          throw domError("NotSupportedError", "There is no model here that could embed.");
        stop.throwIfAborted();
        const progress = new Progress(monitor);
        progress.start();
        // Has the person asked and the model loaded, and fails where the model does not embed.
        await embed([""], { model: space, signal: stop });
        stop.throwIfAborted();
        progress.finish();
        return new SemanticEmbedder(MADE, space, signal);
      });
    }

    async embed(input: unknown, options: unknown = {}): Promise<EmbeddingResult> {
      const texts = isSequence(input) ? sequence(input, "input").map(text) : [text(input)];
      const { taskType } = dictionary(options, "options");
      if (taskType !== undefined) oneOf(taskType, "taskType", TASK_TYPES);
      const signal = stopOf(this, options);
      return guarded(signal, async () => {
        const vectors = texts.length === 0 ? [] : await embed(texts, { model: this.#space, signal });
        return { embeddings: vectors.map((values) => ({ values })) };
      });
    }
  }
  return named(SemanticEmbedder, "SemanticEmbedder");
}

/** The model that makes the vectors; null: the one that there is. */
function spaceOf({ embeddingSpace }: Readonly<Record<string, unknown>>): string | null {
  return embeddingSpace === undefined ? null : text(embeddingSpace);
}
