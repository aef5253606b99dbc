/**
 * `createSession` of `window.llm`: a conversation that the engine keeps. The object has its number and two figures; the
 * session ends with destroy(), with the document, and when another model takes the engine.
 */
import type { Generation, Session, Usage } from "@nomoat/runtime";
import { apply, freeze, ownKeys, uncurried } from "@nomoat/runtime/contract";
import { type Call, type CallMethod, parseCall } from "../protocol/page-calls";
import type { Parsed, SessionEvent, SessionState } from "../protocol/page-port";
import { ask, generateOver } from "./ask";
import { promiseThen } from "./pieces";
import type { PrivatePort } from "./private-port";

const Stream = ReadableStream;
const { prototype } = ReadableStreamDefaultController;
const enqueue = uncurried(prototype.enqueue);
const close = uncurried(prototype.close);

export function createSession(port: PrivatePort, options: unknown): Promise<Session> {
  return made(port, "createSession()", options, (rest) => parseCall("createSession", { options: rest }));
}

type Parse = Parameters<typeof ask>[3];

function made(port: PrivatePort, call: string, options: unknown, parse: Parse): Promise<Session> {
  const take = (state: SessionState): Session => sessionOver(port, state);
  return ask(port, call, options, parse, take, { late: (state) => take(state).destroy() });
}

function sessionOver(port: PrivatePort, created: SessionState): Session {
  let { contextUsage } = created;
  let destroyed = false;
  let oncontextoverflow: unknown = null;
  let ontoolcall: unknown = null;

  const onEvent = (event: SessionEvent): void => {
    if ("toolCall" in event) call(ontoolcall, [event.toolCall]);
    else call(oncontextoverflow, []);
  };
  const call = (handler: unknown, given: unknown[]): void => {
    if (typeof handler === "function") apply(handler, session, given);
  };
  const keep = (state: SessionState): void => {
    contextUsage = state.contextUsage;
  };
  const parse = (method: CallMethod, more?: object): Parsed<Call> =>
    destroyed
      ? { problem: "The session was destroyed.", code: "aborted" }
      : parseCall(method, { session: created.session, ...more });
  /** Of methods whose only option is the signal. */
  const parsed = (method: CallMethod, rest: unknown, more?: object): Parsed<Call> =>
    typeof rest === "object" && rest !== null && ownKeys(rest).length === 0
      ? parse(method, more)
      : { problem: "The only option here is signal." };

  const prompt = (input: unknown, options?: unknown): Generation =>
    generateOver(
      port,
      "prompt()",
      options,
      (rest) => parse("promptSession", { input, options: rest }),
      (state) => {
        keep(state as SessionState);
        return (state as SessionState).usage as Usage;
      },
      onEvent,
    );

  const session = freeze({
    get contextUsage() {
      return contextUsage;
    },
    contextWindow: created.contextWindow,
    get oncontextoverflow() {
      return oncontextoverflow;
    },
    set oncontextoverflow(handler) {
      oncontextoverflow = handler;
    },
    get ontoolcall() {
      return ontoolcall;
    },
    set ontoolcall(handler) {
      ontoolcall = handler;
    },
    prompt,
    promptStreaming: (input: unknown, options?: unknown) => streamOf(prompt(input, options)),
    append: (input: unknown, options?: unknown) =>
      ask(port, "append()", options, (rest) => parsed("appendSession", rest, { input }), keep, { onEvent }),
    measure: (input: unknown, options?: unknown) =>
      ask(
        port,
        "measure()",
        options,
        (rest) => parse("measureSession", { input, options: rest }),
        (tokens) => tokens,
      ),
    clone: (options?: unknown) => made(port, "clone()", options, (rest) => parsed("cloneSession", rest)),
    destroy() {
      if (destroyed) return;
      const request = parse("destroySession");
      destroyed = true;
      if ("value" in request) port.request(request.value, { result() {}, error() {} });
    },
  });
  return session as unknown as Session;
}

const asyncIterator: typeof Symbol.asyncIterator = Symbol.asyncIterator;

/** The same pieces as a stream; cancelling it aborts. */
function streamOf(generation: Generation): ReadableStream<string> {
  const pieces = generation[asyncIterator]();
  return new Stream({
    pull: (controller) =>
      promiseThen(pieces.next(), (step) => {
        const { done, value } = step as IteratorResult<string>;
        if (done) close(controller);
        else enqueue(controller, value);
      }) as Promise<void>,
    cancel: () => pieces.return!() as Promise<unknown> as Promise<void>,
  });
}
