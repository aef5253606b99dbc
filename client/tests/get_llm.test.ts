// Proves whom getLLM asks: announced providers in their order, window.llm, the page's own model; and what it does with
// hostile announcements, options and aborts. Needs nothing: providers and runtime are objects.
import type { Engine, LLM, LoadOptions, Model } from "@nomoat/runtime";
import * as runtimeEntry from "@nomoat/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as entry from "../src/index";
import { findProviders, getLLM } from "../src/index";

afterEach(() => vi.unstubAllGlobals());

function llm(availability = "available"): LLM {
  return { version: "1.2.3", availability: async () => availability, generate: () => "" } as unknown as LLM;
}

/** A window in which these announce themselves when they are asked to. */
function page(details: readonly unknown[], windowLlm?: unknown): EventTarget {
  const target = Object.assign(new EventTarget(), windowLlm === undefined ? {} : { llm: windowLlm });
  target.addEventListener("llm:requestProvider", () => {
    for (const detail of details) target.dispatchEvent(new CustomEvent("llm:announceProvider", { detail }));
  });
  vi.stubGlobal("window", target);
  return target;
}
const announced = (rdns: string, provider: LLM, uuid = rdns) => ({
  info: { uuid, rdns, name: rdns, version: "1" },
  provider,
});

/** A runtime whose engine loads one model, and what was asked of it. */
function runtime(failure?: Error) {
  const asked: { source?: unknown; options?: LoadOptions; engine?: unknown; memory?: unknown; closed: number } = {
    closed: 0,
  };
  const info = { id: "tiny-f32", name: "Tiny" };
  const model = {
    info,
    chat: {},
    generate: (prompt: string) => `${prompt}!`,
    createSession: async () => "session",
    decide: async (_input: string, _questions: unknown, options: object) => options,
    embed: async () => ({ embeddings: [Float32Array.of(1)], usage: { promptTokens: 1 } }),
  } as unknown as Model;
  const engine = {
    load: async (source: unknown, options: LoadOptions) => {
      Object.assign(asked, { source, options });
      if (failure) throw failure;
      return model;
    },
    memory: async (options: unknown) => {
      asked.memory = options;
      return { info: async () => ({ count: 0 }) };
    },
    close: async () => {
      asked.closed++;
    },
  } as unknown as Engine;
  const createEngine = (options: unknown) => {
    asked.engine = options;
    return engine;
  };
  return { asked, load: async () => ({ ...runtimeEntry, createEngine }) as typeof runtimeEntry };
}

describe("the package entry", () => {
  it("exports these names and no others", () => {
    expect(Object.keys(entry).sort()).toEqual(["findProviders", "getLLM"]);
  });
});

describe("findProviders", () => {
  it("finds nobody in a worker and in Node", () => {
    expect(findProviders()).toEqual([]);
  });

  it("lists who announces, once, and window.llm last where nobody announced it", () => {
    const [first, second, plain] = [llm(), llm(), llm()];
    page([announced("org.a", first), announced("org.b", second), announced("org.a", first)], plain);
    expect(findProviders().map(({ info }) => info.rdns)).toEqual(["org.a", "org.b", ""]);
    page([announced("org.a", first)], first);
    expect(findProviders()).toHaveLength(1);
  });

  it("drops what is no provider", () => {
    const details = [null, 1, {}, { info: {}, provider: llm() }, { info: { uuid: "1", rdns: "x" }, provider: {} }];
    page([...details, { info: { uuid: "1", rdns: 2 }, provider: llm() }], { generate: 1 });
    expect(findProviders()).toEqual([]);
  });

  it("stops listening", () => {
    const target = page([]);
    findProviders();
    const late = new CustomEvent("llm:announceProvider", { detail: announced("org.late", llm()) });
    target.dispatchEvent(late);
    expect(findProviders()).toEqual([]);
  });
});

