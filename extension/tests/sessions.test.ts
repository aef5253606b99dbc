/** Proves what pages get of sessions, decisions and embeddings: consent, owners, ends, caps, partitions. Uses the fake engine. */
import { LlmError } from "@nomoat/runtime";
import { describe, expect, it } from "vitest";
import { MAX_SESSIONS_PER_ORIGIN } from "../offscreen/page-sessions";
import type { PageAnswer, SessionState } from "../protocol/page-port";
import { frame, sender } from "./page-sender";
import { A, setUp } from "./pages";

/** Pages of sites that are allowed. */
function setUpAllowed() {
  const all = setUp();
  all.services.permissions.remember(A, "allow");
  const page = (from = sender()) => {
    const opened = all.page(from);
    let lastId = 100;
    const call = async (method: string, params: object = {}, facts = frame()): Promise<unknown> => {
      const id = ++lastId;
      await opened.send({ id, method, params }, facts);
      const answer = opened.answers.find((each) => each.id === id && ("result" in each || "error" in each));
      if (!answer || "error" in answer) throw LlmError.fromWire(answer && "error" in answer ? answer.error : null);
      return (answer as { result: unknown }).result;
    };
    const create = async (options: object = {}): Promise<number> =>
      ((await call("createSession", { options })) as SessionState).session!;
    const prompt = (session: number, input: unknown = "hi") => call("promptSession", { session, input, options: {} });
    return { ...opened, call, create, prompt };
  };
  return { ...all, page };
}

const events = (answers: readonly PageAnswer[]) =>
  answers.flatMap((answer) => ("events" in answer ? answer.events : []));

describe("a session", () => {
  it("is made in the site's partition, with the cap on output, and prompted", async () => {
    const { engine, page } = setUpAllowed();
    const { answers, create, prompt } = page();
    const session = await create({ initialPrompts: [{ role: "user", content: "x" }], temperature: 0 });
    expect(engine.sessions[0]!.options).toMatchObject({ maxTokens: 2048, temperature: 0 });
    expect(engine.sessions[0]!.options.partition).toContain("https://a.example");
    expect(await prompt(session)).toMatchObject({
      contextUsage: 3,
      contextWindow: 128,
      usage: { completionTokens: 2 },
    });
    expect(
      events(answers)
        .map((event) => ("text" in event ? event.text : ""))
        .join(""),
    ).toBe("w0 w1 ");
    // Nothing of the machine.
    expect(JSON.stringify(answers)).not.toContain("fake");
  });

  it("tells of calls and of overflow", async () => {
    const { page } = setUpAllowed();
    const { answers, create, prompt, call } = page();
    const session = await create();
    await prompt(session, "tool");
    await call("appendSession", { session, input: "overflow" });
    const kinds = events(answers).map((event) => Object.keys(event)[0]);
    expect(new Set(kinds)).toEqual(new Set(["toolCall", "text", "overflow"]));
    expect(await call("measureSession", { session, input: "x", options: {} })).toBe(7);
  });

  it("needs consent, which needs a gesture", async () => {
    const { page, windows, services, engine } = setUp();
    const opened = page();
    await opened.send({ id: 1, method: "createSession", params: { options: {} } }, frame({ userActivation: false }));
    expect(opened.errorOf(1)).toMatchObject({ error: { code: "not_allowed", name: "NotAllowedError" } });
    const asked = opened.send({ id: 2, method: "createSession", params: { options: {} } });
    await expect.poll(() => windows).toEqual([1]);
    services.consent.answer(1, "deny");
    await asked;
    expect(opened.errorOf(2)).toMatchObject({ error: { code: "not_allowed" } });
    expect(engine.sessions).toEqual([]);
  });

  it("is of its document only", async () => {
    const { page, services, engine } = setUpAllowed();
    const session = await page().create();
    services.permissions.remember({ origin: "https://b.example", topOrigin: "https://b.example" }, "allow");
    for (const other of [
      sender({ documentId: "document-2" }),
      sender({ documentId: "document-3", origin: "https://b.example" }),
      sender({ origin: "https://b.example" }),
    ]) {
      const stranger = page(other);
      for (const method of ["promptSession", "measureSession"])
        await expect(stranger.call(method, { session, input: "x", options: {} })).rejects.toMatchObject({
          code: "aborted",
        });
      await expect(stranger.call("appendSession", { session, input: "x" })).rejects.toMatchObject({ code: "aborted" });
      await expect(stranger.call("cloneSession", { session })).rejects.toMatchObject({ code: "aborted" });
      expect(await stranger.call("destroySession", { session })).toBeNull();
    }
    expect(engine.sessions.map(({ destroyed }) => destroyed)).toEqual([false]);
  });

  it("has a number that tells nothing of others", async () => {
    const { page } = setUpAllowed();
    const { create } = page();
    const [first, second] = [await create(), await create()];
    expect(Math.abs(first! - second!)).toBeGreaterThan(1000);
  });

  it("ends with its document, a revocation, a denial, and destroy()", async () => {
    const { page, engine, admin, services } = setUpAllowed();
    const ended = () => engine.sessions.map(({ destroyed }) => destroyed);
    const first = page();
    const session = await first.create();
    await first.call("destroySession", { session });
    await expect(first.prompt(session)).rejects.toMatchObject({ code: "aborted" });
    await first.create();
    first.router.close();
    expect(ended()).toEqual([true, true]);
    const second = page(sender({ documentId: "document-2" }));
    const kept = await second.create();
    await admin("site.revoke", A);
    expect(ended()).toEqual([true, true, true]);
    services.permissions.remember(A, "allow");
    await expect(second.prompt(kept)).rejects.toMatchObject({ code: "aborted" });
    await second.create();
    await admin("site.set", { ...A, decision: "deny" });
    expect(ended()).toEqual([true, true, true, true]);
  });

  it("ends with its model, and says so", async () => {
    const { page, services, engine } = setUpAllowed();
    const { create, prompt } = page();
    const session = await create();
    await services.models.unload();
    await expect(prompt(session)).rejects.toMatchObject({ code: "aborted", detail: { reason: "session_over" } });
    expect(engine.sessions[0]!.destroyed).toBe(true);
    expect(services.sessions.size).toBe(0);
  });

  it("is capped by origin, over all its documents, and room comes back", async () => {
    const { page, engine } = setUpAllowed();
    const [one, two] = [page(), page(sender({ documentId: "document-2" }))];
    let last = 0;
    for (let i = 0; i < MAX_SESSIONS_PER_ORIGIN; i++) last = await (i % 2 ? one : two).create();
    await expect(one.create()).rejects.toMatchObject({ detail: { reason: "too_many_sessions" } });
    await expect(two.call("cloneSession", { session: last })).rejects.toMatchObject({ code: "aborted" });
    await expect(one.call("cloneSession", { session: last })).rejects.toMatchObject({ code: "not_allowed" });
    await one.call("destroySession", { session: last });
    await one.create();
    expect(engine.sessions.filter(({ destroyed }) => !destroyed)).toHaveLength(MAX_SESSIONS_PER_ORIGIN);
  });

  it("answers its prompts in order, and an aborted one lets the next through", async () => {
    const { page, engine } = setUpAllowed();
    const { create, send, answers, errorOf } = page();
    const session = await create();
    const long = send({
      id: 1,
      method: "promptSession",
      params: { session, input: "long", options: { maxTokens: 8000 } },
    });
    await expect.poll(() => engine.computing).toBe(1);
    const next = send({ id: 2, method: "promptSession", params: { session, input: "tool", options: {} } });
    expect(engine.requests).toHaveLength(1);
    await send({ id: 1, method: "abort" });
    await Promise.all([long, next]);
    expect(errorOf(1)).toMatchObject({ error: { code: "aborted" } });
    expect(events(answers.filter(({ id }) => id === 2)).some((event) => "toolCall" in event)).toBe(true);
    expect(engine.computing).toBe(0);
  });
});

