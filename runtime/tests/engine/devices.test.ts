// Proves which device a model is loaded to, and that requests go on on the CPU when the GPU is lost under them: same
// text, one answer each, whatever else happens meanwhile. Needs nothing: the devices are fakes that compute the toy
// model.
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { EngineCore } from "../../src/engine/engine";
import { LoadedModel } from "../../src/engine/loaded_model";
import type { DeviceSettings } from "../../src/engine/placement";
import { LlmError } from "../../src/internal/errors";
import { type FakeDevices, fakeDevices } from "../fixtures/fake_executor";
import { CONTEXT, greedy, reference, VOCAB } from "../fixtures/toy_model";
import { idsOf, type ToyPackage, textOf, toyPackage, toyStore } from "../fixtures/toy_package";

const HARDWARE = { software: false };
const SOFTWARE = { software: true };
const AUTO: DeviceSettings = { device: "auto", threads: null };
const unsupported = () => new LlmError("unsupported_device", "not here");

async function load(devices: FakeDevices, settings = AUTO, source: ToyPackage = toyPackage()): Promise<LoadedModel> {
  const model = await LoadedModel.load(devices, source, settings);
  onTestFinished(() => model.unload());
  return model;
}

interface Run {
  readonly prompt: string;
  readonly options: object;
  readonly signal?: AbortSignal;
  readonly onText?: (text: string) => void;
}

async function run(model: LoadedModel, { prompt, options, signal, onText }: Run) {
  let text = "";
  const usage = await model.generate(
    prompt,
    { raw: true, ...options },
    {
      onText: (piece) => {
        text += piece;
        onText?.(text);
      },
      ...(signal ? { signal } : {}),
    },
  );
  return { text, usage };
}

/** Loses the GPU at the n-th decode step. */
function lostAt(step: number, error?: LlmError) {
  return (executor: FakeDevices["opened"][number]) => {
    if (executor.kind !== "webgpu") return;
    executor.onCall = (name) => {
      if (name === "decode" && executor.decoded === step) executor.fail(error);
    };
  };
}

/** Hot and long: the stop token is rarely drawn, and every draw depends on seed, step and all tokens before. */
const HOT = { temperature: 60, topP: 1, maxTokens: 60 };
const REQUESTS: Run[] = [
  { prompt: "the quick brown fox", options: { temperature: 0, maxTokens: 40 } },
  { prompt: "hello", options: { ...HOT, seed: 3 } },
  { prompt: "hello", options: { ...HOT, seed: 4, frequencyPenalty: 1, presencePenalty: 1, repetitionPenalty: 1.3 } },
  { prompt: "0123456789, 0123456789.", options: { ...HOT, seed: 5 } },
  { prompt: "a", options: { ...HOT, seed: 6 } },
  { prompt: "the lazy dog", options: { ...HOT, seed: 7 } },
];