describe("getLLM", () => {
  it("takes the first provider that has a model, or the one that is named", async () => {
    const [none, downloadable, available] = [llm("unavailable"), llm("downloadable"), llm()];
    page([announced("org.none", none), announced("org.b", downloadable), announced("org.c", available)]);
    expect(await getLLM()).toBe(downloadable);
    expect(await getLLM({ provider: "org.c" })).toBe(available);
    // Better one without a model, which tells its person how to get one, than none.
    expect(await getLLM({ provider: "org.none" })).toBe(none);
    await expect(getLLM({ provider: "org.other" })).rejects.toMatchObject({
      name: "NotFoundError",
      code: "model_not_found",
      message: expect.stringContaining("org.other"),
    });
  });

  it("loads the page's own model where nobody has one, or nobody is to be asked", async () => {
    const { asked, load } = runtime();
    page([announced("org.none", llm("unavailable"))]);
    const onProgress = () => undefined;
    const own = await getLLM({ model: "/tiny/", runtime: load, device: "wasm", onProgress, engine: { gpu: null } });
    expect(asked).toMatchObject({
      source: { url: "/tiny/" },
      options: { device: "wasm", onProgress },
      engine: { gpu: null },
    });
    expect(own.generate("Hi")).toBe("Hi!");
    page([announced("org.a", llm())]);
    await getLLM({ provider: "page", model: { id: "tiny" }, runtime: load });
    expect(asked.source).toEqual({ id: "tiny" });
  });

  it("gives the interface of window.llm over it", async () => {
    const { asked, load } = runtime();
    const memory = { model: { url: "/MiniLM/" } };
    const own = await getLLM({ model: "/tiny/", memory, runtime: load });
    expect(asked.memory).toBe(memory);
    expect(await own.memory.info()).toEqual({ count: 0 });
    expect(Object.isFrozen(own)).toBe(true);
    expect(own.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(await own.models()).toEqual([{ id: "tiny-f32", name: "Tiny" }]);
    expect(await own.availability()).toBe("available");
    expect(await own.availability({ model: "Tiny" })).toBe("available");
    expect(await own.availability({ model: "other" })).toBe("unavailable");
    expect(await own.createSession()).toBe("session");
    expect(await own.embed("a", { model: "tiny-f32" })).toEqual([Float32Array.of(1)]);
    expect(await own.decide("a", [], { model: "Tiny", calibrate: false })).toEqual({ calibrate: false });
    const missing = { name: "NotFoundError", code: "model_not_found", detail: { path: "model" } };
    await expect(own.embed("a", { model: "other" })).rejects.toMatchObject(missing);
    await expect(own.decide("a", [], { model: "other" })).rejects.toMatchObject(missing);
  });

  it("closes the engine when loading fails, and when its signal is aborted later", async () => {
    const failing = runtime(new runtimeEntry.LlmError("network", "gone"));
    await expect(getLLM({ model: "/tiny/", runtime: failing.load })).rejects.toMatchObject({ code: "network" });
    expect(failing.asked.closed).toBe(1);
    const { asked, load } = runtime();
    const controller = new AbortController();
    await getLLM({ model: "/tiny/", runtime: load, signal: controller.signal });
    expect(asked).toMatchObject({ closed: 0, options: { signal: controller.signal } });
    controller.abort();
    expect(asked.closed).toBe(1);
  });

  it("refuses what it cannot do, as typed errors", async () => {
    await expect(getLLM()).rejects.toMatchObject({ code: "model_not_found" });
    await expect(getLLM({ modle: "a" } as never)).rejects.toMatchObject({ name: "TypeError", code: "invalid_request" });
    const gone = { model: "/tiny/", runtime: () => Promise.reject(new Error("404")) };
    await expect(getLLM(gone)).rejects.toMatchObject({ name: "NetworkError", code: "network" });
    await expect(getLLM({ signal: AbortSignal.abort("why") })).rejects.toBe("why");
    const slow = { ...llm(), availability: () => new Promise((resolve) => setTimeout(() => resolve("available"), 5)) };
    page([announced("org.slow", slow as unknown as LLM)]);
    const controller = new AbortController();
    const asking = getLLM({ signal: controller.signal });
    controller.abort("enough");
    await expect(asking).rejects.toBe("enough");
  });
});
