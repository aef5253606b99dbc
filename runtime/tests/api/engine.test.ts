// Proves the public API from end to end: client, messages, engine and device, with the toy model; and what happens
// when a worker fails. Needs a GPU adapter for the first group.
import { describe, expect, it, onTestFinished } from "vitest";
import { createInProcessEngine } from "../../src/api/in_process";
import * as entry from "../../src/index";
import { createEngine, type Engine, type Model, type Progress } from "../../src/index";
import { fakeDevices } from "../fixtures/fake_executor";
import { gpu, noGpu } from "../fixtures/gpu";
import { greedy, reference, VOCAB } from "../fixtures/toy_model";
import { idsOf, manifest, textOf, toyPackage, toyStore } from "../fixtures/toy_package";

function open(store: typeof toyStore | null = toyStore): Engine {
  const engine = createInProcessEngine({
    gpu,
    openStore: async () => store?.() ?? null,
    openUrl: async () => toyPackage(),
  });
  onTestFinished(() => engine.close());
  return engine;
}
const raw = { raw: true, temperature: 0, maxTokens: 12 };

/** Options whose answer to "hello" goes on to the end of the context, so that there is something to abort. */
async function longAnswer(model: Model) {
  for (let seed = 0; seed < 100; seed++) {
    const options = { raw: true, temperature: 90, topP: 1, seed };
    const generation = model.generate("hello", options);
    if ((await generation.usage).finishReason === "length") return options;
  }
  throw new Error("Every seed draws the stop token.");
}
const answer = (prompt: string) => textOf(greedy(idsOf(prompt), 12));

describe("the package entry", () => {
  it("exports these names and no others", () => {
    expect(Object.keys(entry).sort()).toEqual(["ERROR_CODES", "LlmError", "createEngine", "isEncoder"]);
  });
});

