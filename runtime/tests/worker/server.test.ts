// Proves that the engine's side of the protocol answers every message that can be answered exactly once, with a typed
// error for garbage, and that `abort` reaches the request. Needs nothing: the engine here is scripted.
import { describe, expect, it } from "vitest";
import type { EngineCore } from "../../src/engine/engine";
import { LlmError } from "../../src/internal/errors";
import { EngineServer } from "../../src/worker/server";

// biome-ignore lint/suspicious/noExplicitAny: messages are inspected as plain data.
type Posted = any;

function open(engine: Partial<EngineCore> = {}) {
  const posted: Posted[] = [];
  const transfers: Transferable[][] = [];
  const server = new EngineServer(engine as EngineCore, (message, transfer) => {
    posted.push(message);
    transfers.push(transfer);
  });
  return { server, posted, transfers };
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 5));

describe("EngineServer", () => {
  it.each([
    [{ id: 1 }],
    [{ id: 1, method: "eval", params: {} }],
    [{ id: 1, method: "constructor", params: {} }],
    [{ id: 1, method: "load" }],
    [{ id: 1, method: "load", params: { source: {} } }],
    [{ id: 1, method: "load", params: { source: { id: "../x" } } }],
    [{ id: 1, method: "load", params: { source: { id: "a", url: "https://a.example/" } } }],
    [{ id: 1, method: "load", params: { source: { url: "https://a.example/model" } } }],
    [{ id: 1, method: "load", params: { source: { id: "a" } } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "gpu", threads: null, ownPrograms: true } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: ["wasm"], threads: null, ownPrograms: true } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "wasm", threads: 0, ownPrograms: true } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "wasm", threads: 65, ownPrograms: true } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "wasm", threads: 1.5, ownPrograms: true } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "webgpu", threads: 2, ownPrograms: true } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "auto", threads: null } }],
    [{ id: 1, method: "load", params: { source: { id: "a" }, device: "auto", threads: null, ownPrograms: 1 } }],
    [
      {
        id: 1,
        method: "load",
        params: { source: { id: "a" }, device: "auto", threads: null, ownPrograms: true, more: 1 },
      },
    ],
    [{ id: 1, method: "measureBandwidth", params: { seconds: 1 } }],
    [{ id: 1, method: "install", params: { source: 5 } }],
    [{ id: 1, method: "remove", params: { id: "" } }],
    [{ id: 1, method: "tokenize", params: { text: null } }],
    [{ id: 1, method: "generate", params: { prompt: "x" } }],
    [{ id: 1, method: "generate", params: { prompt: "x", options: {}, more: 1 } }],
    [{ id: 1, method: "logits", params: [] }],
    [{ id: 1, method: "embed", params: {} }],
    [{ id: 1, method: "embed", params: { input: "a", normalize: true } }],
    [{ id: 1, method: "memory", params: { name: "a", model: null, limits: {} } }],
    [{ id: 1, method: "memory", params: { name: 5, model: null, limits: {}, call: {} } }],
    [{ id: 1, method: "memory", params: { name: "a", model: { id: "../x" }, limits: {}, call: {} } }],
    [{ id: 1, method: "memory", params: { name: "a", model: null, limits: { records: 0 }, call: {} } }],
    [{ id: 1, method: "memory", params: { name: "a", model: null, limits: { more: 1 }, call: {} } }],
    [{ id: 1, method: "memories", params: { name: "a" } }],
    [{ id: 1, method: "unload", params: { now: true } }],
    [{ id: 1, method: "unload", params: {}, extra: 1 }],
  ])("answers %j with invalid_request", async (message) => {
    const { server, posted } = open();
    server.receive(message);
    await settled();
    expect(posted).toEqual([
      { id: 1, error: expect.objectContaining({ code: "invalid_request", message: expect.any(String) }) },
    ]);
  });

  it.each([
    [null],
    [undefined],
    [5],
    ["x"],
    [[]],
    [{}],
    [{ id: "1" }],
    [{ id: -1, method: "unload", params: {} }],
    [{ id: Number.NaN }],
  ])("drops %j, which cannot be answered", async (message) => {
    const { server, posted } = open();
    server.receive(message);
    await settled();
    expect(posted).toEqual([]);
  });

  it("answers with the result, after the events", async () => {
    const answer = { usage: { finishReason: "stop" }, device: { device: "webgpu" } };
    const { server, posted } = open({
      generate: async (prompt, options, { onText }) => {
        expect([prompt, options]).toEqual(["hi", { seed: 1 }]);
        onText("a");
        onText("b");
        return answer as never;
      },
    });
    server.receive({ id: 7, method: "generate", params: { prompt: "hi", options: { seed: 1 } } });
    await settled();
    expect(posted).toEqual([
      { id: 7, event: { text: "a" } },
      { id: 7, event: { text: "b" } },
      { id: 7, result: answer },
    ]);
  });

  it("aborts the request of that id, and no other", async () => {
    const { server, posted } = open({
      logits: (_ids, _first, signal) =>
        new Promise((_resolve, reject) =>
          signal!.addEventListener("abort", () => reject(new LlmError("aborted", "x"))),
        ),
    });
    for (const id of [1, 2]) server.receive({ id, method: "logits", params: { tokenIds: [1], firstPosition: 0 } });
    server.receive({ id: 2, method: "abort" });
    server.receive({ id: 99, method: "abort" });
    await settled();
    expect(posted).toEqual([{ id: 2, error: { code: "aborted", message: "x" } }]);
  });

  it("transfers logits instead of copying them", async () => {
    const logits = new Float32Array(4);
    const { server, posted, transfers } = open({ logits: async () => logits });
    server.receive({ id: 1, method: "logits", params: { tokenIds: [1], firstPosition: 0 } });
    await settled();
    expect(posted).toEqual([{ id: 1, result: logits }]);
    expect(transfers).toEqual([[logits.buffer]]);
  });

  it("turns whatever the engine throws into a wire error", async () => {
    const throwing = (thrown: unknown) => ({ unload: () => Promise.reject(thrown) });
    for (const [thrown, code] of [
      [new TypeError("boom"), "internal"],
      ["a string", "internal"],
      [new DOMException("x", "AbortError"), "aborted"],
      [new LlmError("out_of_memory", "x", { requested: 1 }), "out_of_memory"],
    ] as const) {
      const { server, posted } = open(throwing(thrown));
      server.receive({ id: 3, method: "unload", params: {} });
      await settled();
      expect(posted).toEqual([{ id: 3, error: expect.objectContaining({ code }) }]);
      expect(structuredClone(posted)).toEqual(posted);
    }
  });
});
