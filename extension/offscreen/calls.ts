/** Sessions, decisions and embeddings of pages on a model: what to run once the person has allowed the site. */
import type { Model, Session } from "@nomoat/runtime";
import type { Call, CallMethod } from "../protocol/page-calls";
import { DEFAULT_OUTPUT_TOKENS } from "../protocol/page-contract";
import type { PageAnswer, PageResult, SessionEvent, SessionState } from "../protocol/page-port";
import { Coalescer } from "./coalesce";
import type { Models } from "./models";
import { PageSession, type PageSessions } from "./page-sessions";
import type { Grant } from "./permissions";
import type { Site } from "./site";

/** Who asks, and how the answer gets there. */
export interface Caller {
  readonly id: number;
  readonly site: Site;
  readonly grant: Grant;
  readonly partition: string;
  readonly signal: AbortSignal;
  readonly post: (answer: PageAnswer) => void;
}

type Computing = Exclude<CallMethod, "modelAvailability" | "destroySession">;
type OnModel = Exclude<ComputingCall, OfSession | { method: "memory" }>;
export type ComputingCall = Call<Computing>;
type OfSession = Extract<ComputingCall, { params: { session: number } }>;

/** The model that a call names; null: the one that the person has chosen, or the session's. */
export function modelNamedBy({ params }: OnModel): string | null {
  return ("options" in params && "model" in params.options && params.options.model) || null;
}

export function isOfSession(call: ComputingCall): call is OfSession {
  return "session" in call.params;
}

/** Of what needs a model and no session. */
export async function runOnModel(
  call: OnModel,
  model: Model,
  sessions: PageSessions,
  caller: Caller,
): Promise<PageResult> {
  const { site, grant, partition, signal } = caller;
  switch (call.method) {
    case "prepareModel":
      return null;
    case "createSession": {
      sessions.requireRoom(site);
      const { model: _, ...options } = call.params.options;
      const session = await model.createSession({ maxTokens: DEFAULT_OUTPUT_TOKENS, ...options, partition, signal });
      return keep(new PageSession(site, grant, model, session), sessions, signal);
    }
    case "decide": {
      const { input, questions, options } = call.params;
      const { model: _, ...rest } = options;
      return model.decide(input, questions, { ...rest, partition, signal });
    }
    case "embed": {
      const { embeddings } = await model.embed(call.params.input, { signal });
      return embeddings.map((vector) => Array.from(vector));
    }
  }
}

/** Of what needs a session, on whose model it runs. */
export async function runOnSession(
  call: OfSession,
  sessions: PageSessions,
  models: Models,
  caller: Caller,
): Promise<PageResult> {
  const { id, site, grant, signal, post } = caller;
  const open = sessions.get(call.params.session, site);
  // A permission that was taken back and given again is another one.
  if (open.grant.since_ms !== grant.since_ms) {
    sessions.end(call.params.session, site);
    sessions.get(call.params.session, site);
  }
  const { model, session } = open;
  const output = new Coalescer<SessionEvent>((events) => post({ id, events: joined(events) }));
  const result = await open.inTurn(
    signal,
    (event) => output.push(event),
    () =>
      models.runLoaded(model, signal, async () => {
        switch (call.method) {
          case "promptSession": {
            const generation = session.prompt(call.params.input, { ...call.params.options, signal });
            for await (const text of generation) output.push({ text });
            return { usage: await generation.usage, ...stateOf(session) };
          }
          case "appendSession":
            await session.append(call.params.input, { signal });
            return stateOf(session);
          case "measureSession":
            return session.measure(call.params.input, call.params.options);
          case "cloneSession": {
            sessions.requireRoom(site);
            const copy = await session.clone({ signal });
            return keep(new PageSession(site, grant, model, copy), sessions, signal);
          }
        }
      }),
  );
  signal.throwIfAborted();
  output.end();
  return result;
}

/** A session that nobody waits for any more is ended at once. */
function keep(open: PageSession, sessions: PageSessions, signal: AbortSignal): SessionState {
  if (signal.aborted) open.session.destroy();
  signal.throwIfAborted();
  return { session: sessions.add(open), ...stateOf(open.session) };
}

function stateOf({ contextUsage, contextWindow }: Session): SessionState {
  return { contextUsage, contextWindow };
}

/** Pieces of text that follow each other are one. */
function joined(events: readonly SessionEvent[]): readonly SessionEvent[] {
  const found: SessionEvent[] = [];
  for (const event of events) {
    const last = found.at(-1);
    if (last && "text" in last && "text" in event) found[found.length - 1] = { text: last.text + event.text };
    else found.push(event);
  }
  return found;
}
