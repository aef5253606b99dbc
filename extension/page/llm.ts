/** The object that pages know as `window.llm`. It owns no power: every request is checked again behind the port. */
import type { Chat, Generation, ModelInfo, Usage } from "@nomoat/runtime";
import { freeze } from "@nomoat/runtime/contract";
import { parseGenerate } from "../protocol/page-contract";
import { type Availability, parseModelOptions } from "../protocol/page-port";
import { onAbort } from "./abort-signal";
import { createChat } from "./chat";
import { problemError } from "./errors";
import { createGeneration } from "./generation";
import { promise } from "./pieces";
import type { PrivatePort } from "./private-port";
import { regexFormat } from "./regex-format";
import { splitSignal } from "./split-signal";

export interface LLM {
  readonly version: string;
  readonly chat: Chat;
  availability(options?: object): Promise<Availability>;
  generate(prompt: unknown, options?: unknown): Generation;
  models(): Promise<readonly ModelInfo[]>;
}

export function createLLM(port: PrivatePort, version: string): LLM {
  return freeze({
    version,
    chat: createChat(port),
    availability: (options?: object) =>
      promise<Availability>(({ resolve, reject }) => {
        const parsed = parseModelOptions(options);
        if ("problem" in parsed) return reject(problemError(parsed));
        const request = { method: "availability" as const, options: parsed.value };
        port.request(request, { result: (value) => resolve(value as Availability), error: reject });
      }),
    generate(prompt: unknown, options?: unknown) {
      let id = 0;
      const source = createGeneration(() => port.abort(id));
      const split = splitSignal(options, "generate()");
      const parsed = "problem" in split ? split : parseGenerate(prompt, regexFormat(split.rest));
      if ("problem" in parsed) {
        source.fail(problemError(parsed));
        return source.generation;
      }
      const { signal } = split as { signal?: AbortSignal };
      const stop = (reason: unknown): void => {
        if (source.settled()) return;
        source.fail(reason);
        port.abort(id);
      };
      if (signal && onAbort(signal, stop)) return source.generation;
      id = port.request(
        { method: "generate", ...parsed.value },
        { text: source.text, result: (usage) => source.finish(usage as Usage), error: source.fail },
      );
      return source.generation;
    },
    models: () =>
      promise<readonly ModelInfo[]>(({ resolve, reject }) => {
        port.request(
          { method: "models" },
          { result: (value) => resolve(value as readonly ModelInfo[]), error: reject },
        );
      }),
  });
}
