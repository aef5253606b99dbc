// Proves that the tasks over LanguageModel check their options, say what they were made with, put instruction, shared context
// and context in front of each input, keep calls apart, and stop with signal and destroy. On the echo model. Needs nothing.
import { beforeAll, describe, expect, it, vi } from "vitest";
import { defineLanguageModel } from "../../src/language_model/index";
import { defineTasks, type LanguageModelClass } from "../../src/language_model/tasks/index";
import { echoPort, openEcho } from "../fixtures/echo_engine";

beforeAll(() => {
  vi.stubGlobal("ProgressEvent", class extends Event {});
});

// biome-ignore lint/suspicious/noExplicitAny: pages give and get anything
type Any = any;

function open(pause?: () => Promise<void>) {
  const echo = openEcho(2000, pause);
  const page = { fullyActive: () => true, policyAllows: () => true, languages: ["en", "de"] };
  const { LanguageModel } = defineLanguageModel(echoPort(echo), page);
  return defineTasks(LanguageModel as unknown as LanguageModelClass) as Record<string, Any>;
}
const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
const boom = new Error("boom");
const PAIR = { sourceLanguage: "en", targetLanguage: "de-DE" };

describe.each([
  ["Summarizer", "summarize", {}, { type: "key-points", format: "markdown", length: "short" }],
  ["Writer", "write", { tone: "casual" }, { tone: "casual", format: "markdown", length: "short" }],
  ["Rewriter", "rewrite", { length: "shorter" }, { tone: "as-is", format: "as-is", length: "shorter" }],
  ["Translator", "translate", PAIR, PAIR],
] as const)("%s", (name, method, options, values) => {
  it("answers, also in pieces, and no call sees another", async () => {
    const task = await open()[name].create({ ...options, sharedContext: "shared" });
    expect(String(task)).toBe(`[object ${name}]`);
    expect(task).toMatchObject({ ...values, sharedContext: "shared", inputQuota: 2000 });
    expect(await task[method]("first text")).toBe("first text");
    expect(await task[method]("second", { context: "about" })).toBe("about\n\nsecond");
    const pieces: unknown[] = [];
    for await (const piece of task[`${method}Streaming`]("a b") as Any) pieces.push(piece);
    expect(pieces).toEqual(["a", " b"]);
    // Of the message alone, as before any call.
    expect(await task.measureInputUsage("abc")).toBe("abc".length + 3);
  });

  it("stops with the signal and with destroy", async () => {
    const task = await open(tick)[name].create(options);
    await expect(task[method]("x", { signal: AbortSignal.abort(boom) })).rejects.toBe(boom);
    const running = task[method]("word ".repeat(100));
    const reader = task[`${method}Streaming`]("word ".repeat(100)).getReader();
    await reader.read();
    task.destroy();
    await expect(running).rejects.toMatchObject({ name: "AbortError" });
    await expect(reader.closed).rejects.toMatchObject({ name: "AbortError" });
    await expect(task[method]("x")).rejects.toMatchObject({ name: "AbortError" });
  });

  it("refuses what is wrong with its options", async () => {
    const Task = open()[name];
    expect(() => new Task()).toThrow(TypeError);
    await expect(Task.create({ ...options, outputLanguage: "not a tag" })).rejects.toThrow(RangeError);
    await expect(Task.create({ ...options, outputLanguage: "xh" })).rejects.toMatchObject({
      name: "NotSupportedError",
    });
    expect(await Task.availability({ ...options, outputLanguage: "xh" })).toBe("unavailable");
    expect(await Task.availability({ ...options, expectedInputLanguages: ["en"] })).toBe("available");
    await expect(Task.create({ ...options, expectedInputLanguages: 5 })).rejects.toThrow(TypeError);
    await expect(Task.create({ ...options, signal: AbortSignal.abort(boom) })).rejects.toBe(boom);
    await expect(
      Task.create({
        ...options,
        monitor: () => {
          throw boom;
        },
      }),
    ).rejects.toBe(boom);
  });
});

it.each([
  ["Summarizer", { type: "poem" }],
  ["Summarizer", { length: "huge" }],
  ["Writer", { tone: "rude" }],
  ["Rewriter", { format: "latex" }],
  ["Translator", {}],
  ["Translator", { sourceLanguage: "en" }],
])("%s refuses %j", async (name, options) => {
  await expect(open()[name].create(options)).rejects.toThrow(TypeError);
  await expect(open()[name].availability(options)).rejects.toThrow(TypeError);
});