describe.skipIf(noGpu)("engine", () => {
  it("loads an installed model and generates", async () => {
    const progress: Progress[] = [];
    const model = await open().load({ id: "toy" }, { onProgress: (event) => progress.push(event) });
    expect(model.info).toEqual({
      id: "toy",
      name: "Toy",
      architecture: "LlamaForCausalLM",
      quantization: "f32",
      contextLength: 96,
      parameterCount: 320,
      license: null,
      nbytes: 100,
    });
    expect(model.device).toMatchObject({
      device: "webgpu",
      adapter: expect.any(String),
      software: expect.any(Boolean),
      threads: null,
      weightBytesPerToken: 2 * VOCAB * 4 * 4,
      // Where WebGPU is a software adapter, the CPU is asked first, and it lacks the toy model's own operators.
      doubts: model.device.software ? expect.stringMatching(/^WebAssembly is not used: .*only its GPU kernels/) : null,
    });
    expect(model.loadMs).toBeGreaterThan(0);
    expect(new Set(progress.map(({ phase }) => phase))).toEqual(new Set(["load", "compile"]));
    for (const { loaded, total } of progress) expect(loaded).toBeLessThanOrEqual(total);
    expect(await model.generate("hello world", raw)).toBe(answer("hello world"));
    let streamed = "";
    for await (const piece of model.generate("hello world", raw)) streamed += piece;
    expect(streamed).toBe(answer("hello world"));
    expect(await model.tokenize("abc")).toEqual([0, 1, 2]);
  });

  it("loads by URL, through storage where there is one and without it", async () => {
    const phases: string[] = [];
    const url = "https://models.example/toy/";
    await open().load({ url }, { onProgress: ({ phase }) => phases.push(phase) });
    expect(phases).toContain("download");
    const model = await open(null).load({ url });
    expect(await model.generate("hi", raw)).toBe(answer("hi"));
    await expect(open(null).load({ id: "toy" })).rejects.toMatchObject({ code: "model_not_found" });
    await expect(open(null).install(url)).rejects.toMatchObject({ code: "model_not_found" });
  });

  it("lists and removes", async () => {
    const engine = open();
    expect(await engine.installed()).toMatchObject([{ id: manifest.id, state: "ready" }]);
    await engine.remove("toy");
  });

  it("carries logits over", async () => {
    const model = await open().load({ id: "toy" });
    const logits = await model.logits([1, 2, 3], { firstPosition: 1 });
    expect(logits).toBeInstanceOf(Float32Array);
    expect([...logits]).toEqual([...reference([1, 2]), ...reference([1, 2, 3])]);
    expect(logits.length).toBe(2 * VOCAB);
  });

  it("says what it ran on, and measures it", async () => {
    const engine = open();
    const model = await engine.load({ id: "toy" }, { device: "webgpu" });
    expect(await model.generate("hi", raw).usage).toMatchObject({ device: "webgpu", threads: null });
    expect((await model.measureBandwidth()).gbPerS).toBeGreaterThan(0);
    const aborted = model.measureBandwidth({ signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: "aborted" });
    const invalid = { code: "invalid_request" };
    for (const options of [
      { device: "cpu" },
      { threads: 0 },
      { threads: 65 },
      { device: "webgpu", threads: 1 },
      { cores: 2 },
    ])
      await expect(engine.load({ id: "toy" }, options as never)).rejects.toMatchObject(invalid);
  });

  it("aborts by the signal and by leaving the loop, and goes on answering", async () => {
    const model = await open().load({ id: "toy" });
    const controller = new AbortController();
    const hot = await longAnswer(model);
    const first = model.generate("hello", { ...hot, signal: controller.signal });
    const pieces = first[Symbol.asyncIterator]();
    await pieces.next();
    controller.abort();
    await expect(first.then()).rejects.toMatchObject({ code: "aborted" });
    expect((await first.usage).finishReason).toBe("aborted");
    const second = model.generate("hello", hot);
    for await (const _ of second) break;
    expect(await second.usage).toMatchObject({ finishReason: "aborted" });
    await expect(model.logits([1], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "aborted" });
    expect(await model.generate("hello", raw)).toBe(answer("hello"));
  });

  it("rejects bad arguments with invalid_request", async () => {
    const model = await open().load({ id: "toy" });
    const invalid = { code: "invalid_request" };
    await expect(model.generate("x", { temperature: -1 }).then()).rejects.toMatchObject(invalid);
    await expect(model.generate("x", { max_tokens: 1 } as never).then()).rejects.toMatchObject(invalid);
    await expect(model.generate("x", { stop: (() => undefined) as never }).then()).rejects.toMatchObject(invalid);
    await expect(model.generate("", raw).then()).rejects.toMatchObject(invalid);
    await expect(model.generate([{ role: "user", content: "x" }], raw).then()).rejects.toMatchObject(invalid);
    await expect(model.generate(5 as never, {}).then()).rejects.toMatchObject(invalid);
    await expect(model.generate("x".repeat(200), raw).then()).rejects.toMatchObject({ code: "context_overflow" });
    await expect(model.logits([VOCAB])).rejects.toMatchObject(invalid);
    await expect(open().load({ url: "https://models.example/no-slash" })).rejects.toMatchObject(invalid);
    expect(() => createEngine({ wroker: 1 } as never)).toThrow(expect.objectContaining(invalid));
    const worker = () => ({}) as Worker;
    expect(() => createEngine({ gpu: null, worker })).toThrow(expect.objectContaining(invalid));
    expect(await model.generate("hi", raw)).toBe(answer("hi"));
  });

  it("lets one model go for another, and for unload", async () => {
    const engine = open();
    const first = await engine.load({ id: "toy" });
    const running = first.generate("hello", await longAnswer(first));
    const second = await engine.load({ id: "toy" });
    await expect(running.then()).rejects.toMatchObject({ code: "aborted" });
    await expect(first.generate("hi", raw).then()).rejects.toMatchObject({ code: "invalid_request" });
    await first.unload(); // has been unloaded; must not unload the second one
    expect(await second.generate("hi", raw)).toBe(answer("hi"));
    await second.unload();
    await expect(second.generate("hi", raw).then()).rejects.toMatchObject({ code: "invalid_request" });
    await engine.close();
    await expect(engine.installed()).rejects.toMatchObject({ code: "aborted" });
  });

  it("stops loading when the signal aborts, and loads afterwards", async () => {
    const engine = open();
    const controller = new AbortController();
    const loading = engine.load({ id: "toy" }, { signal: controller.signal, onProgress: () => controller.abort() });
    await expect(loading).rejects.toMatchObject({ code: "aborted" });
    expect(await (await engine.load({ id: "toy" })).generate("hi", raw)).toBe(answer("hi"));
  });

  it("reports a broken package and still loads a good one", async () => {
    let broken = true;
    const engine = open(() => toyStore(() => toyPackage(broken ? { weights: async () => undefined } : {})));
    await expect(engine.load({ id: "toy" })).rejects.toMatchObject({ code: "invalid_package" });
    broken = false;
    expect(await (await engine.load({ id: "toy" })).generate("hi", raw)).toBe(answer("hi"));
  });

  it("runs in this thread on a given GPU", async () => {
    const engine = createEngine({ gpu: gpu! });
    expect(await engine.installed()).toEqual([]); // Node has no OPFS
    await engine.close();
  });
});

