/** Proves what a page gets for what it sends: consent, limits, aborts, revocation. Uses the fake engine, no browser. */
import { LlmError } from "@nomoat/runtime";
import { describe, expect, it } from "vitest";
import { MAX_REQUESTS_PER_ORIGIN } from "../offscreen/requests";
import { takeSnapshot } from "../offscreen/snapshot";
import { frame, sender } from "./page-sender";
import { A, setUp } from "./pages";

describe("consent", () => {
  it("is asked in a window, and its answer runs the request in the site's partition", async () => {
    const { services, windows, page, engine } = setUp();
    const { answers, generate } = page();
    const done = generate(1, { maxTokens: 2 });
    await expect.poll(() => windows).toEqual([1]);
    expect(engine.requests).toEqual([]);
    services.consent.answer(1, "always");
    await done;
    expect(answers.flatMap((answer) => ("text" in answer ? answer.text : [])).join("")).toBe("w0 w1 ");
    expect(answers.at(-1)).toMatchObject({ id: 1, result: { completionTokens: 2 } });
    expect(engine.requests[0]?.options.partition).toContain("https://a.example");
    expect(services.permissions.rows()).toEqual([{ ...A, decision: "allow" }]);
  });

  it("needs a user gesture", async () => {
    const { windows, page } = setUp();
    const { generate, errorOf } = page();
    await generate(1, { maxTokens: 3 }, frame({ userActivation: false }));
    expect(errorOf(1)).toMatchObject({
      error: { code: "not_allowed", name: "NotAllowedError", message: expect.stringMatching(/gesture/) },
    });
    expect(windows).toEqual([]);
  });

  it("denied sticks; closed does not", async () => {
    const { services, windows, page } = setUp();
    const { generate, errorOf } = page();
    const closed = generate(1);
    await expect.poll(() => windows).toEqual([1]);
    services.consent.answer(1, "closed");
    await closed;
    const denied = generate(2);
    await expect.poll(() => windows).toEqual([1, 2]);
    services.consent.answer(2, "deny");
    await denied;
    await generate(3);
    expect(windows).toEqual([1, 2]);
    for (const id of [1, 2, 3]) expect(errorOf(id)).toMatchObject({ error: { code: "not_allowed" } });
    expect(services.permissions.rows()).toEqual([{ ...A, decision: "deny" }]);
  });

  it("once ends with the document", async () => {
    const { services, page, windows } = setUp();
    const first = page();
    const done = first.generate(1);
    await expect.poll(() => windows).toEqual([1]);
    services.consent.answer(1, "once");
    await done;
    await first.generate(2, { maxTokens: 3 }, frame({ userActivation: false }));
    expect(first.errorOf(2)).toBeUndefined();
    first.router.close();
    const second = page(sender({ documentId: "document-2" }));
    await second.generate(1, { maxTokens: 3 }, frame({ userActivation: false }));
    expect(second.errorOf(1)).toMatchObject({ error: { code: "not_allowed" } });
  });

  it("in incognito lasts for the document and is never remembered", async () => {
    const { services, page, windows } = setUp();
    services.permissions.remember(A, "allow");
    const incognito = page(sender({ incognito: true }));
    const done = incognito.generate(1);
    await expect.poll(() => windows).toEqual([1]);
    services.consent.answer(1, "always");
    await done;
    expect(incognito.errorOf(1)).toBeUndefined();
    const other = page(sender({ incognito: true, documentId: "2" }));
    await other.generate(1, { maxTokens: 3 }, frame({ userActivation: false }));
    expect(other.errorOf(1)).toMatchObject({ error: { code: "not_allowed" } });
    expect(services.permissions.rows()).toEqual([{ ...A, decision: "allow" }]);
  });

  it("is not overwritten where the user has decided on the options page meanwhile", async () => {
    const { services, windows, page } = setUp();
    const { generate, errorOf } = page();
    const asked = generate(1);
    await expect.poll(() => windows).toEqual([1]);
    services.permissions.remember(A, "deny");
    services.consent.answer(1, "always");
    await asked;
    expect(errorOf(1)).toMatchObject({ error: { code: "not_allowed" } });
  });
});

