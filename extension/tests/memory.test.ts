/** Proves whose memory a page gets: only where the person lets it, one for each pair of sites, and gone with the permission. Uses the fake engine. */
import { LlmError } from "@nomoat/runtime";
import { describe, expect, it } from "vitest";
import { createMemory } from "../page/memory";
import type { Pending, PrivatePort } from "../page/private-port";
import { modelInfo } from "./fake-engine";
import { frame, sender } from "./page-sender";
import { A, setUp } from "./pages";

const B = { origin: "https://b.example", topOrigin: "https://b.example" };

/** Two sites that are allowed, of which A has memory on. */
async function setUpAllowed() {
  const all = setUp();
  all.engine.models.set("encoder", { ...modelInfo("encoder"), architecture: "BertModel", state: "ready" });
  for (const site of [A, B]) all.services.permissions.remember(site, "allow");
  await all.admin("site.memory", { origin: A.origin, on: true });
  const page = (from = sender()) => {
    const opened = all.page(from);
    let lastId = 0;
    const call = async (method: string, given: object = {}, facts = frame()): Promise<unknown> => {
      const id = ++lastId;
      await opened.send({ id, method: "memory", params: { method, options: {}, ...given } }, facts);
      const answer = opened.answers.find((each) => each.id === id && ("result" in each || "error" in each));
      if (!answer || "error" in answer) throw LlmError.fromWire(answer && "error" in answer ? answer.error : null);
      return (answer as { result: unknown }).result;
    };
    return { ...opened, call };
  };
  return { ...all, page };
}

const texts = (found: unknown) => (found as { text: string }[]).map(({ text }) => text);
const asB = () => sender({ documentId: "document-2", origin: B.origin });

describe("a site's memory", () => {
  it("is off until the person switches it on, and when it is switched off again", async () => {
    const { page, admin, engine } = await setUpAllowed();
    const off = { code: "not_allowed", detail: { reason: "memory_off" } };
    await expect(page(asB()).call("add", { input: "x" })).rejects.toMatchObject(off);
    expect(await page().call("add", { input: "x" })).toEqual([1]);
    await admin("site.memory", { origin: A.origin, on: false });
    for (const method of ["list", "export", "info"]) await expect(page().call(method)).rejects.toMatchObject(off);
    expect(engine.kept.size).toBe(1);
  });

  it("needs the person's permission, whatever the switch says", async () => {
    const { page, services, windows } = await setUpAllowed();
    services.permissions.revoke(A);
    await expect(page().call("add", { input: "x" }, frame({ userActivation: false }))).rejects.toMatchObject({
      code: "not_allowed",
    });
    const asked = page().call("add", { input: "x" });
    await expect.poll(() => windows).toEqual([1]);
    services.consent.answer(1, "deny");
    await expect(asked).rejects.toMatchObject({ code: "not_allowed" });
    services.permissions.remember(A, "deny");
    await expect(page().call("list")).rejects.toMatchObject({ code: "not_allowed" });
  });

  it("is not another site's, nor that of the same site inside another one", async () => {
    const { page, admin, engine, services } = await setUpAllowed();
    await admin("site.memory", { origin: B.origin, on: true });
    await page().call("add", { input: ["of a"] });
    await page(asB()).call("add", { input: "of b" });
    services.permissions.remember({ origin: A.origin, topOrigin: B.origin }, "allow");
    const inside = page(sender({ documentId: "document-3" }));
    const facts = frame({ ancestorOrigins: [B.origin] });
    expect(await inside.call("list", {}, facts)).toEqual([]);
    await inside.call("add", { input: "of a in b" }, facts);
    expect(texts(await page().call("list"))).toEqual(["of a"]);
    expect(texts(await page(asB()).call("search", { input: "a" }))).toEqual(["of b"]);
    expect(engine.kept.size).toBe(3);
  });

  it("is none in an incognito window", async () => {
    const { page, services } = await setUpAllowed();
    const tab = { id: 1, incognito: true } as chrome.tabs.Tab;
    const site = page(sender({ tab }));
    services.permissions.allowOnce({ ...A, documentId: "document-1", tabId: 1, incognito: true });
    await expect(site.call("add", { input: "x" })).rejects.toMatchObject({ detail: { reason: "incognito" } });
  });

  it("goes with the permission, with its switch", async () => {
    const { page, admin, engine, services } = await setUpAllowed();
    await page().call("add", { input: "x" });
    await admin("site.revoke", B);
    expect(engine.kept.size).toBe(1);
    await admin("site.revoke", A);
    expect(engine.kept.size).toBe(0);
    expect(services.settings().withMemory).toEqual([]);
    expect(await services.memories.rows()).toEqual([]);
  });

  it("is shown, exported and deleted by the person, also when the permission is over", async () => {
    const { page, services, admin, adminAnswers } = await setUpAllowed();
    await page().call("add", { input: ["x", "y"] });
    services.permissions.revoke(A);
    expect(await services.memories.rows()).toEqual([{ site: A, nbytes: 2 }]);
    await admin("memory", { site: A, call: { method: "export", options: {} } });
    expect(adminAnswers.at(-1)).toMatchObject({ result: { records: [{ text: "x" }, { text: "y" }] } });
    await admin("memory", { site: A, call: { method: "forget", input: { all: true }, options: {} } });
    expect(await services.memories.rows()).toEqual([]);
    await admin("memory", { site: null, call: { method: "add", input: "of the chat", options: {} } });
    expect(await services.memories.rows()).toEqual([{ site: null, nbytes: 1 }]);
  });

  it("is shown and can be deleted where nobody can read whose it is, beside the others", async () => {
    const { page, admin, engine, services } = await setUpAllowed();
    await page().call("add", { input: "x" });
    const name = "0123456789abcdef".repeat(4);
    engine.damaged.add(name);
    const site = { origin: name, topOrigin: name };
    const rows = () => services.memories.rows();
    // Rows are those of the last change.
    await page().call("add", { input: "y" });
    expect(await rows()).toEqual([
      { site: A, nbytes: 2 },
      { site, nbytes: 1, damaged: true },
    ]);
    await admin("memory", { site, call: { method: "forget", input: { all: true }, options: {} } });
    expect(await rows()).toEqual([{ site: A, nbytes: 2 }]);
  });

  it("has limits, and the model that it was made with, else the first that embeds", async () => {
    const { page, engine } = await setUpAllowed();
    await page().call("add", { input: "x" });
    expect(engine.memoryOptions.at(-1)).toMatchObject({ model: { id: "encoder" }, limits: { records: 20_000 } });
    engine.models.set("another", { ...modelInfo("another"), architecture: "XLMRobertaModel", state: "ready" });
    engine.models.delete("encoder");
    await page().call("search", { input: "x" });
    expect(engine.memoryOptions.at(-1)).toMatchObject({ model: { id: "another" } });
    engine.models.delete("another");
    await expect(page().call("search", { input: "x" })).rejects.toMatchObject({ code: "model_not_found" });
    expect(texts(await page().call("list"))).toEqual(["x"]);
  });

  it("that another model could not read is told of, and stopped by an abort", async () => {
    const { page, engine } = await setUpAllowed();
    engine.failNext = new LlmError("not_supported", "reembed()", { reason: "other_model" });
    await expect(page().call("add", { input: "x" })).rejects.toMatchObject({ detail: { reason: "other_model" } });
  });
});

