/**
 * The sessions that pages have open. Each belongs to one document of one origin, under one permission, and ends with any
 * of them: the router ends a document's when its port goes, a revocation those of its site, a change of model the rest.
 */
import { LlmError, type Model, type Session } from "@nomoat/runtime";
import type { SessionEvent } from "../protocol/page-port";
import { type Grant, pairKey } from "./permissions";
import type { Site } from "./site";

export const MAX_SESSIONS_PER_ORIGIN = 16;
/** The engine has room for more than these. */
export const MAX_SESSIONS = 192;
/** A number that tells nothing about other sites, and that no document finds again by counting. */
const RANDOM_BITS = 48;

export class PageSession {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    readonly site: Site,
    readonly grant: Grant,
    readonly model: Model,
    readonly session: Session,
  ) {}

  /**
   * Runs after what was asked of the session before, so that its events are those of `run`. An abort ends the waiting.
   * The engine has an order of its own, which begins with the call.
   */
  async inTurn<T>(signal: AbortSignal, onEvent: (event: SessionEvent) => void, run: () => Promise<T>): Promise<T> {
    const before = this.#last;
    let done = (): void => {};
    const turn = new Promise<void>((resolve) => {
      done = resolve;
    });
    this.#last = before.then(() => turn);
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        void before.then(() => resolve());
      });
      signal.throwIfAborted();
      this.session.oncontextoverflow = () => onEvent({ overflow: true });
      this.session.ontoolcall = (toolCall) => onEvent({ toolCall });
      return await run();
    } finally {
      done();
    }
  }
}

export class PageSessions {
  readonly #open = new Map<number, PageSession>();
  readonly #isLoaded: (model: Model) => boolean;

  /** `isLoaded`: whether the model is the one that answers now. */
  constructor(isLoaded: (model: Model) => boolean) {
    this.#isLoaded = isLoaded;
  }

  /** Sessions that their model could still answer. */
  get size(): number {
    this.#endDead();
    return this.#open.size;
  }

  /** Before one is made. Errors: not_allowed where there are too many. */
  requireRoom(site: Site): void {
    this.#endDead();
    const count = [...this.#open.values()].filter((open) => open.site.origin === site.origin).length;
    if (count < MAX_SESSIONS_PER_ORIGIN && this.#open.size < MAX_SESSIONS) return;
    throw new LlmError(
      "not_allowed",
      `A site may have ${MAX_SESSIONS_PER_ORIGIN} sessions at a time: destroy() those that are over.`,
      { reason: "too_many_sessions", limit: MAX_SESSIONS_PER_ORIGIN },
    );
  }

  /** Returns its number. A session for which there is no room any more is ended, and not_allowed. */
  add(open: PageSession): number {
    try {
      this.requireRoom(open.site);
    } catch (thrown) {
      open.session.destroy();
      throw thrown;
    }
    let id = randomId();
    while (this.#open.has(id)) id = randomId();
    this.#open.set(id, open);
    return id;
  }

  /** Errors: aborted, where it is over, or another document's. */
  get(id: number, site: Site): PageSession {
    this.#endDead();
    const open = this.#open.get(id);
    if (open && isOf(open, site)) return open;
    throw new LlmError("aborted", "This session is over: make another one.", { reason: "session_over" });
  }

  /** One that is over already, or another document's, is no error. */
  end(id: number, site: Site): void {
    this.#endWhereId((other, open) => other === id && isOf(open, site));
  }

  endWhere(matches: (open: PageSession) => boolean): void {
    this.#endWhereId((_, open) => matches(open));
  }

  #endDead(): void {
    this.endWhere(({ model }) => !this.#isLoaded(model));
  }

  #endWhereId(matches: (id: number, open: PageSession) => boolean): void {
    for (const [id, open] of this.#open) {
      if (!matches(id, open)) continue;
      this.#open.delete(id);
      open.session.destroy();
    }
  }
}

function isOf(open: PageSession, site: Site): boolean {
  return open.site.documentId === site.documentId && pairKey(open.site) === pairKey(site);
}

function randomId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high! % 2 ** (RANDOM_BITS - 32)) * 2 ** 32 + low! + 1;
}
