/** Proves how models are downloaded, shown, chosen, loaded once, shared and given back. Uses the fake engine. */
import { LlmError, type Model } from "@nomoat/runtime";
import { afterEach, describe, expect, it, vi } from "vitest";
import { IDLE_UNLOAD_MS, Models } from "../offscreen/models";
import type { DeviceChoice } from "../protocol/background";
import { FakeEngine } from "./fake-engine";

const URL_A = "https://host.example/models/a/";
const live = () => new AbortController().signal;

function setUp(engine = new FakeEngine(), sources: Record<string, string> = {}) {
  const saved: Record<string, string>[] = [];
  const readId = vi.fn(async (url: string) => url.split("/").at(-2)!);
  const wanted: { device: DeviceChoice } = { device: "auto" };
  const models = new Models(() => engine, {
    onChange: () => {},
    device: () => wanted.device,
    ownPrograms: () => true,
    sources,
    saveSources: (all) => void saved.push(all),
    readId,
  });
  return { engine, models, saved, readId, wanted };
}

afterEach(() => void vi.useRealTimers());

describe("downloads", () => {
  it("shows downloading, then ready, and remembers the address", async () => {
    const { engine, models, saved } = setUp();
    let finish!: () => void;
    engine.download = new Promise((done) => {
      finish = done;
    });
    const installing = models.install("https://host.example/models/a/nomoat.json?x#y");
    await expect.poll(() => models.rows()).toMatchObject([{ id: "a", state: "downloading", url: URL_A }]);
    expect(await models.ready()).toEqual([]);
    await expect(models.install(URL_A)).rejects.toMatchObject({ code: "invalid_request" });
    finish();
    await installing;
    expect(await models.rows()).toMatchObject([{ id: "a", state: "ready", error: null }]);
    expect(saved.at(-1)).toEqual({ a: URL_A });
  });

  it("goes by the id of the manifest, not of the address", async () => {
    const { models, readId } = setUp();
    readId.mockRejectedValueOnce(new LlmError("network", "offline"));
    await expect(models.install("https://host.example/models/a")).rejects.toMatchObject({ code: "network" });
    expect(await models.rows()).toMatchObject([
      { id: "a", state: "error", error: { code: "network", message: "offline" } },
    ]);
    await models.install("https://host.example/models/a");
    expect(await models.rows()).toMatchObject([{ id: "a", state: "ready" }]);
  });

  it("keeps a failure visible until it is removed or tried again", async () => {
    const { engine, models } = setUp();
    engine.failNext = new LlmError("integrity", "wrong hash");
    await expect(models.install(URL_A)).rejects.toMatchObject({ code: "integrity" });
    expect(await models.rows()).toMatchObject([{ id: "a", state: "error", error: { code: "integrity" } }]);
    await models.remove("a");
    expect(await models.rows()).toEqual([]);
  });

  it("shows a download that an earlier run left as interrupted, with the address to resume it", async () => {
    const engine = new FakeEngine();
    engine.models.set("a", { ...engine.withModel("a").models.get("a")!, state: "downloading" });
    const { models } = setUp(engine, { a: URL_A });
    expect(await models.rows()).toMatchObject([{ id: "a", state: "error", url: URL_A, error: { code: "aborted" } }]);
    await models.install(URL_A);
    expect(await models.rows()).toMatchObject([{ id: "a", state: "ready" }]);
  });

  const GGUF = "https://host.example/models/tiny.gguf";

  it("shows what is made of a GGUF file before its weights have come", async () => {
    const { engine, models, saved, readId } = setUp();
    let finish!: () => void;
    engine.download = new Promise((done) => {
      finish = done;
    });
    const installing = models.install(`${GGUF}#x`);
    await expect
      .poll(() => models.rows())
      .toMatchObject([{ id: "tiny-imported", state: "downloading", url: GGUF, info: { license: "apache-2.0" } }]);
    await expect(models.install(GGUF)).rejects.toMatchObject({ code: "invalid_request" });
    await models.remove("tiny.gguf");
    finish();
    await installing;
    expect(await models.rows()).toMatchObject([{ id: "tiny-imported", state: "ready" }]);
    expect(saved.at(-1)).toEqual({ "tiny-imported": GGUF });
    expect(readId).not.toHaveBeenCalled();
  });

  it.each([
    ["of an address", GGUF],
    ["of a file", new File(["x"], "tiny.gguf")],
  ])("goes on with an import %s that was paused", async (_, source) => {
    const { engine, models } = setUp();
    let finish!: () => void;
    engine.download = new Promise((done) => {
      finish = done;
    });
    const paused = models.install(source);
    await expect.poll(() => models.isInstalling("tiny-imported")).toBe(true);
    models.cancelInstall("tiny-imported");
    finish();
    await expect(paused).rejects.toMatchObject({ code: "aborted" });
    expect(await models.rows()).toMatchObject([{ id: "tiny-imported", state: "error", resumable: true }]);
    await models.resume("tiny-imported");
    expect(await models.rows()).toMatchObject([{ id: "tiny-imported", state: "ready" }]);
    expect(engine.installs).toEqual([source, source]);
  });

  it("shows an import that the browser was closed in, and removes what there is of it", async () => {
    const { engine, models } = setUp(new FakeEngine(), { "tiny-imported": GGUF });
    expect(await models.rows()).toMatchObject([{ id: "tiny-imported", state: "error", url: GGUF, resumable: true }]);
    await models.remove("tiny-imported");
    expect(engine.removed).toEqual(["tiny-imported"]);
    expect(await models.rows()).toEqual([]);
    await expect(models.resume("tiny-imported")).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("keeps a refused file under its name, with the reason", async () => {
    const { engine, models } = setUp();
    engine.failNext = new LlmError("unsupported", "F16 matrices");
    await expect(models.install(new File(["x"], "half.gguf"))).rejects.toMatchObject({ code: "unsupported" });
    expect(await models.rows()).toMatchObject([{ id: "half.gguf", state: "error", url: null, info: null }]);
    await models.remove("half.gguf");
    expect(await models.rows()).toEqual([]);
    expect(engine.removed).toEqual([]);
  });

  it("can be stopped", async () => {
    const { engine, models } = setUp();
    let finish!: () => void;
    engine.download = new Promise((done) => {
      finish = done;
    });
    const installing = models.install(URL_A);
    await expect.poll(() => engine.models.has("a")).toBe(true);
    models.cancelInstall("a");
    finish();
    await expect(installing).rejects.toMatchObject({ code: "aborted" });
    expect(models.isInstalling("a")).toBe(false);
  });

  it.each([null, 1, { href: URL_A }])("refuses %j, which is no address", async (address) => {
    const { models } = setUp();
    await expect(models.install(address)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(models.resume(address)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it.each(["", "models/a", "file:///models/a/", "chrome-extension://x/", "javascript:1"])(
    "refuses the address %j",
    async (address) => {
      const { models } = setUp();
      await expect(models.install(address)).rejects.toMatchObject({ code: "invalid_request" });
      expect(await models.rows()).toEqual([]);
    },
  );
});

describe("the loaded model", () => {
  const name = async ({ info }: Model) => info.id;

  it("is the preferred one, else the first, else an error", async () => {
    const { engine, models } = setUp();
    await expect(models.run(null, live(), name)).rejects.toMatchObject({ code: "model_not_found" });
    engine.withModel("a").withModel("b");
    expect(await models.run("b", live(), name)).toBe("b");
    expect(await models.run("gone", live(), name)).toBe("a");
  });

  it("is loaded once for requests at the same time", async () => {
    const { engine, models } = setUp(new FakeEngine().withModel("a"));
    await Promise.all([models.run(null, live(), name), models.run(null, live(), name)]);
    expect(engine.loads).toEqual(["a"]);
  });

  it("is not taken from under a running request when the choice changes", async () => {
    const { engine, models } = setUp(new FakeEngine().withModel("a").withModel("b"));
    let finish!: () => void;
    const running = models.run(
      "a",
      live(),
      () =>
        new Promise<void>((done) => {
          finish = done;
        }),
    );
    await expect.poll(() => finish).toBeDefined();
    const next = models.run("b", live(), name);
    await new Promise((turn) => setTimeout(turn, 5));
    expect(engine.loads).toEqual(["a"]);
    finish();
    await running;
    expect(await next).toBe("b");
  });

  it("moves to another device when the user wants that and nobody uses it", async () => {
    const { engine, models, wanted } = setUp(new FakeEngine().withModel("a"));
    let finish!: () => void;
    const running = models.run(
      null,
      live(),
      () =>
        new Promise<void>((done) => {
          finish = done;
        }),
    );
    await expect.poll(() => finish).toBeDefined();
    wanted.device = "wasm";
    const next = models.run(null, live(), name);
    await new Promise((turn) => setTimeout(turn, 5));
    expect(engine.devices).toEqual(["auto"]);
    finish();
    await running;
    await next;
    await models.run(null, live(), name);
    expect(engine.devices).toEqual(["auto", "wasm"]);
  });

  it("is loaded again after a failed load or a lost device", async () => {
    const { engine, models } = setUp(new FakeEngine().withModel("a"));
    engine.failNext = new LlmError("out_of_memory", "full");
    await expect(models.run(null, live(), name)).rejects.toMatchObject({ code: "out_of_memory" });
    const lost = () => Promise.reject(new LlmError("device_lost", "lost"));
    await expect(models.run(null, live(), lost)).rejects.toMatchObject({ code: "device_lost" });
    expect(await models.run(null, live(), name)).toBe("a");
    expect(engine.loads).toEqual(["a", "a", "a"]);
  });

  it("comes from a new engine after the worker died", async () => {
    const engines = [new FakeEngine().withModel("a"), new FakeEngine().withModel("a")];
    let made = 0;
    const models = new Models(() => engines[made++]!, {
      onChange: () => {},
      device: () => "auto",
      ownPrograms: () => true,
      sources: {},
      saveSources: () => {},
    });
    await models.run(null, live(), name);
    models.engineCrashed();
    expect(await models.run(null, live(), name)).toBe("a");
    expect(made).toBe(2);
  });

  it("gives its memory back when nobody asks for long", async () => {
    vi.useFakeTimers();
    const { engine, models } = setUp(new FakeEngine().withModel("a"));
    await models.run(null, live(), name);
    await vi.advanceTimersByTimeAsync(IDLE_UNLOAD_MS + 1);
    expect(engine.unloads).toBe(1);
    expect(models.loadedRow()).toBeNull();
  });
});