it("models that embed are not what answers, where nobody has chosen one", async () => {
  const { engine, services } = await setUpAllowed();
  engine.models.delete("m");
  engine.models.set("writer", { ...modelInfo("writer"), state: "ready" });
  expect(await services.models.chosenId(null)).toBe("writer");
  expect(await services.models.chosenId("encoder")).toBe("encoder");
});

describe("llm.memory", () => {
  function over() {
    const sent: unknown[] = [];
    const pendings: Pending[] = [];
    const aborted: number[] = [];
    const port: PrivatePort = {
      request: (request, pending) => {
        sent.push(request);
        return pendings.push(pending);
      },
      abort: (id) => void aborted.push(id),
    };
    return { memory: createMemory(port), sent, pendings, aborted };
  }

  it("sends each call, and gives what comes", async () => {
    const { memory, sent, pendings } = over();
    const added = memory.add(["a", { text: "b" }]);
    memory.search("q", { limit: 2 });
    memory.forget({ ids: [1] });
    memory.list({ after: 3 });
    memory.export();
    memory.info({});
    memory.reembed();
    expect(sent).toEqual(
      [
        { method: "add", input: ["a", { text: "b" }], options: {} },
        { method: "search", input: "q", options: { limit: 2 } },
        { method: "forget", input: { ids: [1] }, options: {} },
        { method: "list", options: { after: 3 } },
        { method: "export", options: {} },
        { method: "info", options: {} },
        { method: "reembed", options: {} },
      ].map((params) => ({ method: "memory", params })),
    );
    pendings[0]!.result([1, 2]);
    expect(await added).toEqual([1, 2]);
  });

  it("aborts, and refuses what is not of the contract", async () => {
    const { memory, sent, aborted } = over();
    const controller = new AbortController();
    const found = memory.search("q", { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(found).rejects.toThrow("enough");
    expect(aborted).toEqual([1]);
    await expect(memory.list({ limit: 0 })).rejects.toMatchObject({ code: "invalid_request", name: "TypeError" });
    await expect(memory.add(5 as never)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(memory.info(5 as never)).rejects.toMatchObject({ code: "invalid_request" });
    expect(sent.length).toBe(1);
    expect(Object.isFrozen(memory)).toBe(true);
  });
});
