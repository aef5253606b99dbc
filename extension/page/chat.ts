/**
 * `chat.completions.create` of `window.llm`: a promise of the completion; with `stream: true` a promise of a stream of
 * chunks, which can be iterated itself. Leaving its loop aborts the request.
 */
import type { Chat, ChatCompletion, ChatCompletionChunk, ChatStream } from "@nomoat/runtime";
import { defineProperty, freeze, ownKeys } from "@nomoat/runtime/contract";
import { parseChat } from "../protocol/page-contract";
import { onAbort } from "./abort-signal";
import { problemError } from "./errors";
import { createPieces, deferred } from "./pieces";
import type { PrivatePort } from "./private-port";
import { splitSignal } from "./split-signal";

const { asyncIterator } = Symbol;

export function createChat(port: PrivatePort): Chat {
  const create = (request: unknown, options?: unknown): Promise<unknown> => {
    let id = 0;
    const answer = deferred<ChatStream | ChatCompletion>();
    const pieces = createPieces<ChatCompletionChunk>((reason) => {
      fail(reason);
      port.abort(id);
    });
    const fail = (reason: unknown): void => {
      if (pieces.fail(reason)) answer.reject(reason);
    };
    const split = splitSignal(options, "chat.completions.create()");
    const parsed = "problem" in split ? split : parseChat(request);
    if ("problem" in parsed) {
      fail(problemError(parsed));
      return answer.promise;
    }
    const { signal, rest } = split as Exclude<typeof split, { problem: string }>;
    if (rest !== undefined && (typeof rest !== "object" || rest === null || ownKeys(rest).length > 0)) {
      fail(problemError({ problem: "The second argument of chat.completions.create() is {signal}, and no more." }));
      return answer.promise;
    }
    const stop = (reason: unknown): void => {
      if (pieces.settled()) return;
      fail(reason);
      port.abort(id);
    };
    if (signal && onAbort(signal, stop)) return answer.promise;
    const streams = parsed.value.stream === true;
    const iterable = freeze({ [asyncIterator]: pieces.iterate }) as unknown as ChatStream;
    id = port.request(
      { method: "chat", request: parsed.value },
      {
        chunk(chunk) {
          pieces.push(chunk);
          answer.resolve(iterable);
        },
        result(value) {
          pieces.end();
          answer.resolve(streams ? iterable : (value as ChatCompletion));
        },
        error: fail,
      },
    );
    if (streams)
      defineProperty(answer.promise, asyncIterator, { __proto__: null, value: pieces.iterate } as PropertyDescriptor);
    return answer.promise;
  };
  return freeze({ completions: freeze({ create }) }) as unknown as Chat;
}
