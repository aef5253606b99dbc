/**
 * Requests of pages: who asks, may they, then run it. One PageRouter per runtime port, that is per document; when the
 * port goes (navigation, closed tab, back/forward cache), everything it asked for is aborted.
 */
import {
  type Availability,
  type ChatCompletion,
  type ChatCompletionChunk,
  LlmError,
  type Model,
  type Usage,
} from "@nomoat/runtime";
import { DEFAULT_OUTPUT_TOKENS } from "../protocol/page-contract";
import {
  type FramedRequest,
  type FrameFacts,
  type PageAnswer,
  type PageRequest,
  type PageResult,
  parseFrameFacts,
  parseRequest,
} from "../protocol/page-port";
import { type ComputingCall, isOfSession, modelNamedBy, runOnModel, runOnSession } from "./calls";
import { Coalescer } from "./coalesce";
import type { ConsentDesk } from "./consent";
import type { Memories } from "./memories";
import type { Models } from "./models";
import type { PageSessions } from "./page-sessions";
import type { Grant, Permissions } from "./permissions";
import type { RateLimiter } from "./rate-limit";
import type { Requests, Running } from "./requests";
import { type Sender, type Site, siteOf } from "./site";

/** What all routers share. */
export interface Services {
  readonly models: Models;
  readonly permissions: Permissions;
  readonly consent: ConsentDesk;
  readonly requests: Requests;
  readonly sessions: PageSessions;
  readonly memories: Memories;
  readonly rate: RateLimiter;
  /** Whether the person lets the site have LanguageModel. */
  readonly languageModelAllowed: (origin: string) => boolean;
  readonly defaultModel: () => string | null;
  readonly onChange: () => void;
}

/** What computes, so that the person must have allowed it. */
type AnswerRequest = Extract<PageRequest, { method: "generate" | "chat" }> | ({ readonly id: number } & ComputingCall);
type Given = { readonly signal: AbortSignal; readonly partition: string };

export class PageRouter {
  readonly #services: Services;
  readonly #sender: Sender;
  readonly #post: (answer: PageAnswer) => void;
  readonly #running = new Map<number, Running>();
  #site: Site | null = null;
  #closed = false;

  constructor(services: Services, sender: Sender, post: (answer: PageAnswer) => void) {
    this.#services = services;
    this.#sender = sender;
    this.#post = post;
  }

  async receive(message: unknown): Promise<void> {
    const { request: rawRequest, frame: rawFrame } = (message ?? {}) as Partial<Record<keyof FramedRequest, unknown>>;
    const parsed = parseRequest(rawRequest);
    const { id } = parsed;
    try {
      const frame = parseFrameFacts(rawFrame);
      if ("problem" in parsed) throw new LlmError(parsed.code ?? "invalid_request", parsed.problem);
      if (!frame) throw new LlmError("invalid_request", "The facts about the frame are malformed.");
      const request = parsed.value;
      if (request.method === "abort")
        this.#running.get(id)?.controller.abort(new LlmError("aborted", "The page aborted the request."));
      else this.#answer({ id, result: await this.#handle(request, frame) });
    } catch (thrown) {
      const error = LlmError.from(thrown);
      this.#answer({ id, error: { ...error.toWire(), name: error.name } });
    }
  }

  /** The document is gone. */
  close(): void {
    this.#closed = true;
    for (const { controller } of this.#running.values())
      controller.abort(new LlmError("aborted", "The page was left."));
    const site = this.#site;
    if (site) {
      this.#services.permissions.documentClosed(site);
      this.#services.sessions.endWhere((open) => open.site.documentId === site.documentId);
    }
    this.#services.onChange();
  }

  async #handle(request: Exclude<PageRequest, { method: "abort" }>, frame: FrameFacts): Promise<PageResult> {
    const site = siteOf(this.#sender, frame);
    if (site instanceof LlmError) {
      if (request.method === "availability" || request.method === "modelAvailability") return "unavailable";
      throw site;
    }
    this.#site = site;
    if (request.method === "destroySession") {
      // Costs nothing, and what a site gives back must not be held against it.
      this.#services.sessions.end(request.params.session, site);
      return null;
    }
    const wait_ms = this.#services.rate.take(site.origin);
    if (wait_ms > 0) {
      throw new LlmError("not_allowed", `This site asks too often: try again in ${wait_ms} ms.`, {
        reason: "rate_limit",
        retry_after_ms: wait_ms,
      });
    }
    const { permissions, models, languageModelAllowed } = this.#services;
    const allowed = permissions.grantOf(site)?.decision === "allow";
    switch (request.method) {
      case "availability":
        return this.#availability(allowed, request.options.model);
      case "modelAvailability":
        return languageModelAllowed(site.origin) ? this.#availability(allowed, undefined) : "unavailable";
      case "models":
        if (allowed) return models.ready();
        throw new LlmError(
          "not_allowed",
          "models() is answered after the user has allowed this site: call generate() first.",
        );
      case "prepareModel":
        if (!languageModelAllowed(site.origin))
          throw new LlmError("not_supported", "The user has switched LanguageModel off for this site.");
        return this.#compute(request, site, frame);
      case "memory":
        this.#services.memories.requireAllowed(site);
        return this.#compute(request, site, frame);
      default:
        return this.#compute(request, site, frame);
    }
  }

  /** Before the user allows a site, every site gets the same answer: nothing to fingerprint. */
  async #availability(allowed: boolean, wanted: string | undefined): Promise<Availability> {
    if (!allowed) return "downloadable";
    const { models, defaultModel } = this.#services;
    const found = wanted === undefined ? await models.chosenId(defaultModel()) : await models.idOf(wanted);
    if (found !== null) return "available";
    return models.anyInstalling ? "downloading" : "unavailable";
  }

