// Proves that decisions are those of whole rows of logits: for each option the teacher-forced sum of log-probabilities, less
// that without the input, softmax over the options; that the input is computed once; and what is refused. Needs nothing.
import { describe, expect, it, onTestFinished } from "vitest";
import { createInProcessEngine } from "../../src/api/in_process";
import type { Model, Question } from "../../src/api/types";
import { fakeDevices } from "../fixtures/fake_executor";
import { CONTEXT, reference, STOP_ID } from "../fixtures/toy_model";
import { idsOf, toyPackage, toyStore } from "../fixtures/toy_package";

async function load(stateSlots = 0) {
  const devices = fakeDevices({ adapter: { software: false }, stateSlots });
  const engine = createInProcessEngine({ gpu: undefined, devices, openStore: async () => toyStore(toyPackage) });
  onTestFinished(() => engine.close());
  const model = await engine.load({ id: "toy" });
  return { model, executor: devices.opened[0]! };
}

/** The toy's tokens are characters: those it does not have vanish, as its tokenizer has no unknown token. */
const ids = (text: string) => idsOf(text).filter((id) => id >= 0);

function logProbability(prompt: string, option: string, ends: boolean): number {
  const tokens = [...ids(prompt), ...ids(option), ...(ends ? [STOP_ID] : [])];
  let sum = 0;
  for (let at = ids(prompt).length; at < tokens.length; at++) {
    const logits = reference(tokens.slice(0, at));
    const largest = Math.max(...logits);
    sum += logits[tokens[at]!]! - largest - Math.log(logits.reduce((total, x) => total + Math.exp(x - largest), 0));
  }
  return sum;
}

/** Each option by itself. */
function exhaustive(
  input: string,
  prompt: string,
  texts: readonly string[],
  ends: boolean,
  calibrate: boolean,
): number[] {
  const chat = (given: string) => `u,${given}\n\n${prompt}\nAnswer with one of: ${texts.join(", ")}..a,`;
  const scores = texts.map(
    (text) => logProbability(chat(input), text, ends) - (calibrate ? logProbability(chat("N/A"), text, ends) : 0),
  );
  const largest = Math.max(...scores);
  const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0);
  return scores.map((score) => Math.exp(score - largest) / sum);
}

const choice = { id: "c", prompt: "q", type: "choice", options: ["ab", "ac", "d"] } as const;

describe.each([0, 5])("decide with %d slots for states", (stateSlots) => {
  it.each([true, false])("is exhaustive scoring (calibrate %s)", async (calibrate) => {
    const { model } = await load(stateSlots);
    const questions: Question[] = [
      choice,
      { id: "s", prompt: "r", type: "score", options: [1, 22, 3] },
      { id: "e", prompt: "e", type: "choice", options: ["a", "ab"] },
    ];
    const answer = await model.decide("fox", questions, { calibrate });
    const wanted = [
      exhaustive("fox", "q", ["ab", "ac", "d"], false, calibrate),
      exhaustive("fox", "r", ["1", "22", "3"], false, calibrate),
      exhaustive("fox", "e", ["a", "ab"], true, calibrate),
    ];
    for (const [i, { id, options }] of (questions as { id: string; options: readonly unknown[] }[]).entries()) {
      const { label, confidence, probabilities, expectedScore } = answer[id]!;
      const given = options.map((option) => probabilities[String(option)]!);
      for (const [k, probability] of given.entries()) expect(probability).toBeCloseTo(wanted[i]![k]!, 3);
      expect(label).toBe(String(options[wanted[i]!.indexOf(Math.max(...wanted[i]!))]));
      expect(confidence).toBe(probabilities[label]);
      const expected = options.reduce((sum: number, option, k) => sum + Number(option) * given[k]!, 0);
      if (id === "s") expect(expectedScore).toBeCloseTo(expected as number, 6);
      else expect(expectedScore).toBeNull();
    }
  });
});

describe("decide", () => {
  it("computes the input once, and a question's options from one row where they are one token", async () => {
    const { model, executor } = await load();
    let decoded = 0;
    executor.onCall = (name) => {
      if (name === "decode") decoded += 1;
    };
    const questions: Question[] = ["q", "r"].map((prompt) => ({
      id: prompt,
      prompt,
      type: "choice",
      options: ["a", "b", "c", "d"],
    }));
    await model.decide("hello", questions, { calibrate: false });
    expect(decoded).toBe(2);
  });

  it("keeps what it calibrates with, for the same question in the same partition", async () => {
    const { model, executor } = await load();
    let decoded = 0;
    executor.onCall = (name) => {
      if (name === "decode") decoded += 1;
    };
    const rows = async (input: string, question: Question, options: object = {}) => {
      decoded = 0;
      const answer = await model.decide(input, [question], options);
      return [decoded, answer[question.id]!] as const;
    };
    const one: Question = { id: "q", prompt: "q", type: "choice", options: ["a", "b"] };
    const [first, decision] = await rows("fox", one);
    expect(first).toBe(2);
    expect(await rows("fox", one)).toEqual([1, decision]);
    expect((await rows("dog", one))[0]).toBe(1);
    expect((await rows("fox", { ...one, options: ["a", "c"] }))[0]).toBe(2);
    expect(await rows("fox", one, { partition: "other" })).toEqual([2, decision]);
  });

  it("answers yes or no, and scores from 1 to 5 where nothing else is said", async () => {
    const { model } = await load();
    const { b, s } = await model.decide("x", [
      { id: "b", prompt: "q", type: "boolean" },
      { id: "s", prompt: "q", type: "score" },
    ]);
    expect(Object.keys(b!.probabilities)).toEqual(["true", "false"]);
    expect(Object.keys(s!.probabilities)).toEqual(["1", "2", "3", "4", "5"]);
    expect(Object.values(s!.probabilities).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
  });

  it.each([
    [5, [choice], {}],
    ["x", [], {}],
    ["x", [choice, choice], {}],
    ["x", [{ ...choice, type: "essay" }], {}],
    ["x", [{ ...choice, options: ["a"] }], {}],
    ["x", [{ ...choice, options: ["a", "a"] }], {}],
    ["x", [{ ...choice, options: ["a", " "] }], {}],
    ["x", [{ ...choice, options: [1, 2] }], {}],
    ["x", [{ ...choice, options: undefined }], {}],
    ["x", [{ ...choice, type: "boolean" }], {}],
    ["x", [{ ...choice, type: "score", options: ["1", "2"] }], {}],
    ["x", [{ ...choice, more: 1 }], {}],
    ["x", [choice], { temperature: 1 }],
    ["x", [choice], { calibrate: "no" }],
  ])("refuses %j, %j, %j", async (input, questions, options) => {
    const { model } = await load();
    const decide = model.decide.bind(model) as (...given: unknown[]) => ReturnType<Model["decide"]>;
    await expect(decide(input, questions, options)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("refuses what is longer than the context, and ends with an abort", async () => {
    const { model, executor } = await load();
    const error = { code: "context_overflow", detail: { limit: CONTEXT } };
    await expect(model.decide("x".repeat(CONTEXT), [choice])).rejects.toMatchObject(error);
    const controller = new AbortController();
    executor.onCall = () => controller.abort();
    await expect(model.decide("x", [choice], { signal: controller.signal })).rejects.toMatchObject({ code: "aborted" });
  });
});
