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
    await vi.waitFor(async () =>
      expect(await models.rows()).toMatchObject([{ id: "a", state: "downloading", url: URL_A }]),
    );
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

  it("can be stopped", async () => {
    const { engine, models } = setUp();
    let finish!: () => void;
    engine.download = new Promise((done) => {
      finish = done;
    });
    const installing = models.install(URL_A);
    await vi.waitFor(() => expect(engine.models.has("a")).toBe(true));
    models.cancelInstall("a");
    finish();
    await expect(installing).rejects.toMatchObject({ code: "aborted" });
    expect(models.isInstalling("a")).toBe(false);
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
    await vi.waitFor(() => expect(finish).toBeDefined());
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
    await vi.waitFor(() => expect(finish).toBeDefined());
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
