/**
 * Every request that has been admitted and not yet answered, so that it can be counted, shown and stopped.
 */
import { LlmError } from "@nomoat/runtime";
import type { RunningRow } from "../protocol/admin-port";
import { pairKey } from "./permissions";
import type { Site } from "./site";

export const MAX_REQUESTS_PER_ORIGIN = 4;

export interface Running {
  /** Null: the side panel. */
  readonly site: Site | null;
  readonly controller: AbortController;
  state: RunningRow["state"];
}

export class Requests {
  readonly #running = new Set<Running>();
  readonly #onChange: (request: Running) => void;

  constructor(onChange: (request: Running) => void) {
    this.#onChange = onChange;
  }

  /** Throws `not_allowed` where the site has too many already. */
  admit(site: Site | null): Running {
    const count = [...this.#running].filter((other) => other.site?.origin === site?.origin).length;
    if (site && count >= MAX_REQUESTS_PER_ORIGIN) {
      throw new LlmError(
        "not_allowed",
        `At most ${MAX_REQUESTS_PER_ORIGIN} requests of a site may run or wait at a time: await an earlier one.`,
        {
          reason: "too_many_requests",
          limit: MAX_REQUESTS_PER_ORIGIN,
        },
      );
    }
    const request: Running = { site, controller: new AbortController(), state: "waiting" };
    this.#running.add(request);
    this.#onChange(request);
    return request;
  }

  enter(request: Running, state: Running["state"]): void {
    request.state = state;
    this.#onChange(request);
  }

  done(request: Running): void {
    if (this.#running.delete(request)) this.#onChange(request);
  }

  /** Stops the requests for which `matches` says so. */
  abortWhere(matches: (request: Running) => boolean, reason: LlmError): void {
    for (const request of this.#running) if (matches(request)) request.controller.abort(reason);
  }

  isGenerating(tabId: number): boolean {
    return [...this.#running].some(({ site, state }) => site?.tabId === tabId && state === "generating");
  }

  rows(): RunningRow[] {
    return [...this.#running].map(({ site, state }) => ({ origin: site?.origin ?? null, state }));
  }
}

export function ofPair(pair: { origin: string; topOrigin: string }): (request: Running) => boolean {
  return ({ site }) => site !== null && pairKey(site) === pairKey(pair);
}
