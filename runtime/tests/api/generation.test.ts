// Proves the semantics of Generation: one request however it is used, pieces in order, aborts by signal and by leaving
// the loop, and no unhandled rejection. Needs nothing: the request here is scripted.
import { describe, expect, it, onTestFinished } from "vitest";
import { StartedGeneration } from "../../src/api/generation";
import type { Usage } from "../../src/api/types";
import { LlmError } from "../../src/internal/errors";

const usage = (finishReason: Usage["finishReason"]) => ({ finishReason }) as Usage;
const tick = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Sends `pieces`, a millisecond apart, and ends like the engine: also after an abort, with usage. */
function scripted(pieces: readonly string[], options: { signal?: AbortSignal; failAfter?: number } = {}) {
  const log = { starts: 0, sent: 0, aborted: false };
  const generation = new StartedGeneration(async (onText, signal) => {
    log.starts += 1;
    for (const piece of pieces) {
      await tick();
      if (signal.aborted) {
        log.aborted = true;
        return usage("aborted");
      }
      if (log.sent === options.failAfter) throw new LlmError("device_lost", "x");
      log.sent += 1;
      onText(piece);
    }
    return usage("stop");
  }, options.signal);
  return { generation, log };
}

async function collect(iterable: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of iterable) pieces.push(piece);
  return pieces;
}

describe("Generation", () => {
  it("is the text when awaited", async () => {
    const { generation, log } = scripted(["a", "b", "c"]);
    expect(await generation).toBe("abc");
    expect(await generation).toBe("abc");
    expect((await generation.usage).finishReason).toBe("stop");
    expect(log.starts).toBe(1);
  });

  it("is the pieces when iterated, once or more, and the text as well", async () => {
    const { generation, log } = scripted(["a", "b", "c"]);
    const [first, second, text] = await Promise.all([collect(generation), collect(generation), generation]);
    expect([first, second, text]).toEqual([["a", "b", "c"], ["a", "b", "c"], "abc"]);
    expect(await collect(generation)).toEqual(["a", "b", "c"]);
    expect(log.starts).toBe(1);
  });

  it("aborts when the loop is left", async () => {
    const { generation, log } = scripted(["a", "b", "c", "d"]);
    for await (const piece of generation) if (piece === "b") break;
    expect((await generation.usage).finishReason).toBe("aborted");
    expect(log).toMatchObject({ aborted: true, sent: 2 });
    await expect(generation.then()).rejects.toMatchObject({ code: "aborted", name: "AbortError" });
  });

  it("does not abort when the loop came to its end", async () => {
    const { generation, log } = scripted(["a"]);
    await collect(generation);
    expect(log.aborted).toBe(false);
  });

  it("aborts by the signal: text and loop reject, usage says so", async () => {
    const controller = new AbortController();
    const { generation } = scripted(["a", "b", "c", "d"], { signal: controller.signal });
    const seen: string[] = [];
    const loop = (async () => {
      for await (const piece of generation) {
        seen.push(piece);
        controller.abort();
      }
    })();
    await expect(loop).rejects.toMatchObject({ code: "aborted" });
    await expect(generation.then()).rejects.toMatchObject({ code: "aborted" });
    expect((await generation.usage).finishReason).toBe("aborted");
    expect(seen).toEqual(["a"]);
  });

  it("rejects with the request's error, after the pieces that came", async () => {
    const { generation } = scripted(["a", "b"], { failAfter: 1 });
    const seen: string[] = [];
    const loop = (async () => {
      for await (const piece of generation) seen.push(piece);
    })();
    await expect(loop).rejects.toMatchObject({ code: "device_lost" });
    await expect(generation.then()).rejects.toMatchObject({ code: "device_lost" });
    await expect(generation.usage).rejects.toMatchObject({ code: "device_lost" });
    expect(seen).toEqual(["a"]);
  });

  it("raises no unhandled rejection for what nobody looks at", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown) => unhandled.push(reason);
    process.on("unhandledRejection", listen);
    onTestFinished(() => void process.off("unhandledRejection", listen));
    await scripted(["a"], { failAfter: 0 }).generation.then(undefined, () => undefined);
    await collect(scripted(["a"], { failAfter: 0 }).generation).catch(() => undefined);
    await scripted(["a"], { failAfter: 0 }).generation.usage.catch(() => undefined);
    scripted(["a"], { failAfter: 0 });
    scripted(["a"], { signal: AbortSignal.abort() });
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(unhandled).toEqual([]);
  });
});
