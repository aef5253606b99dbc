/** A port over a model of the runtime in the same page, and what the page's document knows. */
import type { Message, Model, Session } from "../api/types";
import type { Methods, SessionEvent } from "../worker/protocol";
import type { Availability, CallHooks, LanguageModelPort, PageFacts, SessionMethod } from "./port";

export interface ModelSupply {
  availability(): Promise<Availability>;
  /** Gives the model, the same one each time until it is unloaded. `onProgress`: the fraction that is downloaded. */
  load(hooks: { readonly signal: AbortSignal; readonly onProgress: (fraction: number) => void }): Promise<Model>;
}

export function modelPort(supply: ModelSupply): LanguageModelPort {
  const sessions = new Map<number, Session>();
  let lastId = 0;
  let model: Model;

  const add = (session: Session) => {
    const id = ++lastId;
    sessions.set(id, session);
    return { session: id, ...stateOf(session) };
  };
  const stateOf = ({ contextUsage, contextWindow }: Session) => ({ contextUsage, contextWindow, device: model.device });
  const at = (id: number) => sessions.get(id)!;

  type Run<M extends SessionMethod> = (
    params: Methods[M]["params"],
    hooks: { readonly signal: AbortSignal; readonly onEvent: (event: SessionEvent) => void },
  ) => Promise<Methods[M]["result"]>;
  const methods: { readonly [M in SessionMethod]: Run<M> } = {
    createSession: async ({ initialPrompts, options }, { signal }) =>
      add(await model.createSession({ ...options, initialPrompts, signal })),
    promptSession: async ({ session: id, input, options }, { signal, onEvent }) => {
      const session = at(id);
      listen(session, onEvent);
      const generation = session.prompt(input, { ...options, signal });
      for await (const text of generation) onEvent({ text });
      return { usage: await generation.usage, ...stateOf(session) };
    },
    appendSession: async ({ session: id, input }, { signal, onEvent }) => {
      const session = at(id);
      listen(session, onEvent);
      await session.append(input as readonly Message[], { signal });
      return stateOf(session);
    },
    measureSession: ({ session, input, options }) => at(session).measure(input, options),
    cloneSession: async ({ session }, { signal }) => add(await at(session).clone({ signal })),
    destroySession: async ({ session }) => {
      sessions.get(session)?.destroy();
      sessions.delete(session);
      return null;
    },
  };

  return {
    availability: () => supply.availability(),
    async prepare(hooks) {
      model = await supply.load(hooks);
    },
    call<M extends SessionMethod>(method: M, params: Methods[M]["params"], hooks: CallHooks<M> = {}) {
      const { signal = new AbortController().signal, onEvent = () => undefined } = hooks;
      return methods[method](params, { signal, onEvent: onEvent as (event: SessionEvent) => void });
    },
  };
}

/** One request at a time runs on a session, so its events are that request's. */
function listen(session: Session, onEvent: (event: SessionEvent) => void): void {
  session.oncontextoverflow = () => onEvent({ overflow: true });
  session.ontoolcall = (toolCall) => onEvent({ toolCall });
}

/** `languages`: those that the model knows, as BCP 47 tags; by default any. */
export function documentFacts(page: Document, languages: readonly string[] | null = null): PageFacts {
  const { featurePolicy } = page as { featurePolicy?: { features(): string[]; allowsFeature(name: string): boolean } };
  const feature = "language-model";
  return {
    fullyActive: () => page.defaultView !== null,
    // A browser that does not know the feature restricts nobody.
    policyAllows: () => !featurePolicy?.features().includes(feature) || featurePolicy.allowsFeature(feature),
    languages,
  };
}