  async #compute(request: AnswerRequest, site: Site, frame: FrameFacts): Promise<PageResult> {
    const { requests } = this.#services;
    if (this.#running.has(request.id)) throw new LlmError("invalid_request", "This request id is in use.");
    const running = requests.admit(site);
    const { signal } = running.controller;
    this.#running.set(request.id, running);
    try {
      const grant = await this.#consent(site, frame, running);
      return await this.#run(request, site, grant, running);
    } catch (thrown) {
      // The reason of an abort (the user stopped or revoked it) says more than what the engine makes of it.
      throw signal.aborted ? signal.reason : thrown;
    } finally {
      this.#running.delete(request.id);
      requests.done(running);
    }
  }

  async #consent(site: Site, frame: FrameFacts, running: Running): Promise<Grant> {
    const { permissions, consent, requests, onChange } = this.#services;
    const known = permissions.grantOf(site);
    if (known?.decision === "allow") return known;
    if (known) throw new LlmError("not_allowed", "The user does not allow this site to use the model.");
    if (!frame.userActivation) {
      throw new LlmError(
        "not_allowed",
        "The user has to be asked first, which needs a user gesture: call it from a click or key press.",
      );
    }
    requests.enter(running, "consent");
    const outcome = await consent.ask(site, running.controller.signal);
    if (outcome === "once" || (outcome === "always" && site.incognito)) permissions.allowOnce(site);
    else if (outcome === "always" && !permissions.grantOf(site)) permissions.remember(site, "allow");
    else if (outcome === "deny" && !site.incognito && !permissions.grantOf(site)) permissions.remember(site, "deny");
    onChange();
    requests.enter(running, "waiting");
    const grant = permissions.grantOf(site);
    if (grant?.decision !== "allow")
      throw new LlmError("not_allowed", "The user did not allow this site to use the model.");
    return grant;
  }

  async #run(request: AnswerRequest, site: Site, grant: Grant, running: Running): Promise<PageResult> {
    const { models, memories, requests, sessions, defaultModel } = this.#services;
    const { signal } = running.controller;
    const given: Given = { signal, partition: partitionOf(site, grant) };
    const { id: requestId } = request;
    const caller = { id: requestId, site, grant, post: (answer: PageAnswer) => this.#answer(answer), ...given };
    if (request.method !== "generate" && request.method !== "chat" && isOfSession(request)) {
      requests.enter(running, "generating");
      return runOnSession(request, sessions, models, caller);
    }
    if (request.method === "memory") {
      // The person may have switched it off while they were asked.
      memories.requireAllowed(site);
      requests.enter(running, "generating");
      return memories.call(site, request.params, signal);
    }
    if (request.method === "prepareModel") {
      const onProgress = (progress: number) => this.#answer({ id: requestId, progress });
      await models.downloaded(defaultModel(), signal, onProgress);
    }
    const wanted = modelOf(request);
    const id = wanted === null ? defaultModel() : await models.idOf(wanted);
    if (wanted !== null && id === null) throw new LlmError("model_not_found", `The model ${wanted} is not installed.`);
    requests.enter(running, "generating");
    return models.run(id, signal, async (model) => {
      if (request.method === "chat") return this.#chat(request, model, given);
      if (request.method === "generate") return this.#generate(request, model, given);
      return runOnModel(request, model, sessions, caller);
    });
  }

  async #generate(
    { id, prompt, options }: Extract<AnswerRequest, { method: "generate" }>,
    model: Model,
    given: Given,
  ): Promise<Usage> {
    const output = new Coalescer<string>((pieces) => this.#answer({ id, text: pieces.join("") }));
    const generation = model.generate(prompt, { maxTokens: DEFAULT_OUTPUT_TOKENS, ...options, ...given });
    for await (const piece of generation) output.push(piece);
    const usage = await generation.usage;
    given.signal.throwIfAborted();
    output.end();
    return usage;
  }

  async #chat(
    { id, request }: Extract<AnswerRequest, { method: "chat" }>,
    model: Model,
    given: Given,
  ): Promise<ChatCompletion | null> {
    const limited = request.max_completion_tokens ?? request.max_tokens;
    const { stream, ...asked } = limited ? request : { ...request, max_completion_tokens: DEFAULT_OUTPUT_TOKENS };
    const { completions } = model.chat;
    if (!stream) return completions.create({ ...asked, stream: false }, given);
    const output = new Coalescer<ChatCompletionChunk>((chunks) => this.#answer({ id, chunks }));
    for await (const chunk of completions.create({ ...asked, stream: true }, given)) output.push(chunk);
    given.signal.throwIfAborted();
    output.end();
    return null;
  }

  #answer(answer: PageAnswer): void {
    if (!this.#closed) this.#post(answer);
  }
}

function modelOf(
  request: Exclude<AnswerRequest, { params: { session: number } } | { method: "memory" }>,
): string | null {
  if (request.method === "chat") return request.request.model ?? null;
  return request.method === "generate" ? (request.options.model ?? null) : modelNamedBy(request);
}

/**
 * KV prefixes are shared within this and nothing wider, because timing tells what others have asked. The loaded model
 * is one more part of it, in the engine. The time of the grant makes a revoked site start afresh.
 */
export function partitionOf(site: Site, grant: Grant): string {
  return JSON.stringify(["site", site.topOrigin, site.origin, site.incognito, grant.since_ms]);
}