describe("decide and embed", () => {
  it("run on the model, in the partition, and come as JSON", async () => {
    const { page, engine } = setUpAllowed();
    const { call } = page();
    const questions = [{ id: "q", prompt: "?", type: "boolean" }];
    expect(await call("decide", { input: "x", questions, options: { calibrate: false } })).toMatchObject({
      q: { label: "true" },
    });
    expect(engine.decisions[0]).toMatchObject({ calibrate: false, partition: expect.stringContaining("a.example") });
    expect(await call("embed", { input: ["a", "bc"], options: {} })).toEqual([
      [1, 0.5],
      [2, 0.5],
    ]);
    await expect(call("embed", { input: "x", options: { model: "none" } })).rejects.toMatchObject({
      code: "model_not_found",
    });
  });
});

describe("LanguageModel", () => {
  it("is downloadable for everyone before consent, and the person's switch counts", async () => {
    const { page, admin, services } = setUp();
    const opened = page();
    const ask = async (id: number) => {
      await opened.send({ id, method: "modelAvailability", params: {} });
      const answer = opened.answers.find((each) => each.id === id);
      return answer && "result" in answer ? answer.result : answer;
    };
    expect(await ask(1)).toBe("downloadable");
    services.permissions.remember(A, "allow");
    expect(await ask(2)).toBe("available");
    await admin("site.languageModel", { origin: A.origin, on: false });
    await admin("site.languageModel", { origin: A.origin, on: false });
    expect(services.settings().withoutLanguageModel).toEqual([A.origin]);
    expect(await ask(3)).toBe("unavailable");
    await opened.send({ id: 4, method: "prepareModel", params: {} });
    expect(opened.errorOf(4)).toMatchObject({ error: { code: "not_supported" } });
    await admin("site.languageModel", { origin: A.origin, on: true });
    expect(await ask(5)).toBe("available");
    await opened.send({ id: 6, method: "modelAvailability", params: {} }, frame({ policyAllows: false }));
    expect(opened.answers.at(-1)).toEqual({ id: 6, result: "unavailable" });
  });

  it("waits for a download that is going on, and tells how far it is", async () => {
    const { page, engine, services } = setUp();
    services.permissions.remember(A, "allow");
    engine.models.clear();
    let loaded = (): void => {};
    engine.download = new Promise((resolve) => {
      loaded = resolve;
    });
    const install = services.models.install("https://host.example/x/");
    await expect.poll(() => engine.models.size).toBe(1);
    const opened = page();
    const prepared = opened.send({ id: 1, method: "prepareModel", params: {} });
    await expect.poll(() => services.requests.rows().length).toBe(1);
    engine.onDownload?.({ phase: "download", loaded: 1, total: 2 });
    await expect.poll(() => opened.answers).toContainEqual({ id: 1, progress: 0.5 });
    loaded();
    await Promise.all([install, prepared]);
    expect(opened.answers.at(-1)).toEqual({ id: 1, result: null });
  });
});
