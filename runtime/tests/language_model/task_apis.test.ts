// Proves that the tasks that choose, compare, embed and detect have the platform's pattern of options, errors and ends, and
// that what they answer is the model's. Sessions are the echo model's, decisions and vectors those of ports. Needs nothing.
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Question } from "../../src/api/types";
import { LlmError } from "../../src/internal/errors";
import { defineLanguageModel } from "../../src/language_model/index";
import { defineTasks, type LanguageModelClass, type TaskPort } from "../../src/language_model/tasks/index";
import { openEcho } from "../fixtures/echo_engine";
import { loadToy } from "../fixtures/toy_engine";

beforeAll(() => {
  vi.stubGlobal(
    "ProgressEvent",
    class extends Event {
      readonly loaded: number;
      constructor(type: string, { loaded }: { loaded: number }) {
        super(type);
        this.loaded = loaded;
      }
    },
  );
});

// biome-ignore lint/suspicious/noExplicitAny: pages give and get anything
type Any = any;
const boom = new Error("boom");
const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
const page = { fullyActive: () => true, policyAllows: () => true, languages: ["en", "de"] };
const VECTORS = [new Float32Array([1, 0]), new Float32Array([0, 1])];
const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new LlmError("aborted", "x"))));

function open(changes: Partial<TaskPort> = {}) {
  const { LanguageModel } = defineLanguageModel(openEcho(2000, tick).port, page);
  const asked: Any[] = [];
  const port: TaskPort = {
    decide: async (input, questions) => {
      asked.push({ input, questions });
      return Object.fromEntries(
        (questions as readonly Extract<Question, { type: "choice" }>[]).map(({ id, options = ["true"] }) => [
          id,
          { label: options.at(-1)!, confidence: 1, probabilities: {}, expectedScore: null },
        ]),
      );
    },
    embedder: {
      availability: async (model) => (model === "other" ? "unavailable" : "available"),
      embed: async (texts) => texts.map((_, i) => VECTORS[i % 2]!),
    },
    ...changes,
  };
  const tasks = defineTasks(LanguageModel as unknown as LanguageModelClass, port) as Record<string, Any>;
  return { tasks, asked };
}

const QUESTIONS = [
  { id: "a", prompt: "Is it so?", type: "boolean" },
  { id: "b", prompt: "Which?", type: "choice", options: ["x", "y"] },
  { id: "c", prompt: "How much?", type: "score" },
];
const CREATED: Record<string, object> = {
  Proofreader: {},
  LanguageDetector: {},
  SemanticEmbedder: {},
  DecisionModel: { questions: QUESTIONS },
  Classifier: { labels: ["spam", "ham"] },
};
const CALLS: Record<string, (task: Any, options?: object) => Promise<unknown>> = {
  Proofreader: (task, options) => task.proofread("word ".repeat(50), options),
  LanguageDetector: (task, options) => task.detect("Where is it?", options),
  SemanticEmbedder: (task, options) => task.embed("x", options),
  DecisionModel: (task, options) => task.decide("x", options),
  Classifier: (task, options) => task.classify("x", options),
};

describe.each(Object.keys(CREATED))("%s", (name) => {
  const options = CREATED[name]!;
  const call = CALLS[name]!;

  it("is made by create() alone, and says what it is", async () => {
    const { [name]: Task } = open().tasks;
    expect(() => new Task()).toThrow(TypeError);
    expect(String(await Task.create(options))).toBe(`[object ${name}]`);
    expect(Task.name).toBe(name);
    expect(await Task.availability(options)).toBe("available");
  });

  it("tells a monitor of the beginning and the end", async () => {
    const loaded: number[] = [];
    const monitor = (target: EventTarget) =>
      target.addEventListener("downloadprogress", (event) => loaded.push((event as ProgressEvent).loaded));
    await open().tasks[name].create({ ...options, monitor });
    expect(loaded).toEqual([0, 1]);
  });

  it("rejects with what went wrong first", async () => {
    const Task = open().tasks[name];
    const monitor = () => {
      throw boom;
    };
    const signal = AbortSignal.abort(new Error("aborted before"));
    await expect(Task.create({ ...options, signal, monitor })).rejects.toThrow("aborted before");
    await expect(Task.create({ ...options, monitor })).rejects.toBe(boom);
    await expect(Task.create({ ...options, monitor: 5 })).rejects.toThrow(TypeError);
    await expect(Task.create({ ...options, signal: 5 })).rejects.toThrow(TypeError);
    await expect(Task.create(5)).rejects.toThrow(TypeError);
  });

  it("ends with destroy, and with the signal of create()", async () => {
    const waiting = { decide: (_: unknown, __: unknown, { signal }: Any) => never(signal) } as unknown as TaskPort;
    const Task = open(waiting).tasks[name];
    const controller = new AbortController();
    const task = await Task.create({ ...options, signal: controller.signal });
    await expect(call(task, { signal: AbortSignal.abort(boom) })).rejects.toBe(boom);
    const [running] = [call(task)];
    if (name === "LanguageDetector" || name === "SemanticEmbedder") await running;
    controller.abort(boom);
    if (name !== "LanguageDetector" && name !== "SemanticEmbedder") await expect(running).rejects.toBe(boom);
    await expect(call(task)).rejects.toBe(boom);
    const other = await Task.create(options);
    other.destroy();
    other.destroy();
    await expect(call(other)).rejects.toMatchObject({ name: "AbortError" });
    await expect(call(other, { signal: 5 })).rejects.toThrow(TypeError);
  });
});

