/**
 * Commands of the extension's own pages. The caller has checked that the port comes from one of them.
 */
import { LlmError, type Usage } from "@nomoat/runtime";
import type { AdminAnswer, AdminMethod, AdminMethods, AdminRequest } from "../protocol/admin-port";
import { DEVICE_CHOICES, type Settings } from "../protocol/background";
import { chosenFile } from "./chosen-file";
import { Coalescer } from "./coalesce";
import { pairKey } from "./permissions";
import { ofPair } from "./requests";
import type { Services } from "./router";

export interface AdminServices extends Services {
  readonly settings: () => Settings;
  readonly setSettings: (changed: Partial<Settings>) => void;
  /** Has the script of the task interfaces run on these sites, in pages that are opened from now on. */
  readonly registerTasks: (origins: readonly string[]) => Promise<unknown>;
}

const SIDE_PANEL = "sidepanel";

export class AdminSession {
  readonly #services: AdminServices;
  readonly #post: (answer: AdminAnswer) => void;
  readonly #running = new Map<number, AbortController>();

  constructor(services: AdminServices, post: (answer: AdminAnswer) => void) {
    this.#services = services;
    this.#post = post;
  }

  async receive(message: unknown): Promise<void> {
    const request = message as AdminRequest;
    const { id } = request;
    try {
      this.#post({ id, result: (await this.#handle(request)) ?? null });
    } catch (thrown) {
      this.#post({ id, error: LlmError.from(thrown).toWire() });
    }
    this.#services.onChange();
  }

  /** The page was closed: its own generations stop, downloads go on. */
  close(): void {
    for (const controller of this.#running.values()) controller.abort(new LlmError("aborted", "The page was closed."));
  }

  async #handle({ id, method, params }: AdminRequest): Promise<unknown> {
    if (!Object.hasOwn(this.#handlers, method)) throw new LlmError("internal", `Unknown command ${String(method)}.`);
    const handle = this.#handlers[method] as (params: unknown, id: number) => unknown;
    return handle(params, id);
  }

  readonly #handlers: { [M in AdminMethod]: (params: AdminMethods[M]["params"], id: number) => unknown } = {
    "model.install": ({ url }) => this.#services.models.install(url),
    "model.installFile": async ({ key }) => this.#services.models.install(await chosenFile(key)),
    "model.resume": ({ id }) => this.#services.models.resume(id),
    "model.cancel": ({ id }) => this.#services.models.cancelInstall(id),
    "model.remove": ({ id }) => {
      const { models, requests } = this.#services;
      if (models.loadedRow()?.id === id)
        requests.abortWhere(() => true, new LlmError("aborted", "The model was removed."));
      return models.remove(id);
    },
    "model.setDefault": ({ id }) => this.#services.setSettings({ defaultModel: id }),
    "settings.set": ({ allowOwnPrograms, device }) => {
      if (typeof allowOwnPrograms === "boolean") this.#services.setSettings({ allowOwnPrograms });
      if (device === undefined) return;
      if (!DEVICE_CHOICES.includes(device)) {
        throw new LlmError("invalid_request", `Expected one of ${DEVICE_CHOICES.join(", ")} as device.`);
      }
      this.#services.setSettings({ device });
    },
    "site.set": ({ origin, topOrigin, decision }) => {
      this.#services.permissions.remember({ origin, topOrigin }, decision);
      if (decision === "deny") this.#stopSite({ origin, topOrigin });
    },
    "site.languageModel": ({ origin, on }) => {
      const others = this.#services.settings().withoutLanguageModel.filter((other) => other !== origin);
      this.#services.setSettings({ withoutLanguageModel: on ? others : [...others, origin] });
    },
    "site.tasks": async ({ origin, on }) => {
      const others = this.#services.settings().withTasks.filter((other) => other !== origin);
      const withTasks = on ? [...others, origin] : others;
      this.#services.setSettings({ withTasks });
      await this.#services.registerTasks(withTasks);
    },
    "site.memory": ({ origin, on }) => {
      const others = this.#services.settings().withMemory.filter((other) => other !== origin);
      this.#services.setSettings({ withMemory: on ? [...others, origin] : others });
    },
    "site.revoke": async (pair) => {
      const { permissions, memories, settings, setSettings } = this.#services;
      permissions.revoke(pair);
      this.#stopSite(pair);
      const withMemory = settings().withMemory.filter((origin) => origin !== pair.origin);
      if (withMemory.length < settings().withMemory.length) setSettings({ withMemory });
      if ((await memories.rows()).some(({ site }) => site && pairKey(site) === pairKey(pair)))
        await memories.forget(pair);
    },
    memory: ({ site, call }, id) => this.#abortable(id, (signal) => this.#services.memories.call(site, call, signal)),
    stop: ({ origin }) => {
      const reason = new LlmError("aborted", "The user stopped the request.");
      this.#services.requests.abortWhere(
        ({ site }) => origin === undefined || (site?.origin ?? null) === origin,
        reason,
      );
    },
    generate: ({ messages }, id) => this.#generate(id, messages),
    abort: ({ id }) => this.#running.get(id)?.abort(new LlmError("aborted", "The user stopped the request.")),
  };

  #stopSite(pair: { origin: string; topOrigin: string }): void {
    this.#services.sessions.endWhere(({ site }) => pairKey(site) === pairKey(pair));
    this.#services.requests.abortWhere(
      ofPair(pair),
      new LlmError("not_allowed", "The user has revoked the permission of this site."),
    );
  }

  async #abortable<T>(id: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#running.set(id, controller);
    try {
      return await work(controller.signal);
    } finally {
      this.#running.delete(id);
    }
  }

  async #generate(id: number, messages: AdminMethods["generate"]["params"]["messages"]): Promise<Usage> {
    const { models, requests, settings } = this.#services;
    const running = requests.admit(null);
    const { signal } = running.controller;
    this.#running.set(id, running.controller);
    requests.enter(running, "generating");
    try {
      return await models.run(settings().defaultModel, signal, async (model) => {
        const output = new Coalescer<string>((pieces) => this.#post({ id, text: pieces.join("") }));
        const generation = model.generate(messages, { signal, partition: SIDE_PANEL });
        for await (const piece of generation) output.push(piece);
        const usage = await generation.usage;
        output.end();
        return usage;
      });
    } catch (thrown) {
      throw signal.aborted ? signal.reason : thrown;
    } finally {
      this.#running.delete(id);
      requests.done(running);
    }
  }
}