describe("a model that moves", () => {
  it("says where it is with each answer", async () => {
    const devices = fakeDevices({
      adapter: { software: false },
      onOpened: (executor) => {
        if (executor.kind !== "webgpu") return;
        executor.onCall = () => {
          if (executor.decoded === 3) executor.fail();
        };
      },
    });
    const engine = createInProcessEngine({ gpu: undefined, devices, openStore: async () => toyStore() });
    onTestFinished(() => engine.close());
    const model = await engine.load({ id: "toy" }, { threads: 3 });
    expect(model.device).toMatchObject({ device: "webgpu", threads: null });
    const generation = model.generate("hello world", raw);
    expect(await generation).toBe(answer("hello world"));
    expect(await generation.usage).toMatchObject({ device: "wasm", threads: 3 });
    expect(model.device).toMatchObject({ device: "wasm", threads: 3, software: false });
    expect(await model.measureBandwidth()).toEqual({ gbPerS: 12.5 });
  });
});

/** A worker that never answers and can be made to fail. */
class SilentWorker extends EventTarget {
  posted: unknown[] = [];
  terminated = false;
  postMessage(message: unknown): void {
    this.posted.push(structuredClone(message));
  }
  terminate(): void {
    this.terminated = true;
  }
}

describe("worker", () => {
  const withWorker = () => {
    const worker = new SilentWorker();
    return { worker, engine: createEngine({ worker: () => worker as unknown as Worker }) };
  };

  it("rejects all that is pending, and all that follows, when it fails", async () => {
    const { worker, engine } = withWorker();
    const pending = [engine.installed(), engine.load({ id: "toy" }), engine.remove("toy")];
    worker.dispatchEvent(Object.assign(new Event("error"), { message: "out of memory" }));
    for (const request of pending)
      await expect(request).rejects.toMatchObject({
        code: "internal",
        message: expect.stringContaining("out of memory"),
      });
    await expect(engine.installed()).rejects.toMatchObject({ code: "internal" });
  });

  it("is told of an abort, and answers for it", async () => {
    const { worker, engine } = withWorker();
    const controller = new AbortController();
    const loading = engine.load({ id: "toy" }, { signal: controller.signal });
    controller.abort();
    expect(worker.posted).toEqual([
      { id: 1, method: "load", params: { source: { id: "toy" }, device: "auto", threads: null, ownPrograms: true } },
      { id: 1, method: "abort" },
    ]);
    worker.dispatchEvent(new MessageEvent("message", { data: { id: 1, error: { code: "aborted", message: "x" } } }));
    await expect(loading).rejects.toMatchObject({ code: "aborted" });
  });

  it("may post garbage without harm", async () => {
    const { worker, engine } = withWorker();
    const listing = engine.installed();
    for (const data of [null, 5, "x", {}, { id: 99, result: 1 }, { id: "1", result: 1 }])
      worker.dispatchEvent(new MessageEvent("message", { data }));
    worker.dispatchEvent(new MessageEvent("message", { data: { id: 1, result: [] } }));
    expect(await listing).toEqual([]);
    const removing = engine.remove("toy");
    worker.dispatchEvent(new MessageEvent("message", { data: { id: 2, error: "?" } }));
    await expect(removing).rejects.toMatchObject({ code: "internal" });
  });

  it("says that it could not be started", () => {
    const worker = () => {
      throw new DOMException("blocked by the page's policy", "SecurityError");
    };
    const refused = { code: "not_allowed", message: expect.stringContaining("blocked") };
    expect(() => createEngine({ worker })).toThrow(expect.objectContaining(refused));
  });

  it("is ended by close", async () => {
    const { worker, engine } = withWorker();
    const pending = engine.installed();
    await engine.close();
    await expect(pending).rejects.toMatchObject({ code: "aborted" });
    expect(worker.terminated).toBe(true);
  });
});