it("defines no class for what a port cannot do", () => {
  const { LanguageModel } = defineLanguageModel(openEcho(100).port, page);
  const names = Object.keys(defineTasks(LanguageModel as unknown as LanguageModelClass));
  expect(names).toEqual(["Summarizer", "Writer", "Rewriter", "Translator", "LanguageDetector", "Proofreader"]);
});

describe("DecisionModel", () => {
  it("decides as the model does", async () => {
    const { model } = await loadToy();
    const { tasks } = open({ decide: (input, questions, options) => model.decide(input, questions, options) });
    const questions = [
      { id: "b", prompt: "q", type: "choice", options: ["ab", "ac"] },
      { id: "s", prompt: "r", type: "score", options: [1, 2] },
    ] as const;
    const decider = await tasks.DecisionModel.create({ questions });
    expect(decider.questions).toEqual(questions);
    expect(decider.inputQuota).toBe(2000);
    expect(await decider.measureInputUsage("abc")).toBe("abc".length + 3);
    expect(await decider.decide("fox")).toEqual(await model.decide("fox", questions));
  });

  it.each([
    {},
    { questions: [] },
    { questions: 5 },
    { questions: [{ prompt: "p", type: "boolean" }] },
    { questions: [{ id: "", prompt: "p", type: "boolean" }] },
    { questions: [{ id: "a", type: "boolean" }] },
    { questions: [{ id: "a", prompt: "p" }] },
    { questions: [{ id: "a", prompt: "p", type: "essay" }] },
    { questions: [{ id: "a", prompt: "p", type: "choice" }] },
    { questions: [{ id: "a", prompt: "p", type: "choice", options: ["x"] }] },
    { questions: [{ id: "a", prompt: "p", type: "choice", options: ["x", "x"] }] },
    { questions: [{ id: "a", prompt: "p", type: "score", options: [1, "many"] }] },
    { questions: [QUESTIONS[0], QUESTIONS[0]] },
  ])("refuses %j", async (options) => {
    await expect(open().tasks.DecisionModel.create(options)).rejects.toThrow(TypeError);
  });

  it("is a NotSupportedError where the model cannot", async () => {
    const echo = openEcho(2000);
    const { tasks } = open({
      decide: async (input, questions) =>
        (await echo.connection.call("decide", { input, questions, options: {} })).decisions,
    });
    const decider = await tasks.DecisionModel.create({ questions: QUESTIONS });
    await expect(decider.decide("x")).rejects.toMatchObject({ name: "NotSupportedError" });
  });
});

describe("Classifier", () => {
  it("gives one of its labels, of the text and what it is in", async () => {
    const { tasks, asked } = open();
    const classifier = await tasks.Classifier.create({ labels: ["spam", "ham"] });
    expect(classifier.labels).toEqual(["spam", "ham"]);
    expect(await classifier.classify("Buy now", { context: "A letter" })).toBe("ham");
    expect(asked[0].input).toBe("A letter\n\nBuy now");
    const general = await tasks.Classifier.create();
    expect(general.labels).toContain(await general.classify(""));
  });

  it.each([{ labels: ["one"] }, { labels: "spam" }, { labels: ["a", "a"] }, { labels: ["a", ""] }, { labels: 5 }])(
    "refuses %j",
    async (options) => {
      await expect(open().tasks.Classifier.create(options)).rejects.toThrow(TypeError);
      await expect(open().tasks.Classifier.availability(options)).rejects.toThrow(TypeError);
    },
  );
});

