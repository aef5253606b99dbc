/** Proves the semantics of the page object: frozen, awaitable and iterable once, abortable, typed errors. Needs nothing. */
import type { ChatCompletionChunk, GenerateOptions, LLM, Usage } from "@nomoat/runtime";
import { describe, expect, it, vi } from "vitest";
import { defineProvider } from "../page/announce";
import { createLLM } from "../page/llm";
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

  it("asks for availability, also of a model by name, and for models", async () => {
    const { llm, requests } = setUp();
    const availability = llm.availability();
    requests[0]!.pending.result("available");
    expect(await availability).toBe("available");
    void llm.availability({ model: "x" });
    expect(requests[1]!.request).toEqual({ method: "availability", options: { model: "x" } });
    for (const options of [{ nope: 1 }, { model: 5 }, null, "x"])
      await expect(llm.availability(options as never)).rejects.toMatchObject({
        name: "TypeError",
        code: "invalid_request",
      });
    expect(requests).toHaveLength(2);
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
      await expect(llm.generate("hi", options as GenerateOptions)).rejects.toMatchObject({
        name: "TypeError",
        code: "invalid_request",
      });
    }
    await expect(llm.generate(undefined as never)).rejects.toMatchObject({ code: "invalid_request" });
    expect(requests).toHaveLength(0);
  });

  it("leaves no unhandled rejection when nobody looks", async () => {
    // vitest fails the run on an unhandled rejection.
    setUp().llm.generate(undefined as never);
    await new Promise((done) => setTimeout(done, 10));
  });
});

describe("chat.completions.create", () => {
  const request = { messages: [{ role: "user", content: "hi" }] } as const;
  const chunk = (content: string) =>
    ({ choices: [{ index: 0, delta: { content } }] }) as unknown as ChatCompletionChunk;
  const contents = async (chunks: AsyncIterable<ChatCompletionChunk>) => {
    const found: unknown[] = [];
    for await (const { choices } of chunks) found.push(choices[0]!.delta.content);
    return found;
  };

  it("resolves with the completion", async () => {
    const { llm, requests } = setUp();
    const answer = llm.chat.completions.create(request);
    expect(requests[0]!.request).toEqual({ method: "chat", request });
    requests[0]!.pending.result({ object: "chat.completion" });
    expect(await answer).toEqual({ object: "chat.completion" });
  });

  it("resolves with a stream at the first chunk, and is one itself", async () => {
    const { llm, requests } = setUp();
    const answer = llm.chat.completions.create({ ...request, stream: true });
    const early = contents(answer);
    requests[0]!.pending.chunk!(chunk("a"));
    const stream = await answer;
    requests[0]!.pending.chunk!(chunk("b"));
    requests[0]!.pending.result(null);
    expect(await early).toEqual(["a", "b"]);
    expect(await contents(stream)).toEqual(["a", "b"]);
    expect(requests).toHaveLength(1);
  });

  it("rejects what is refused before the first chunk, and the loop where it breaks later", async () => {
    const { llm, requests } = setUp();
    const refused = llm.chat.completions.create({ ...request, stream: true });
    const error = new Error("x");
    requests[0]!.pending.error(error);
    await expect(refused).rejects.toBe(error);
    const broken = await (async () => {
      const answer = llm.chat.completions.create({ ...request, stream: true });
      requests[1]!.pending.chunk!(chunk("a"));
      return answer;
    })();
    requests[1]!.pending.error(error);
    await expect(contents(broken)).rejects.toBe(error);
  });

  it("aborts by the signal and by leaving the loop", async () => {
    const { llm, requests, aborted } = setUp();
    const controller = new AbortController();
    const answer = llm.chat.completions.create(request, { signal: controller.signal });
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(answer).rejects.toBe(reason);
    const stream = llm.chat.completions.create({ ...request, stream: true });
    requests[1]!.pending.chunk!(chunk("a"));
    for await (const _ of stream) break;
    expect(aborted).toEqual([1, 2]);
    await expect(llm.chat.completions.create(request, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(requests).toHaveLength(2);
  });

  it("refuses bad arguments by rejecting, without a request", async () => {
    const { llm, requests } = setUp();
    const { create } = llm.chat.completions as unknown as { create: (...given: unknown[]) => Promise<unknown> };
    for (const given of [
      [undefined],
      [{}],
      [{ ...request, nope: 1 }],
      [request, { nope: 1 }],
      [request, 5],
      [request, { signal: 1 }],
    ])
      await expect(create(...given)).rejects.toMatchObject({ name: "TypeError", code: "invalid_request" });
    await expect(create({ ...request, audio: {} })).rejects.toMatchObject({
      name: "NotSupportedError",
      code: "not_supported",
    });
    expect(requests).toHaveLength(0);
  });
});
