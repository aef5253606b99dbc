// Proves that the steps of a run are cut into the fewest submits that each stay below the target on devices of any
// speed, also when the speed changes and when runs overlap. Needs nothing: the device is a formula.
import { describe, expect, it } from "vitest";
import { Slicer } from "../../../src/device/webgpu/slicer";

const TARGET = 25;

function generator(seed: number) {
  let state = seed;
  return (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 10) % below;
  };
}

/** Costs as of a model: every layer a few cheap steps and four of very different cost, then a costly head. */
function model(layers: number, random: (below: number) => number): number[] {
  const scale = 1 + random(1000);
  const layer = [1, 30 * scale, 1, 1, 20 * scale, 1, 110 * scale, 55 * scale];
  return [1, ...Array.from({ length: layers }, () => layer).flat(), 300 * scale];
}

/** The cost of each slice. */
function slices(costs: readonly number[], ends: readonly number[]): number[] {
  return ends.map((end, i) => costs.slice(ends[i - 1] ?? 0, end).reduce((sum, cost) => sum + cost, 0));
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("Slicer", () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "keeps every submit below the target once it knows the device (seed %d)",
    (seed) => {
      const random = generator(seed);
      const costs = model(1 + random(40), random);
      // From a run of a millisecond to one of ten seconds.
      let msPerCost = 10 ** (random(5) - 1) / sum(costs);
      const slicer = new Slicer(TARGET);
      let now = 1000;
      for (let round = 0; round < 60; round++) {
        const change = round % 20 === 10 ? 0.25 + random(40) / 10 : 1;
        msPerCost *= change;
        const ends = slicer.cut(costs);
        expect(ends.at(-1)).toBe(costs.length);
        expect(ends.every((end, i) => end > (ends[i - 1] ?? 0))).toBe(true);
        const known = round > 0 && change <= 1;
        if (known) {
          slices(costs, ends).forEach((cost, i) => {
            const steps = ends[i]! - (ends[i - 1] ?? 0);
            expect(steps === 1 || cost * msPerCost <= TARGET * (1 + 1e-9)).toBe(true);
          });
        }
        const ms = sum(costs) * msPerCost;
        slicer.finished(sum(costs), now, now + ms);
        now += ms + 1;
      }
      // Known for long, no two neighbours fit into one submit.
      const settled = slices(costs, slicer.cut(costs)).map((cost) => cost * msPerCost);
      for (let i = 1; i < settled.length; i++) expect(settled[i - 1]! + settled[i]!).toBeGreaterThan(TARGET * 0.9);
    },
  );

  it("cuts the first run, of which nothing is known, into parts of much the same cost", () => {
    const costs = Array.from({ length: 200 }, () => 3);
    const parts = slices(costs, new Slicer(TARGET).cut(costs));
    expect(parts).toHaveLength(8);
    expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(3);
  });

  it("leaves a run whole where that is fast enough, and where nothing else shares the device", () => {
    const slicer = new Slicer(TARGET);
    slicer.finished(100, 0, 20);
    expect(slicer.cut([50, 50])).toEqual([2]);
    expect(new Slicer(Number.POSITIVE_INFINITY).cut([1e9, 1e9, 1e9])).toEqual([3]);
    expect(slicer.cut([])).toEqual([]);
  });

  it("gives a step that takes too long a submit of its own", () => {
    const slicer = new Slicer(TARGET);
    slicer.finished(100, 0, 100);
    expect(slicer.cut([5, 5, 90, 5, 5])).toEqual([2, 3, 5]);
  });

  it("counts a run from the end of the one before, where that was queued ahead", () => {
    const slicer = new Slicer(TARGET);
    slicer.finished(100, 0, 50);
    slicer.finished(100, 5, 100); // submitted behind the first, began at 50
    expect(slicer.cut([40, 40])).toEqual([1, 2]);
    expect(slicer.cut([25, 25])).toEqual([2]);
  });

  it("is careful at once when the device becomes slower, and bolder little by little", () => {
    const slicer = new Slicer(TARGET);
    slicer.finished(100, 0, 10);
    expect(slicer.cut([50, 50])).toEqual([2]);
    slicer.finished(100, 10, 110);
    expect(slicer.cut([50, 50])).toEqual([1, 2]);
    for (let i = 0; i < 3; i++) slicer.finished(100, 200 + 20 * i, 210 + 20 * i);
    expect(slicer.cut([50, 50])).toEqual([1, 2]);
    for (let i = 0; i < 10; i++) slicer.finished(100, 300 + 20 * i, 310 + 20 * i);
    expect(slicer.cut([50, 50])).toEqual([2]);
  });
});