describe("chat", () => {
  const asked = { messages: [{ role: "user", content: "hi" }] };

  it("needs consent as generate does, and runs in the site's partition", async () => {
    const { services, windows, page, engine } = setUp();
    const { answers, send } = page();
    const done = send({ id: 1, method: "chat", request: { ...asked, max_tokens: 2, stream: true } });
    await expect.poll(() => windows).toEqual([1]);
    expect(engine.chats).toEqual([]);
    services.consent.answer(1, "always");
    await done;
    expect(answers.every((answer) => "chunks" in answer || "result" in answer)).toBe(true);
    expect(answers.at(-1)).toEqual({ id: 1, result: null });
    expect(engine.chats[0]!.options.partition).toContain("https://a.example");
    await send({ id: 2, method: "chat", request: { ...asked, model: "m" } }, frame({ userActivation: false }));
    expect(answers.at(-1)).toMatchObject({
      id: 2,
      result: { choices: [{ message: { content: expect.any(String) } }] },
    });
    expect(engine.chats[1]!.request).toMatchObject({ max_completion_tokens: 2048 });
  });

  it("is refused without consent, and for a model that is not there", async () => {
    const { services, page } = setUp();
    const { send, errorOf } = page();
    await send({ id: 1, method: "chat", request: asked }, frame({ userActivation: false }));
    expect(errorOf(1)).toMatchObject({ error: { code: "not_allowed" } });
    services.permissions.remember(A, "allow");
    await send({ id: 2, method: "chat", request: { ...asked, model: "other" } });
    expect(errorOf(2)).toMatchObject({ error: { code: "model_not_found", name: "NotFoundError" } });
    await send({ id: 3, method: "chat", request: { ...asked, audio: {} } });
    expect(errorOf(3)).toMatchObject({ error: { code: "not_supported", name: "NotSupportedError" } });
  });

  it("stops when the page aborts it", async () => {
    const { services, page, engine } = setUp();
    services.permissions.remember(A, "allow");
    const { send, errorOf } = page();
    const done = send({ id: 1, method: "chat", request: { ...asked, max_tokens: 8000, stream: true } });
    await expect.poll(() => engine.computing).toBe(1);
    await send({ id: 1, method: "abort" });
    await done;
    expect(errorOf(1)).toMatchObject({ error: { code: "aborted" } });
    expect(engine.computing).toBe(0);
  });
});

describe("before consent", () => {
  it("tells every site the same, with and without a model", async () => {
    const { services, page, engine } = setUp();
    const { answers, send } = page();
    await send({ id: 1, method: "availability", options: {} });
    engine.models.clear();
    await send({ id: 2, method: "availability", options: {} });
    services.permissions.remember(A, "deny");
    await send({ id: 3, method: "availability", options: {} });
    expect(answers).toEqual([1, 2, 3].map((id) => ({ id, result: "downloadable" })));
    await send({ id: 4, method: "models" });
    expect(answers.at(-1)).toMatchObject({ id: 4, error: { code: "not_allowed" } });
  });

  it("says unavailable, and refuses, where the frame may not use it", async () => {
    const { page, windows } = setUp();
    const { answers, send, generate, errorOf } = page();
    const denied = frame({ policyAllows: false, ancestorOrigins: ["https://top.example"] });
    await send({ id: 1, method: "availability", options: {} }, denied);
    expect(answers).toEqual([{ id: 1, result: "unavailable" }]);
    await generate(2, { maxTokens: 3 }, denied);
    expect(errorOf(2)).toMatchObject({ error: { code: "not_allowed", message: expect.stringMatching(/policy/) } });
    expect(windows).toEqual([]);
  });
});

describe("after consent", () => {
  it("tells availability and models", async () => {
    const { services, page, engine } = setUp();
    services.permissions.remember(A, "allow");
    const { answers, send } = page();
    await send({ id: 1, method: "availability", options: {} });
    await send({ id: 2, method: "models" });
    engine.models.clear();
    await send({ id: 3, method: "availability", options: {} });
    expect(answers).toMatchObject([{ result: "available" }, { result: [{ id: "m" }] }, { result: "unavailable" }]);
    expect(answers[1]).not.toHaveProperty("result.0.state");
  });

  it("stops computing on abort, on close, on stop, on revocation and on denial", async () => {
    const { services, page, engine, admin } = setUp();
    const stops: [string, (p: ReturnType<typeof page>) => unknown, string | null][] = [
      ["abort", ({ send }) => send({ id: 1, method: "abort" }), "aborted"],
      ["close", ({ router }) => router.close(), null],
      ["stop", () => admin("stop", {}), "aborted"],
      ["stop of the site", () => admin("stop", { origin: A.origin }), "aborted"],
      ["revocation", () => admin("site.revoke", A), "not_allowed"],
      ["denial", () => admin("site.set", { ...A, decision: "deny" }), "not_allowed"],
    ];
    for (const [name, stop, code] of stops) {
      services.permissions.remember(A, "allow");
      const tab = page();
      const done = tab.generate(1, { maxTokens: 8000 });
      await expect.poll(() => tab.answers.length, { message: name }).toBeGreaterThan(1);
      void stop(tab);
      await done;
      expect(engine.computing, name).toBe(0);
      expect(services.requests.rows(), name).toEqual([]);
      if (code) expect(tab.errorOf(1), name).toMatchObject({ error: { code } });
      else expect(tab.errorOf(1), name).toBeUndefined();
    }
  });

  it("does not stop another site", async () => {
    const { services, page, admin } = setUp();
    const B = { origin: "https://b.example", topOrigin: "https://b.example" };
    services.permissions.remember(A, "allow");
    services.permissions.remember(B, "allow");
    const b = page(sender({ origin: B.origin, documentId: "b" }));
    const done = b.generate(1, { maxTokens: 30 });
    await admin("site.revoke", A);
    await admin("stop", { origin: A.origin });
    await done;
    expect(b.answers.at(-1)).toMatchObject({ result: { completionTokens: 30 } });
  });
});

