/** The offscreen document's parts over the fake engine, and pages that ask them. */
import { type AdminServices, AdminSession } from "../offscreen/admin";
import { ConsentDesk } from "../offscreen/consent";
import { Memories } from "../offscreen/memories";
import { Models } from "../offscreen/models";
import { PageSessions } from "../offscreen/page-sessions";
import { Permissions } from "../offscreen/permissions";
import { RateLimiter } from "../offscreen/rate-limit";
import { Requests } from "../offscreen/requests";
import { PageRouter } from "../offscreen/router";
import type { AdminAnswer, AdminMethod, AdminMethods } from "../protocol/admin-port";
import type { Settings } from "../protocol/background";
import type { PageAnswer } from "../protocol/page-port";
import { FakeEngine } from "./fake-engine";
import { frame, sender } from "./page-sender";

export const A = { origin: "https://a.example", topOrigin: "https://a.example" };

export function setUp() {
  const engine = new FakeEngine().withModel("m");
  const windows: number[] = [];
  let settings: Settings = {
    defaultModel: null,
    allowOwnPrograms: false,
    device: "auto",
    withoutLanguageModel: [],
    withTasks: [],
    withMemory: [],
  };
  const registered: (readonly string[])[] = [];
  const models = new Models(() => engine, {
    onChange: () => {},
    device: () => settings.device,
    ownPrograms: () => settings.allowOwnPrograms,
    sources: {},
    saveSources: () => {},
    readId: async () => "x",
  });
  const services: AdminServices = {
    models,
    sessions: new PageSessions((model) => models.isLoaded(model)),
    memories: new Memories(
      models,
      (origin) => settings.withMemory.includes(origin),
      () => {},
    ),
    languageModelAllowed: (origin) => !settings.withoutLanguageModel.includes(origin),
    permissions: new Permissions([], () => {}),
    consent: new ConsentDesk(async (id) => void windows.push(id)),
    requests: new Requests(() => {}),
    rate: new RateLimiter(),
    defaultModel: () => settings.defaultModel,
    settings: () => settings,
    setSettings: (changed) => {
      settings = { ...settings, ...changed };
    },
    registerTasks: async (origins) => registered.push(origins),
    onChange: () => {},
  };
  const page = (from = sender()) => {
    const answers: PageAnswer[] = [];
    const router = new PageRouter(services, from, (answer) => answers.push(answer));
    const send = (request: unknown, facts = frame()) => router.receive({ request, frame: facts });
    const generate = (id: number, options: object = { maxTokens: 3 }, facts = frame()) =>
      send({ id, method: "generate", prompt: "hi", options }, facts);
    const errorOf = (id: number) => answers.find((answer) => answer.id === id && "error" in answer);
    return { router, answers, send, generate, errorOf };
  };
  const adminAnswers: AdminAnswer[] = [];
  const session = new AdminSession(services, (answer) => adminAnswers.push(answer));
  const admin = <M extends AdminMethod>(method: M, params: AdminMethods[M]["params"]) =>
    session.receive({ id: 1, method, params });
  return { engine, services, windows, registered, page, admin, adminAnswers, session };
}
