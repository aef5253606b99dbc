/** Proves when LanguageModel is filled, and that its port gives back what an aborted create() got. Needs nothing. */
import { describe, expect, it } from "vitest";
import { fillLanguageModel, languageModelPort } from "../page/language-model";
import type { Pending, PrivatePort } from "../page/private-port";

function setUp() {
  const requests: { request: unknown; pending: Pending }[] = [];
  const aborted: [number, boolean | undefined][] = [];
  const port: PrivatePort = {
    request: (request, pending) => requests.push({ request, pending }),
    abort: (id, keep) => void aborted.push([id, keep]),
  };
  return { port, requests, aborted };
}

/** A window with a class of its own, or none. */
function windowWith(own?: unknown) {
  const target = Object.assign(new EventTarget(), { document: {} }) as unknown as Window & { LanguageModel?: unknown };
  if (own) target.LanguageModel = own;
  return target;
}
const turn = () => new Promise((done) => setTimeout(done));

describe("LanguageModel", () => {
  it("is there at once where the browser has none", () => {
    const target = windowWith();
    fillLanguageModel(target, setUp().port);
    const { LanguageModel } = target as unknown as { LanguageModel: new () => unknown };
    expect(() => new LanguageModel()).toThrow("Illegal constructor");
    for (const name of ["LanguageModel", "LanguageModelToolCall", "LanguageModelToolSuccess", "LanguageModelToolError"])
      expect(Object.getOwnPropertyDescriptor(target, name)).toMatchObject({ writable: true, enumerable: false });
    expect(target).not.toHaveProperty("QuotaExceededError");
  });

  it.each(["available", "downloadable", "downloading"])("leaves the browser's own that is %s", async (answer) => {
    const own = { availability: async () => answer };
    const target = windowWith(own);
    fillLanguageModel(target, setUp().port);
    target.dispatchEvent(new Event("load"));
    await turn();
    expect(target.LanguageModel).toBe(own);
  });

  it("takes the place of one that is unavailable, also where that is known only when the page is loaded", async () => {
    const own = { availability: async () => "unavailable" };
    const target = windowWith(own);
    fillLanguageModel(target, setUp().port);
    expect(target.LanguageModel).toBe(own);
    await turn();
    expect(target.LanguageModel).not.toBe(own);
    let asked = 0;
    const late = {
      availability: () => (asked++ === 0 ? Promise.reject(new Error("too early")) : Promise.resolve("unavailable")),
    };
    const other = windowWith(late);
    fillLanguageModel(other, setUp().port);
    await turn();
    expect(other.LanguageModel).toBe(late);
    other.dispatchEvent(new Event("load"));
    await turn();
    expect(other.LanguageModel).not.toBe(late);
  });

  it("does not replace what a page has put there meanwhile", async () => {
    const target = windowWith({ availability: async () => "unavailable" });
    fillLanguageModel(target, setUp().port);
    target.LanguageModel = "theirs";
    await turn();
    expect(target.LanguageModel).toBe("theirs");
  });
});

describe("its port", () => {
  it("sends what the contract knows, and refuses the rest by itself", async () => {
    const { port, requests } = setUp();
    const own = languageModelPort(port);
    const initialPrompts = [{ role: "user", content: "x" }] as const;
    void own.call("createSession", { initialPrompts, options: { samplingMode: "balanced" } });
    expect(requests[0]!.request).toEqual({
      method: "createSession",
      params: { options: { initialPrompts, samplingMode: "balanced" } },
    });
    await expect(own.call("promptSession", { session: 0, input: "x", options: {} })).rejects.toMatchObject({
      code: "invalid_request",
    });
    expect(requests).toHaveLength(1);
  });

  it("waits for what becomes of an aborted request", async () => {
    const { port, requests, aborted } = setUp();
    const controller = new AbortController();
    const made = languageModelPort(port).call("cloneSession", { session: 5 }, { signal: controller.signal });
    controller.abort();
    expect(aborted).toEqual([[1, true]]);
    requests[0]!.pending.result({ session: 6 });
    expect(await made).toEqual({ session: 6 });
  });
});