describe("the device of a model", () => {
  it.each([
    ["auto", HARDWARE, [], ["webgpu"], "webgpu", null],
    ["auto", SOFTWARE, [], ["wasm"], "wasm", null],
    ["auto", null, [], ["wasm"], "wasm", null],
    ["auto", SOFTWARE, ["wasm"], ["wasm", "webgpu"], "webgpu", "WebAssembly is not used: not here"],
    ["auto", HARDWARE, ["webgpu"], ["webgpu", "wasm"], "wasm", "WebGPU is not used: not here"],
    ["webgpu", HARDWARE, [], ["webgpu"], "webgpu", null],
    ["webgpu", SOFTWARE, [], ["webgpu"], "webgpu", null],
    ["wasm", HARDWARE, [], ["wasm"], "wasm", null],
    ["wasm", null, [], ["wasm"], "wasm", null],
  ] as const)("%s with the adapter %j and no %j: asks for %j, gets %s", async (...row) => {
    const [device, adapter, broken, asked, got, doubts] = row;
    const devices = fakeDevices({
      adapter,
      onOpen: (kind) => {
        if ((broken as readonly string[]).includes(kind)) throw unsupported();
      },
    });
    const model = await load(devices, { device, threads: null });
    expect(devices.asked).toEqual(asked);
    expect(model.device).toEqual({
      device: got,
      adapter: `fake ${got}`,
      software: got === "webgpu" && adapter === SOFTWARE,
      threads: got === "wasm" ? 2 : null,
      weightBytesPerToken: 2 * VOCAB * 16,
      doubts,
    });
    const { text, usage } = await run(model, REQUESTS[0]!);
    expect(text).toBe(textOf(greedy(idsOf(REQUESTS[0]!.prompt), 40)));
    expect(usage).toMatchObject({ device: got, threads: got === "wasm" ? 2 : null });
    expect(await model.measureBandwidth()).toBe(12.5);
  });

  it.each([
    ["auto", null, ["wasm"], "not here"],
    ["auto", SOFTWARE, ["wasm", "webgpu"], "not here"],
    ["auto", HARDWARE, ["webgpu", "wasm"], "not here"],
    ["webgpu", null, [], "no adapter"],
    ["webgpu", HARDWARE, ["webgpu"], "not here"],
    ["wasm", HARDWARE, ["wasm"], "not here"],
  ] as const)("%s with the adapter %j and no %j is refused", async (device, adapter, broken, message) => {
    const source = toyPackage();
    const devices = fakeDevices({
      adapter,
      onOpen: (kind) => {
        if ((broken as readonly string[]).includes(kind)) throw unsupported();
      },
    });
    await expect(LoadedModel.load(devices, source, { device, threads: null })).rejects.toMatchObject({
      code: "unsupported_device",
      message: expect.stringContaining(message),
    });
    expect(source.closed).toBe(true);
  });

  it("is none for a model with GPU programs of its own where they are not allowed", async () => {
    const source = toyPackage();
    const devices = fakeDevices({ adapter: HARDWARE });
    const settings = { device: "auto", threads: null, ownPrograms: false } as const;
    await expect(LoadedModel.load(devices, source, settings)).rejects.toMatchObject({ code: "not_allowed" });
    expect([devices.asked, source.closed]).toEqual([[], true]);
    const model = await LoadedModel.load(devices, toyPackage(), { ...settings, ownPrograms: true });
    await model.unload();
  });

  it.each(["invalid_package", "integrity", "network", "aborted"] as const)(
    "no other one is tried when the package is at fault (%s)",
    async (code) => {
      const devices = fakeDevices({
        adapter: HARDWARE,
        onOpen: () => {
          throw new LlmError(code, "x");
        },
      });
      await expect(LoadedModel.load(devices, toyPackage(), AUTO)).rejects.toMatchObject({ code });
      expect(devices.asked).toEqual(["webgpu"]);
    },
  );

  it("gets the threads that were asked for", async () => {
    const model = await load(fakeDevices({ adapter: null }), { device: "wasm", threads: 5 });
    expect(model.device.threads).toBe(5);
    expect((await run(model, REQUESTS[0]!)).usage.threads).toBe(5);
  });
});

describe("a device that computes in this thread", () => {
  it("lets an abort through", async () => {
    const model = await load(fakeDevices({ adapter: null }));
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 0);
    const { usage } = await run(model, { prompt: "hello", options: { ...HOT, seed: 3 }, signal: controller.signal });
    expect(usage.finishReason).toBe("aborted");
  });

  it("is given little work at a time where it is slow", async () => {
    const devices = fakeDevices({ adapter: null });
    const model = await load(devices);
    const runs: number[] = [];
    const executor = devices.opened[0]!;
    const original = executor.run.bind(executor);
    vi.spyOn(executor, "run").mockImplementation((calls, n, copies) => {
      if (calls[0] === "decode") runs.push(calls.length / 2);
      const end = performance.now() + (calls[0] === "decode" ? 3 * calls.length : 0);
      original(calls, n, copies);
      while (performance.now() < end);
    });
    await run(model, { prompt: "hello", options: { ...HOT, maxTokens: 8, seed: 3 } });
    expect(runs).toEqual(Array(8).fill(1));
  });
});

