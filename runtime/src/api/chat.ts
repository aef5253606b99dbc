/** `chat.completions.create` on the caller's side: a promise of the completion, or of a stream that is also iterable itself. */
import { LlmError } from "../internal/errors";
import { following, Pieces } from "./pieces";
import type { Chat, ChatCompletion, ChatCompletionChunk, ChatOptions, ChatRequest, ChatStream } from "./types";

const OPTIONS: readonly string[] = ["signal", "partition"];

/** Runs a request to its end. `onChunk` gets what comes where the request says `stream`. */
export type RunChat = (
  request: ChatRequest,
  options: { readonly partition?: string; readonly signal: AbortSignal | undefined },
  onChunk: (chunk: ChatCompletionChunk) => void,
) => Promise<ChatCompletion>;

export function chatOver(run: RunChat): Chat {
  const create = (request: ChatRequest, { signal, ...options }: ChatOptions = {}) => {
    for (const key of Object.keys(options))
      if (!OPTIONS.includes(key)) {
        const error = new LlmError("invalid_request", `chat.completions.create: unknown option ${key}.`);
        return Promise.reject(error) as never;
      }
    if (request?.stream === true)
      return startStream((stop, onChunk) => run(request, { ...options, signal: stop }, onChunk), signal);
    return run(request, { ...options, signal }, () => undefined);
  };
  return { completions: { create: create as Chat["completions"]["create"] } };
}

function startStream(
  run: (signal: AbortSignal, onChunk: (chunk: ChatCompletionChunk) => void) => Promise<ChatCompletion>,
  signal: AbortSignal | undefined,
): Promise<ChatStream> & ChatStream {
  const { controller, release } = following(signal);
  const pieces = new Pieces<ChatCompletionChunk>(() => controller.abort());
  const iterable = { [Symbol.asyncIterator]: () => pieces.iterate() };
  const begun = new Promise<ChatStream>((resolve, reject) => {
    const onChunk = (chunk: ChatCompletionChunk): void => {
      pieces.push(chunk);
      resolve(iterable);
    };
    run(controller.signal, onChunk)
      .finally(release)
      .then(
        () => pieces.end(),
        (error) => {
          pieces.end(error);
          reject(error);
        },
      );
  });
  // Whoever iterates what `create` returned sees the failure there.
  begun.catch(() => undefined);
  return Object.assign(begun, iterable);
}
