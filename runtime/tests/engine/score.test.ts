// Proves that log-probabilities of given tokens are those of the toy reference, whatever the tokens have in common, on a
// GPU and on the CPU, with recurrent states and without, among other requests and after giving way; that what is common is
// computed once; and that an abort and numbers that are not finite end it. Needs nothing.
import { describe, expect, it, onTestFinished } from "vitest";
import { LoadedModel } from "../../src/engine/loaded_model";
import { type Path, scoreTree } from "../../src/engine/score_tree";
import { hostOf } from "../../src/sessions/hosted_model";
import { fakeDevices } from "../fixtures/fake_executor";
import { reference, STOP_ID, VOCAB } from "../fixtures/toy_model";
import { toyPackage } from "../fixtures/toy_package";

function generator(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 10) % below;
  };
}

/** By whole rows of the reference: float64, so within 1e-3 of sums of float32 logits up to 4000. */
function expected({ tokens, from, ends }: Path): number {
  let sum = 0;
  for (let at = from; at <= tokens.length - (ends ? 0 : 1); at++) {
    const logits = reference(tokens.slice(0, at));
    const largest = Math.max(...logits);
    const normalizer = largest + Math.log(logits.reduce((total, logit) => total + Math.exp(logit - largest), 0));
    sum += logits[at < tokens.length ? tokens[at]! : STOP_ID]! - normalizer;
  }
  return sum;
}

/** Paths with beginnings in common, some of them whole. */
function randomPaths(seed: number): Path[] {
  const random = generator(seed);
  const common = Array.from({ length: 1 + random(20) }, () => random(VOCAB - 1));
  return Array.from({ length: 1 + random(8) }, () => {
    const tokens = [...common.slice(0, 1 + random(common.length))];
    for (let i = random(7); i > 0; i--) tokens.push(random(3));
    const ends = random(2) === 0;
    const from = 1 + random(tokens.length);
    return { tokens, from, ends: ends || from === tokens.length };
  });
}

async function load(options: Partial<Parameters<typeof fakeDevices>[0]> = {}) {
  const devices = fakeDevices({ adapter: { software: false }, ...options });
  const model = await LoadedModel.load(devices, toyPackage(), { device: "auto", threads: null });
  onTestFinished(() => model.unload());
  return { model: Object.assign(model, { score: hostOf(model).score.bind(hostOf(model)) }), devices };
}

function close(sums: readonly number[], paths: readonly Path[]) {
  expect(sums.length).toBe(paths.length);
  for (const [i, path] of paths.entries()) expect(sums[i]).toBeCloseTo(expected(path), 3);
}

describe.each([0, 5])("scores with %d slots for states", (stateSlots) => {
  it.each([1, 2, 3])("are the reference's for random paths, one by one and at once (seed %d)", async (seed) => {
    const { model } = await load({ stateSlots });
    const lists = Array.from({ length: 6 }, (_, i) => randomPaths(100 * seed + i));
    for (const paths of lists.slice(0, 3)) close(await model.score(paths, {}), paths);
    const answer = model.generate("hello", { raw: true, temperature: 0, maxTokens: 20 }, { onText: () => undefined });
    const sums = await Promise.all(lists.map((paths) => model.score(paths, { partition: `${seed % 2}` })));
    for (const [i, paths] of lists.entries()) close(sums[i]!, paths);
    const alone = await (await load()).model.generate(
      "hello",
      { raw: true, temperature: 0, maxTokens: 20 },
      { onText: () => undefined },
    );
    expect((await answer).generatedIds).toEqual(alone.generatedIds);
  });
});

describe("scores", () => {
  it("compute what paths have in common once, and the first tokens of all from one row", async () => {
    let decoded = 0;
    let prefilled = 0;
    const { model, devices } = await load();
    devices.opened[0]!.onCall = (name) => (name === "decode" ? decoded++ : name === "prefill" ? prefilled++ : 0);
    const common = Array.from({ length: 30 }, (_, i) => i);
    const paths = [[1], [2], [3, 4], [3, 5]].map((option) => ({
      tokens: [...common, ...option],
      from: 30,
      ends: false,
    }));
    close(await model.score(paths, {}), paths);
    // After the common tokens, and after the 3 that two options begin with.
    expect(decoded).toBe(2);
    expect(prefilled).toBeLessThan(6);
    const before = prefilled;
    close(await model.score(paths, {}), paths);
    expect(prefilled).toBe(before);
  });

  it("keep nothing of a tree that ends", async () => {
    const { model } = await load({ stateSlots: 4 });
    for (let i = 0; i < 40; i++) await model.score(randomPaths(i), { partition: `${i}` });
    // Slots and pages are there for a request of the whole context.
    const usage = await model.generate("x".repeat(90), { raw: true, maxTokens: 2 }, { onText: () => undefined });
    expect(usage.promptTokens).toBe(90);
  });

  it("end with an abort, and with numbers that are not finite", async () => {
    const { model, devices } = await load();
    const controller = new AbortController();
    devices.opened[0]!.onCall = (name) => name === "decode" && controller.abort();
    await expect(model.score(randomPaths(1), {}, controller.signal)).rejects.toMatchObject({ code: "aborted" });
    devices.opened[0]!.onCall = () => undefined;
    devices.opened[0]!.notFiniteAt = () => true;
    await expect(model.score(randomPaths(2), {})).rejects.toMatchObject({ code: "numeric_error" });
  });
});

describe("scoreTree", () => {
  it.each([
    ["one token", [{ tokens: [1, 2], from: 1, ends: false }], { edge: [1], wanted: 1, next: [] }],
    [
      "options with one first token",
      [
        { tokens: [1, 2, 3], from: 1, ends: false },
        { tokens: [1, 2, 4], from: 1, ends: false },
      ],
      { edge: [1], wanted: 2, next: [{ edge: [2], wanted: 2, next: [] }] },
    ],
    [
      "two questions",
      [
        { tokens: [1, 2, 8], from: 2, ends: false },
        { tokens: [1, 3, 4, 8], from: 3, ends: true },
      ],
      {
        edge: [1],
        wanted: 0,
        next: [
          { edge: [2], wanted: 1, next: [] },
          { edge: [3, 4], wanted: 1, next: [{ edge: [8], wanted: 1, next: [] }] },
        ],
      },
    ],
  ])("of %s", (_, paths, tree) => {
    type Shape = { edge: readonly number[]; wanted: number; next: Shape[] };
    const shape = (branch: ReturnType<typeof scoreTree>): Shape => ({
      edge: branch.edge,
      wanted: branch.wanted.length,
      next: branch.next.map(shape),
    });
    expect(shape(scoreTree(paths))).toEqual(tree);
  });
});
