/** Proves the semantics of the page object: frozen, awaitable and iterable once, abortable, typed errors. Needs nothing. */
import type { Usage } from "@nomoat/runtime";
import { describe, expect, it, vi } from "vitest";
import { defineProvider } from "../page/announce";
import { createLLM, type LLM } from "../page/llm";
import type { Pending, PrivatePort } from "../page/private-port";

const USAGE = { completionTokens: 2, finishReason: "stop" } as Usage;

function setUp() {
  const requests: { request: unknown; pending: Pending }[] = [];
  const aborted: number[] = [];
  const port: PrivatePort = {
    request: (request, pending) => requests.push({ request, pending }),
    abort: (id) => void aborted.push(id),
  };
  return { llm: createLLM(port, "1.2.3"), requests, aborted };
}

async function collect(iterable: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of iterable) pieces.push(piece);
  return pieces;
}

describe("the object", () => {
  it("is frozen, and fixed on its window", () => {
    const { llm } = setUp();
    expect(Object.isFrozen(llm)).toBe(true);
    const target = {} as { llm?: LLM };
    defineProvider(target, llm);
    expect(target.llm).toBe(llm);
    expect(() => Object.defineProperty(target, "llm", { value: 1 })).toThrow(TypeError);
    expect(() => {
      target.llm = llm;
    }).toThrow(TypeError);
    expect(llm.version).toBe("1.2.3");
  });

  it("does not replace somebody else's that is there for good", () => {
    const target = Object.defineProperty({}, "llm", { value: "theirs" }) as { llm: unknown };
    defineProvider(target, setUp().llm);
    expect(target.llm).toBe("theirs");
  });

  it("asks for availability and models, and takes no options", async () => {
    const { llm, requests } = setUp();
    const availability = llm.availability();
    requests[0]!.pending.result("available");
    expect(await availability).toBe("available");
    await expect(llm.availability({ model: "x" })).rejects.toMatchObject({
      name: "TypeError",
      code: "invalid_request",
    });
    expect(requests).toHaveLength(1);
  });
});

describe("generate", () => {
  it("is one request, however it is consumed", async () => {
    const { llm, requests } = setUp();
    const generation = llm.generate("hi", { maxTokens: 2 });
    expect(requests).toHaveLength(1);
    expect(requests[0]!.request).toEqual({ method: "generate", prompt: "hi", options: { maxTokens: 2 } });
    const { pending } = requests[0]!;
    const early = collect(generation);
    pending.text!("a");
    pending.text!("b");
    pending.result(USAGE);
    expect(await generation).toBe("ab");
    expect(await early).toEqual(["a", "b"]);
    expect(await collect(generation)).toEqual(["a", "b"]);
    expect(await generation.usage).toBe(USAGE);
    expect(requests).toHaveLength(1);
  });

  it("serves several next() calls that wait at the same time, in order", async () => {
    const { llm, requests } = setUp();
    const iterator = llm.generate("hi")[Symbol.asyncIterator]();
    const steps = [iterator.next(), iterator.next(), iterator.next()];
    requests[0]!.pending.text!("a");
    requests[0]!.pending.text!("b");
    requests[0]!.pending.result(USAGE);
    expect((await Promise.all(steps)).map(({ value }) => value)).toEqual(["a", "b", undefined]);
  });

  it("rejects text, usage and loops with the error", async () => {
    const { llm, requests } = setUp();
    const generation = llm.generate("hi");
    const loop = collect(generation);
    const error = new Error("x");
    requests[0]!.pending.error(error);
    await expect(generation).rejects.toBe(error);
    await expect(generation.usage).rejects.toBe(error);
    await expect(loop).rejects.toBe(error);
  });

  it("has catch and finally", async () => {
    const { llm, requests } = setUp();
    const generation = llm.generate("hi") as unknown as Promise<string>;
    const settled = vi.fn();
    const caught = generation.catch((error: Error) => error.message);
    const finished = generation.finally(settled).catch(() => "rejected");
    requests[0]!.pending.error(new Error("x"));
    expect(await caught).toBe("x");
    expect(await finished).toBe("rejected");
    expect(settled).toHaveBeenCalledOnce();
  });

  it("aborts with the signal's reason and tells the engine", async () => {
    const { llm, aborted, requests } = setUp();
    const controller = new AbortController();
    const generation = llm.generate("hi", { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(generation).rejects.toBe(reason);
    expect(aborted).toEqual([1]);
    requests[0]!.pending.text!("late");
    await expect(collect(generation)).rejects.toBe(reason);
  });

  it("makes no request for a signal that is aborted already", async () => {
    const { llm, requests } = setUp();
    await expect(llm.generate("hi", { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect(requests).toHaveLength(0);
  });

  it("aborts when a loop is left", async () => {
    const { llm, requests, aborted } = setUp();
    const generation = llm.generate("hi");
    requests[0]!.pending.text!("a");
    for await (const _ of generation) break;
    expect(aborted).toEqual([1]);
    await expect(generation).rejects.toMatchObject({ name: "AbortError", code: "aborted" });
  });

  it("does not abort when a loop is left after the end", async () => {
    const { llm, requests, aborted } = setUp();
    const generation = llm.generate("hi");
    requests[0]!.pending.text!("a");
    requests[0]!.pending.result(USAGE);
    for await (const _ of generation) break;
    expect(aborted).toEqual([]);
    expect(await generation).toBe("a");
  });

  it("refuses bad arguments by rejecting, without a request", async () => {
    const { llm, requests } = setUp();
    const throwing = {
      get seed() {
        throw new Error("x");
      },
    };
    for (const options of [{ nope: 1 }, { signal: {} }, { signal: null }, { temperature: "hot" }, throwing]) {
      await expect(llm.generate("hi", options)).rejects.toMatchObject({ name: "TypeError", code: "invalid_request" });
    }
    await expect(llm.generate(undefined)).rejects.toMatchObject({ code: "invalid_request" });
    expect(requests).toHaveLength(0);
  });

  it("leaves no unhandled rejection when nobody looks", async () => {
    // vitest fails the run on an unhandled rejection.
    setUp().llm.generate(undefined);
    await new Promise((done) => setTimeout(done, 10));
  });
});
