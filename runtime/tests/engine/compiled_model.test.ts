// Proves that a program as the compiler writes it runs on this engine with the numbers of its NumPy reference: logits by
// decode, prefill in chunks followed by decode, and a greedy transcript. Needs a GPU adapter and the compiler (Python).
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemDevices } from "../../src/device/open";
import { LoadedModel } from "../../src/engine/loaded_model";
import { compileTiny } from "../fixtures/compiled_tiny";
import { gpu, noGpu } from "../fixtures/gpu";

const settings = { device: "webgpu", threads: null } as const;
const tiny = noGpu ? null : compileTiny();

describe.skipIf(!tiny)("a compiled model", () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await LoadedModel.load(systemDevices(gpu), await tiny!.source(), settings);
  });
  afterAll(() => model.unload());

  it.each([0, 31, 69])("has the reference's logits from position %d on", async (first) => {
    const logits = await model.logits(tiny!.ids, first);
    const rows = tiny!.logits.slice(first);
    const vocabSize = rows[0]!.length;
    expect(logits.length).toBe(rows.length * vocabSize);
    let worst = 0;
    rows.forEach((row, t) => {
      row.forEach((value, id) => {
        worst = Math.max(worst, Math.abs(value - logits[t * vocabSize + id]!));
      });
    });
    expect(worst).toBeLessThan(2e-3);
  });

  it("generates the reference's greedy tokens, alone and among others, with and without a cached prefix", async () => {
    const options = { raw: true, temperature: 0, maxTokens: 24 };
    const run = (prompt: string, partition: string) =>
      model.generate(prompt, { ...options, partition }, { onText: () => undefined });
    const alone = await run(tiny!.prompt, "a");
    const among = await Promise.all([run(tiny!.prompt, "a"), run("Hello", "b"), run(tiny!.prompt, "c")]);
    for (const { promptIds, generatedIds } of [alone, among[0]!, among[2]!]) {
      expect(promptIds).toEqual(tiny!.prompt_ids);
      expect(generatedIds).toEqual(tiny!.greedy_ids.slice(0, generatedIds.length));
    }
    expect(alone.generatedIds.length).toBeGreaterThan(10);
    expect([alone, ...among].map(({ cachedTokens }) => cachedTokens > 0)).toEqual([false, true, false, false]);
  });
});
