// Proves that the probe tells the size of subgroups, and lanes that are in another order or of another size.
import { describe, expect, it } from "vitest";
import { openDevice } from "../../../src/device/webgpu/device";
import { judge, probeSubgroups } from "../../../src/device/webgpu/subgroup_probe";
import { gpu, noGpu } from "../../fixtures/gpu";

const THREADS = 64;

function seen(size: number, change: (index: number, row: [number, number, number]) => void = () => {}): Uint32Array {
  const rows = Array.from({ length: THREADS }, (_, index) => {
    const row: [number, number, number] = [index % size, size, index % size === size - 1 ? 0 : index + 1];
    change(index, row);
    return [...row, 0];
  });
  return Uint32Array.from(rows.flat());
}

describe("judging what was seen", () => {
  it.each([4, 8, 16, 32, 64])("accepts subgroups of %d in order", (size) => {
    expect(judge(seen(size))).toEqual({ size, ordered: true });
  });

  it.each<[string, (index: number, row: [number, number, number]) => void]>([
    ["lanes in reverse", (index, row) => row.splice(0, 1, 7 - (index % 8))],
    ["two lanes exchanged", (index, row) => index < 2 && row.splice(0, 1, 1 - index)],
    ["a subgroup of another size", (index, row) => index >= 32 && row.splice(1, 1, 16)],
    ["a shuffle that reads another lane", (index, row) => index === 3 && row.splice(2, 1, 6)],
    ["subgroups of no size", (_, row) => row.splice(1, 1, 0)],
  ])("refuses %s", (_, change) => {
    expect(judge(seen(8, change)).ordered).toBe(false);
  });
});

describe.skipIf(noGpu)("on this adapter", () => {
  it("finds the size between the adapter's least and most", async () => {
    const device = await openDevice(gpu);
    const { size, ordered } = await probeSubgroups(device);
    device.destroy();
    expect(size).toBeGreaterThanOrEqual(device.capabilities.subgroupMinSize);
    expect(ordered).toBe(true);
  });

  it("finds none where the feature is not there", async () => {
    const device = await openDevice(gpu, { withoutFeatures: ["subgroups"] });
    expect(await probeSubgroups(device)).toEqual({ size: 0, ordered: false });
    device.destroy();
  });
});
