// Proves that the probe of float16 tells a device that reads subnormal numbers from one that takes them for zero. The last
// test needs a GPU adapter: what it says there must be what a kernel sees.
import { describe, expect, it, onTestFinished } from "vitest";
import { openDevice } from "../../../src/device/webgpu/device";
import { judge, readsSubnormalHalves } from "../../../src/device/webgpu/half_probe";
import { gpu, noGpu } from "../../fixtures/gpu";

const RIGHT = [2 ** -24, 1023 * 2 ** -24, -(2 ** -15), 2 ** -14];

describe("the probe of float16", () => {
  it.each([
    ["exact", RIGHT, true],
    ["all flushed", [0, 0, 0, 2 ** -14], false],
    ["flushed with its sign", [0, 0, -0, 2 ** -14], false],
    ["only the smallest one", [0, ...RIGHT.slice(1)], false],
    ["halves in the other order", [RIGHT[1]!, RIGHT[0]!, RIGHT[3]!, RIGHT[2]!], false],
    ["NaN", [Number.NaN, ...RIGHT.slice(1)], false],
  ])("%s", (_, values, right) => {
    expect(judge(Float32Array.from(values))).toBe(right);
  });

  it.skipIf(noGpu)("runs on this adapter, where the matrix kernels read such scales too", async () => {
    const device = await openDevice(gpu);
    onTestFinished(() => device.destroy());
    expect(await readsSubnormalHalves(device)).toBe(true);
  });
});