describe("limits", () => {
  it("admits a few requests of a site at a time, over all its documents, and goes on afterwards", async () => {
    const { services, page } = setUp();
    services.permissions.remember(A, "allow");
    const [one, two] = [page(), page(sender({ documentId: "2", tabId: 2 }))];
    const running = Array.from({ length: MAX_REQUESTS_PER_ORIGIN }, (_, i) =>
      (i % 2 ? one : two).generate(i + 1, { maxTokens: 20 }),
    );
    await one.generate(99);
    expect(one.errorOf(99)).toMatchObject({ error: { code: "not_allowed", detail: { reason: "too_many_requests" } } });
    await Promise.all(running);
    await one.generate(100);
    expect(one.errorOf(100)).toBeUndefined();
  });

  it("refuses a flood with the time to wait", async () => {
    const { page } = setUp();
    const { send, answers } = page();
    for (let id = 1; id <= 200; id++) await send({ id, method: "availability", options: {} });
    const refused = answers.filter((answer) => "error" in answer);
    expect(refused.length).toBeGreaterThan(100);
    expect(refused[0]).toMatchObject({ error: { code: "not_allowed", detail: { reason: "rate_limit" } } });
  });

  it("answers garbage with invalid_request", async () => {
    const { router, answers } = setUp().page();
    const garbage = [
      null,
      1,
      "x",
      {},
      { request: {} },
      { request: { id: 1, method: "models" } },
      { request: { id: 1, method: "x" }, frame: frame() },
    ];
    for (const message of garbage) await router.receive(message);
    expect(answers).toHaveLength(garbage.length);
    for (const answer of answers) expect(answer).toMatchObject({ error: { code: "invalid_request" } });
  });
});

describe("the extension's own pages", () => {
  it("may add a package by address, whose own GPU programs run only where they are allowed", async () => {
    const { services, admin, engine, page } = setUp();
    await admin("model.install", { url: "https://host.example/models/x/" });
    expect(engine.models.get("x")?.state).toBe("ready");
    services.permissions.remember(A, "allow");
    const { generate } = page();
    await generate(1);
    await admin("settings.set", { allowOwnPrograms: true });
    await generate(2);
    await generate(3);
    expect(engine.ownPrograms).toEqual([false, true]);
  });

  it("choose the device, which a page cannot", async () => {
    const { services, admin, adminAnswers, engine, page } = setUp();
    await admin("settings.set", { device: "wasm" });
    expect(services.settings()).toMatchObject({ device: "wasm", allowOwnPrograms: false });
    for (const device of ["gpu", "", null, 1, ["wasm"]]) {
      await admin("settings.set", { device } as never);
      expect(adminAnswers.at(-1)).toMatchObject({ error: { code: "invalid_request" } });
    }
    services.permissions.remember(A, "allow");
    const { generate, errorOf } = page();
    await generate(1, { maxTokens: 1, device: "webgpu" });
    expect(errorOf(1)).toMatchObject({ error: { code: "invalid_request" } });
    await generate(2, { maxTokens: 1 });
    expect(errorOf(2)).toBeUndefined();
    expect(engine.devices).toEqual(["wasm"]);
  });

  it("chat in a partition of their own, and stop when closed", async () => {
    const { session, admin, adminAnswers, engine } = setUp();
    await admin("generate", { messages: [{ role: "user", content: "hi" }] });
    expect(adminAnswers).toMatchObject([{ text: "w0 " }, { result: { completionTokens: 1 } }]);
    expect(engine.requests[0]?.options.partition).toBe("sidepanel");
    session.close();
    expect(engine.computing).toBe(0);
  });

  it("get an error for an unknown command", async () => {
    const { session, adminAnswers } = setUp();
    await session.receive({ id: 1, method: "constructor", params: {} });
    expect(adminAnswers).toMatchObject([{ error: { code: "internal" } }]);
  });
});

describe("snapshots", () => {
  it("say what is wrong with the engine and still show the sites", async () => {
    const { services, engine } = setUp();
    services.permissions.remember(A, "deny");
    expect(await takeSnapshot(services)).toMatchObject({ problem: null, defaultModel: "m", models: [{ id: "m" }] });
    engine.installed = () => Promise.reject(new LlmError("internal", "the worker failed"));
    expect(await takeSnapshot(services)).toMatchObject({
      problem: { code: "internal", message: "the worker failed" },
      models: [],
      sites: [{ ...A, decision: "deny" }],
    });
  });
});
