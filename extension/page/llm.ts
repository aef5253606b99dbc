/** The object that pages know as `window.llm`. It owns no power: every request is checked again behind the port. */
import type { Generation, ModelInfo, Usage } from "@nomoat/runtime";
import { parseGenerate } from "../protocol/generate-request";
import type { Availability } from "../protocol/page-port";
import { create, freeze, ownKeys } from "../protocol/primordials";
import { isAbortSignal, onAbort } from "./abort-signal";
import { invalidRequest } from "./errors";
import { createGeneration, promise } from "./generation";
import type { PrivatePort } from "./private-port";

export interface LLM {
  readonly version: string;
  availability(options?: object): Promise<Availability>;
  generate(prompt: unknown, options?: unknown): Generation;
  models(): Promise<readonly ModelInfo[]>;
}

export function createLLM(port: PrivatePort, version: string): LLM {
  const ask = <T>(method: "availability" | "models"): Promise<T> =>
    promise<T>(({ resolve, reject }) => {
      port.request({ method }, { result: (value) => resolve(value as T), error: reject });
    });

  return freeze({
    version,
    availability(options?: object) {
      if (hasKeys(options))
        return promise<never>(({ reject }) => reject(invalidRequest("availability() takes no options yet.")));
      return ask<Availability>("availability");
    },
    generate(prompt: unknown, options?: unknown) {
      let id = 0;
      const source = createGeneration(() => port.abort(id));
      const split = splitSignal(options);
      const parsed = "problem" in split ? split : parseGenerate(prompt, split.options);
      if ("problem" in parsed) {
        source.fail(invalidRequest(parsed.problem));
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
    models: () => ask<readonly ModelInfo[]>("models"),
  });
}

/** Takes the signal, which cannot cross a port, out of the options. Reads each option once. */
function splitSignal(options: unknown): { options: unknown; signal?: AbortSignal } | { problem: string } {
  if (typeof options !== "object" || options === null) return { options };
  try {
    const rest: Record<PropertyKey, unknown> = create(null);
    let signal: AbortSignal | undefined;
    const keys = ownKeys(options);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const value = (options as Record<PropertyKey, unknown>)[key];
      if (key !== "signal") rest[key] = value;
      else if (isAbortSignal(value)) signal = value;
      else if (value !== undefined) return { problem: "signal must be an AbortSignal." };
    }
    return signal ? { options: rest, signal } : { options: rest };
  } catch {
    return { problem: "The options of generate() could not be read: a getter or proxy threw." };
  }
}

function hasKeys(options: unknown): boolean {
  if (options === undefined) return false;
  try {
    return typeof options !== "object" || options === null || ownKeys(options).length > 0;
  } catch {
    return true;
  }
}
