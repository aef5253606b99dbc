/**
 * `LanguageModel` of the web platform, filled where the browser has none or says that it is unavailable; a browser's own
 * that works is left alone. The class is the runtime's; here is its port, over which nothing goes that `window.llm` could
 * not send, so what a page does to the built-ins that the class uses, it does to itself only.
 */
import { defineLanguageModel, documentFacts, type LanguageModelPort } from "@nomoat/runtime/language-model";
import { type CallMethod, parseCall } from "../protocol/page-calls";
import { onAbort } from "./abort-signal";
import { problemError } from "./errors";
import { fillInterface } from "./fill";
import { promise } from "./pieces";
import type { Pending, PrivatePort } from "./private-port";

/** The model of the extension's person, as the class needs it. */
export function languageModelPort(port: PrivatePort): LanguageModelPort {
  const ask = <T>(method: CallMethod, params: object, signal?: AbortSignal, more?: Partial<Pending>): Promise<T> =>
    promise<T>(({ resolve, reject }) => {
      const parsed = parseCall(method, params);
      if ("problem" in parsed) return reject(problemError(parsed));
      const id = port.request(parsed.value, { ...more, result: (value) => resolve(value as T), error: reject });
      // What becomes of it is waited for: an aborted create() has to give back the session that it got all the same.
      if (signal) onAbort(signal, () => port.abort(id, true));
    });
  return {
    availability: () => ask("modelAvailability", {}),
    prepare: ({ signal, onProgress }) => ask("prepareModel", {}, signal, { progress: onProgress }),
    call(method, params, { signal, onEvent } = {}) {
      const flat =
        "initialPrompts" in params ? { options: { ...params.options, initialPrompts: params.initialPrompts } } : params;
      return ask(method, flat, signal, onEvent && { event: onEvent as NonNullable<Pending["event"]> });
    },
  };
}

/** `target`: the window, in a secure context. */
export function fillLanguageModel(target: Window, port: PrivatePort): void {
  fillInterface(target, "LanguageModel", () => {
    const { QuotaExceededError: _, ...classes } = defineLanguageModel(
      languageModelPort(port),
      documentFacts(target.document),
    );
    return classes;
  });
}
