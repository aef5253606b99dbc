/**
 * The main-world end of the private channel to the isolated content script, and the requests pending on it.
 * The page never sees the port: it is handed over in a synchronous event before the first page script runs.
 */
import type { ChatCompletionChunk } from "@nomoat/runtime";
import { apply, create, getterOf, ownKeys } from "@nomoat/runtime/contract";
import { CHANNEL_EVENT, type PageAnswer, type PageRequest, type SessionEvent } from "../protocol/page-port";
import { pageError } from "./errors";

export interface Pending {
  text?(piece: string): void;
  chunk?(chunk: ChatCompletionChunk): void;
  event?(event: SessionEvent): void;
  progress?(fraction: number): void;
  result(value: unknown): void;
  error(error: Error): void;
}

export type WithoutId<R> = R extends unknown ? Omit<R, "id"> : never;

export interface PrivatePort {
  /** Sends a request; returns its id, or 0 where it failed at once (the pending entry has been told). */
  request(request: WithoutId<PageRequest>, pending: Pending): number;
  /** Tells the engine to stop working on the request, and forgets it. `keep`: what becomes of it is waited for. */
  abort(id: number, keep?: boolean): void;
}

export function openPrivatePort(target: Document): PrivatePort {
  const { port1, port2 } = new MessageChannel();
  const post = MessagePort.prototype.postMessage as (message: unknown) => void;
  const dataOf = getterOf(MessageEvent.prototype, "data");
  const pendings: Record<number, Pending> = create(null);
  let lastId = 0;

  port1.onmessage = (event) => {
    const answer = dataOf(event) as PageAnswer;
    const pending = pendings[answer.id];
    if (!pending) return;
    if ("text" in answer) return pending.text?.(answer.text);
    if ("chunks" in answer) {
      for (let i = 0; i < answer.chunks.length; i++) pending.chunk?.(answer.chunks[i]!);
      return;
    }
    if ("events" in answer) {
      for (let i = 0; i < answer.events.length; i++) pending.event?.(answer.events[i]!);
      return;
    }
    if ("progress" in answer) return pending.progress?.(answer.progress);
    delete pendings[answer.id];
    if ("error" in answer) {
      const { name, code, message, detail } = answer.error;
      pending.error(pageError(name, code, message, detail));
    } else pending.result(answer.result);
  };

  // The isolated script cancels the event to say that it has taken the port.
  const offer = new MessageEvent(CHANNEL_EVENT, { ports: [port2], cancelable: true });
  const connected = !target.dispatchEvent(offer);

  return {
    request(request, pending) {
      if (!connected) {
        pending.error(pageError("NotAllowedError", "not_allowed", "The extension is not reachable from this frame."));
        return 0;
      }
      const id = ++lastId;
      const message: Record<string, unknown> = create(null);
      message.id = id;
      const keys = ownKeys(request);
      for (let i = 0; i < keys.length; i++) message[keys[i] as string] = request[keys[i] as keyof typeof request];
      pendings[id] = pending;
      apply(post, port1, [message]);
      return id;
    },
    abort(id, keep) {
      if (!pendings[id]) return;
      if (!keep) delete pendings[id];
      const message: Record<string, unknown> = create(null);
      message.id = id;
      message.method = "abort";
      apply(post, port1, [message]);
    },
  };
}