describe("SemanticEmbedder", () => {
  it("embeds one text or several", async () => {
    const embedder = await open().tasks.SemanticEmbedder.create();
    expect(await embedder.embed("one", { taskType: "clustering" })).toEqual({ embeddings: [{ values: VECTORS[0] }] });
    expect(await embedder.embed(["one", "two"])).toEqual({ embeddings: VECTORS.map((values) => ({ values })) });
    expect(await embedder.embed([])).toEqual({ embeddings: [] });
    await expect(embedder.embed("one", { taskType: "poetry" })).rejects.toThrow(TypeError);
  });

  it("has one space, or none", async () => {
    const { SemanticEmbedder } = open().tasks;
    expect(await SemanticEmbedder.availability({ embeddingSpace: "other" })).toBe("unavailable");
    const other = SemanticEmbedder.create({ embeddingSpace: "other" });
    await expect(other).rejects.toMatchObject({ name: "NotSupportedError" });
    const { model } = await loadToy();
    const { tasks } = open({
      embedder: {
        availability: async () => "available",
        embed: async (texts, { signal }) => (await model.embed(texts, { signal })).embeddings,
      },
    });
    // A model that writes text.
    await expect(tasks.SemanticEmbedder.create()).rejects.toMatchObject({ name: "NotSupportedError" });
  });
});

describe("Proofreader", () => {
  /** A LanguageModel that gives what it is told to, whatever it is asked. */
  function writing(...answers: string[]) {
    const prompts: [string, Any][] = [];
    const session = {
      contextWindow: 100,
      prompt: async (prompt: string, options: object) => {
        prompts.push([prompt, options]);
        return answers.shift();
      },
      clone: async () => session,
      destroy: () => undefined,
    };
    const model = { create: async () => session, availability: async () => "available" };
    return { prompts, Proofreader: defineTasks(model as unknown as LanguageModelClass).Proofreader as Any };
  }

  it("says what changed, where, and of which kind", async () => {
    const { prompts, Proofreader } = writing("I saw two loaves, Tom.\n", '"grammar"', '"spelling"');
    const proofreader = await Proofreader.create({ includeCorrectionTypes: true, expectedInputLanguages: ["en"] });
    expect(proofreader).toMatchObject({
      includeCorrectionTypes: true,
      includeCorrectionExplanations: false,
      correctionExplanationLanguage: undefined,
      expectedInputLanguages: ["en"],
    });
    expect(await proofreader.proofread(" I seen two loafs tom.")).toEqual({
      correctedInput: " I saw two loaves, Tom.",
      corrections: [
        { startIndex: 3, endIndex: 7, correction: "saw", types: ["grammar"] },
        { startIndex: 12, endIndex: 17, correction: "loaves,", types: ["spelling"] },
        { startIndex: 18, endIndex: 21, correction: "Tom", types: ["capitalization"] },
      ],
    });
    expect(prompts[1]![1].responseConstraint).toEqual({ enum: ["spelling", "preposition", "grammar"] });
  });

  it("explains", async () => {
    const { prompts, Proofreader } = writing("Hello, you.", " A comma was missing. ");
    const options = { includeCorrectionExplanations: true, correctionExplanationLanguage: "de" };
    const proofreader = await Proofreader.create(options);
    const { corrections } = await proofreader.proofread("Hello you.");
    expect(corrections).toEqual([{ startIndex: 5, endIndex: 5, correction: ",", explanation: "A comma was missing." }]);
    expect(prompts[1]![0]).toContain("in the language de");
  });

  it("leaves what is right, and asks nobody about nothing", async () => {
    const proofreader = await open().tasks.Proofreader.create({ includeCorrectionTypes: true });
    expect(await proofreader.proofread("All is well.")).toEqual({ correctedInput: "All is well.", corrections: [] });
    expect(await proofreader.proofread(" \n")).toEqual({ correctedInput: " \n", corrections: [] });
  });

  it("refuses languages", async () => {
    const { Proofreader } = open().tasks;
    await expect(Proofreader.create({ expectedInputLanguages: ["no tag"] })).rejects.toThrow(RangeError);
    expect(await Proofreader.availability({ expectedInputLanguages: ["xh"] })).toBe("unavailable");
    await expect(Proofreader.create({ correctionExplanationLanguage: "xh" })).rejects.toMatchObject({
      name: "NotSupportedError",
    });
  });
});
