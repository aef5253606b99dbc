/** Requests with options and a signal: one that is answered once, and one that is a Generation. */
import type { Generation, Usage } from "@nomoat/runtime";
import { create } from "@nomoat/runtime/contract";
import type { PageRequest, Parsed, SessionEvent } from "../protocol/page-port";
import { onAbort } from "./abort-signal";
import { problemError } from "./errors";
import { createGeneration } from "./generation";
import { promise } from "./pieces";
import type { PrivatePort, WithoutId } from "./private-port";
import { regexFormat } from "./regex-format";
import { splitSignal } from "./split-signal";

type Request = WithoutId<PageRequest>;
/** Of the options without their signal. Options left out are none. */
type Parse = (options: unknown) => Parsed<Request>;

/** `late`: takes a result that came after the abort. */
export interface AskHooks<R> {
  readonly onEvent?: (event: SessionEvent) => void;
  readonly late?: (result: R) => void;
}

/** `call`: its name, for messages. `take`: what is made of the result. */
export function ask<R, T = R>(
  port: PrivatePort,
  call: string,
  options: unknown,
  parse: Parse,
  take: (result: R) => T,
  { onEvent, late }: AskHooks<R> = {},
): Promise<T> {
  return promise<T>(({ resolve, reject }) => {
    const read = readOptions(call, options, parse);
    if ("problem" in read) return reject(problemError(read));
    const { signal, request } = read;
    let id = 0;
    let aborted = false;
    const stop = (reason: unknown): void => {
      aborted = true;
      reject(reason);
      port.abort(id, true);
    };
    if (signal && onAbort(signal, stop)) return;
    id = port.request(request, {
      event: (event) => aborted || onEvent?.(event),
      result: (value) => (aborted ? late?.(value as R) : resolve(take(value as R))),
      error: reject,
    });
  });
}

/** `take`: gets the result, and gives what the answer used. */
export function generateOver(
  port: PrivatePort,
  call: string,
  options: unknown,
  parse: Parse,
  take: (result: unknown) => Usage,
  onEvent?: (event: SessionEvent) => void,
): Generation {
  let id = 0;
  const source = createGeneration(() => port.abort(id));
  const read = readOptions(call, options, parse);
  if ("problem" in read) {
    source.fail(problemError(read));
    return source.generation;
  }
  const stop = (reason: unknown): void => {
    if (source.settled()) return;
    source.fail(reason);
    port.abort(id);
  };
  if (read.signal && onAbort(read.signal, stop)) return source.generation;
  id = port.request(read.request, {
    text: source.text,
    event: (event) => ("text" in event ? source.text(event.text) : onEvent?.(event)),
    result: (result) => source.finish(take(result)),
    error: source.fail,
  });
  return source.generation;
}

function readOptions(
  call: string,
  options: unknown,
  parse: Parse,
): { readonly request: Request; readonly signal?: AbortSignal } | Extract<Parsed<Request>, { problem: string }> {
  const split = splitSignal(options, call);
  if ("problem" in split) return split;
  const { signal, rest } = split;
  const parsed = parse(rest === undefined ? create(null) : regexFormat(rest));
  if ("problem" in parsed) return parsed;
  return signal ? { request: parsed.value, signal } : { request: parsed.value };
}
