/** Proves the rate and the time left that a download shows. */
import { describe, expect, it } from "vitest";
import { formatDuration, formatProgress } from "../ui/format";
import { TransferRate } from "../ui/transfer-rate";

describe("the rate of a download", () => {
  it("is that of the last seconds", () => {
    const rate = new TransferRate();
    expect(rate.after(0, 0)).toBeNull();
    expect(rate.after(100, 100)).toBeNull(); // too early to say
    expect(rate.after(2000, 1000)).toBe(2000);
    for (let s = 2; s <= 20; s++) rate.after(2000 + 50 * s, 1000 * s);
    expect(rate.after(2000 + 50 * 21, 21_000)).toBeCloseTo(50, 0);
    expect(rate.after(0, 22_000)).toBeNull(); // began anew
  });

  it("is said with the time left", () => {
    const progress = { phase: "download", loaded: 1e6, total: 61e6 } as const;
    expect(formatProgress(progress)).toBe("Downloading: 1.0 MB of 61 MB");
    expect(formatProgress(progress, 5e5)).toBe("Downloading: 1.0 MB of 61 MB · 500 kB/s · 2 min left");
    expect([0.2, 59, 90, 7200].map(formatDuration)).toEqual(["1 s", "59 s", "2 min", "2 h"]);
  });
});