describe("when the GPU is lost", () => {
  const undisturbed = async () => {
    const model = await load(fakeDevices({ adapter: HARDWARE }));
    return Promise.all(REQUESTS.map((request) => run(model, request)));
  };

  it.each([0, 1, 2, 17, 60, 150])(
    "at decode step %d, all requests go on on the CPU with the same text",
    async (step) => {
      const wanted = await undisturbed();
      const devices = fakeDevices({ adapter: HARDWARE, onOpened: lostAt(step) });
      const source = toyPackage();
      const model = await load(devices, AUTO, source);
      const results = await Promise.all(REQUESTS.map((request) => run(model, request)));
      for (const [i, { text, usage }] of results.entries()) {
        expect(text).toBe(wanted[i]!.text);
        expect(usage.generatedIds).toEqual(wanted[i]!.usage.generatedIds);
        expect(usage.finishReason).toBe(wanted[i]!.usage.finishReason);
      }
      expect(devices.asked).toEqual(["webgpu", "wasm"]);
      expect(results.at(-1)!.usage).toMatchObject({ device: "wasm", threads: 2 });
      expect(model.device).toMatchObject({ device: "wasm", adapter: "fake wasm", threads: 2 });
      expect(devices.opened.map(({ destroyed }) => destroyed)).toEqual([true, false]);
      expect(source.loads).toBe(2);
    },
  );

  it("while pieces are under way, between runs", async () => {
    const wanted = await undisturbed();
    for (const pieces of [1, 2, 5, 9]) {
      const devices = fakeDevices({ adapter: HARDWARE });
      const model = await load(devices);
      let seen = 0;
      const onText = () => {
        seen += 1;
        if (seen === pieces) devices.opened[0]!.fail();
      };
      const results = await Promise.all(REQUESTS.map((request) => run(model, { ...request, onText })));
      expect(results.map(({ text }) => text)).toEqual(wanted.map(({ text }) => text));
      expect(devices.opened).toHaveLength(2);
    }
  });

  it("requests that come during the move run too", async () => {
    const wanted = await undisturbed();
    let late: Promise<Awaited<ReturnType<typeof run>>> | null = null;
    const devices = fakeDevices({
      adapter: HARDWARE,
      onOpened: lostAt(5),
      onOpen: (kind) => {
        if (kind === "wasm") late = run(model, REQUESTS[3]!);
      },
    });
    const model = await load(devices);
    expect((await run(model, REQUESTS[1]!)).text).toBe(wanted[1]!.text);
    expect((await late!).text).toBe(wanted[3]!.text);
    expect(devices.asked).toEqual(["webgpu", "wasm"]);
  });

  it("logits are computed anew", async () => {
    const ids = idsOf("the quick brown fox");
    const devices = fakeDevices({ adapter: HARDWARE, onOpened: lostAt(4) });
    const model = await load(devices);
    const logits = await model.logits(ids, 3);
    const rows = ids.slice(3).flatMap((_, i) => reference(ids.slice(0, i + 4)));
    expect([...logits]).toEqual(rows);
    expect(model.device.device).toBe("wasm");
  });

  it("an abort during the move ends its request, and the others go on", async () => {
    const wanted = await undisturbed();
    const controller = new AbortController();
    const devices = fakeDevices({
      adapter: HARDWARE,
      onOpened: lostAt(9),
      onOpen: (kind) => {
        if (kind === "wasm") controller.abort();
      },
    });
    const model = await load(devices);
    const [aborted, other] = await Promise.all([
      run(model, { ...REQUESTS[1]!, signal: controller.signal }),
      run(model, REQUESTS[3]!),
    ]);
    expect(aborted.usage.finishReason).toBe("aborted");
    expect(wanted[1]!.text.startsWith(aborted.text)).toBe(true);
    expect(other.text).toBe(wanted[3]!.text);
  });

  it("an unload during the move ends the requests and what was being opened", async () => {
    let unloading: Promise<void> | null = null;
    const devices = fakeDevices({
      adapter: HARDWARE,
      onOpened: lostAt(5),
      onOpen: (kind, signal) => {
        if (kind !== "wasm") return;
        unloading = model.unload();
        // A device that takes long notices the end by its signal.
        return new Promise((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener("abort", () => resolve());
        });
      },
    });
    const source = toyPackage();
    const model = await load(devices, AUTO, source);
    const requests = REQUESTS.map((request) => run(model, request));
    for (const request of requests) await expect(request).rejects.toMatchObject({ code: "aborted" });
    await unloading;
    expect(source.closed).toBe(true);
    expect(devices.opened).toHaveLength(1);
    await expect(run(model, REQUESTS[0]!)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("a device that opens in spite of an unload is given back", async () => {
    const devices = fakeDevices({ adapter: HARDWARE, onOpened: lostAt(5) });
    const model = await load(devices);
    const request = run(model, REQUESTS[1]!);
    await expect.poll(() => devices.opened, { interval: 1 }).toHaveLength(2);
    await model.unload();
    await expect(request).rejects.toMatchObject({ code: "aborted" });
    expect(devices.opened.map(({ destroyed }) => destroyed)).toEqual([true, true]);
  });

  it.each(["unsupported_device", "out_of_memory", "internal", "network"] as const)(
    "and the CPU cannot be opened (%s), requests end with that, and the next one finds a device again",
    async (code) => {
      let refuse = true;
      const devices = fakeDevices({
        adapter: HARDWARE,
        onOpened: (executor) => {
          if (devices.opened.length === 1) lostAt(5)(executor);
        },
        onOpen: (kind) => {
          if (kind === "wasm" && refuse) throw new LlmError(code, "not today", { because: 1 });
        },
      });
      const model = await load(devices);
      const requests = [run(model, REQUESTS[1]!), run(model, REQUESTS[3]!)];
      for (const request of requests) {
        await expect(request).rejects.toMatchObject({
          code,
          message: expect.stringMatching(/GPU failed.*not today/),
          detail: { because: 1, gpu_failure: "The fake was lost." },
        });
      }
      expect(model.device.device).toBe("webgpu"); // where it was last
      refuse = false;
      expect((await run(model, REQUESTS[1]!)).text).toBe((await undisturbed())[1]!.text);
      expect(devices.asked).toEqual(["webgpu", "wasm", "webgpu"]);
    },
  );

  it("and the CPU fails as well, requests end, and the next one finds a device again", async () => {
    const devices = fakeDevices({
      adapter: HARDWARE,
      onOpened: (executor) => {
        if (devices.opened.length === 1) lostAt(5)(executor);
        if (devices.opened.length === 2) {
          executor.onCall = (name) => {
            if (name === "decode" && executor.decoded === 3)
              executor.fail(new LlmError("internal", "A kernel trapped."));
          };
        }
      },
    });
    const model = await load(devices);
    const requests = REQUESTS.map((request) => run(model, request));
    const results = await Promise.allSettled(requests);
    for (const result of results) expect(result).toMatchObject({ reason: { code: "internal" } });
    expect((await run(model, REQUESTS[0]!)).text).toBe(textOf(greedy(idsOf(REQUESTS[0]!.prompt), 40)));
    expect(devices.asked).toEqual(["webgpu", "wasm", "webgpu"]);
  });

  it("with nothing running, the next request chooses anew", async () => {
    const devices = fakeDevices({ adapter: HARDWARE });
    const model = await load(devices);
    devices.opened[0]!.fail();
    expect((await run(model, REQUESTS[0]!)).usage.device).toBe("webgpu");
    expect(devices.asked).toEqual(["webgpu", "webgpu"]);
  });

  it("and WebGPU was asked for, requests end with device_lost, and the next one opens it again", async () => {
    const devices = fakeDevices({
      adapter: HARDWARE,
      onOpened: (executor) => {
        if (devices.opened.length === 1) lostAt(5)(executor);
      },
    });
    const model = await load(devices, { device: "webgpu", threads: null });
    const requests = [run(model, REQUESTS[1]!), run(model, REQUESTS[3]!)];
    for (const request of requests) await expect(request).rejects.toMatchObject({ code: "device_lost" });
    expect((await run(model, REQUESTS[1]!)).text).toBe((await undisturbed())[1]!.text);
    expect(devices.asked).toEqual(["webgpu", "webgpu"]);
  });

  it("a failure that is our bug ends the requests, so that it shows", async () => {
    const devices = fakeDevices({ adapter: HARDWARE, onOpened: lostAt(5, new LlmError("internal", "invalid")) });
    await expect(run(await load(devices), REQUESTS[1]!)).rejects.toMatchObject({ code: "internal" });
    expect(devices.asked).toEqual(["webgpu"]);
  });

  it("requests under pressure for memory go on", async () => {
    const longer = Array.from({ length: 12 }, (_, i) => ({
      prompt: `${"abcdefghijkl"[i]} the quick brown fox jumps over`,
      options: { ...HOT, maxTokens: CONTEXT, seed: i, partition: `p${i % 3}` },
    }));
    const calm = await load(fakeDevices({ adapter: HARDWARE }));
    const wanted = await Promise.all(longer.map((request) => run(calm, request)));
    const model = await load(fakeDevices({ adapter: HARDWARE, onOpened: lostAt(300) }));
    const results = await Promise.all(longer.map((request) => run(model, request)));
    expect(results.map(({ text }) => text)).toEqual(wanted.map(({ text }) => text));
    expect(model.device.device).toBe("wasm");
  });
});

describe("the engine", () => {
  it("passes device and threads on, and says with each answer where the model is", async () => {
    const devices = fakeDevices({ adapter: HARDWARE, onOpened: lostAt(5) });
    const engine = new EngineCore({ gpu: undefined, devices, openStore: async () => toyStore() });
    const loaded = await engine.load({ id: "toy" }, { device: "auto", threads: 3 });
    expect(loaded.device).toMatchObject({ device: "webgpu", threads: null });
    const { usage, device } = await engine.generate(
      "hello",
      { raw: true, ...HOT, seed: 3 },
      { onText: () => undefined },
    );
    expect(usage).toMatchObject({ device: "wasm", threads: 3 });
    expect(device).toMatchObject({ device: "wasm", threads: 3, adapter: "fake wasm" });
    expect(await engine.measureBandwidth()).toEqual({ gbPerS: 12.5 });
    await engine.unload();
  });
});
