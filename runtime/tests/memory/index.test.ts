// Proves that the vector index gives the products of a plain loop over what float16 keeps of the vectors, on one thread
// and on two, after growing and moving rows; and that halves are rounded to the nearest, ties to even. Needs the CPU
// library (make setup) and Node.
import { beforeAll, describe, expect, it } from "vitest";
import { openVectorIndex } from "../../src/device/open";
import { widen } from "../../src/device/widen";
import { halfBits, toHalves, unitVector } from "../../src/memory/half";
import { bundleWorker } from "../fixtures/node_workers";

const wide = (halves: Uint16Array): Float32Array => widen("float16", new Uint8Array(halves.slice().buffer));

function randomVectors(count: number, dimensions: number): Float32Array[] {
  let state = 1;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
  // Some numbers are far below the others, where halves are subnormal.
  const vectors = Array.from({ length: count }, () =>
    Float32Array.from({ length: dimensions }, (_, i) => next() * (i % 5 === 4 ? 1e-4 : 1)),
  );
  return vectors.map(unitVector);
}

function products(rows: readonly Uint16Array[], vector: Float32Array): number[] {
  return rows.map((row) => wide(row).reduce((sum, value, i) => sum + value * (vector[i] ?? 0), 0));
}

describe("halves", () => {
  it("are those that were widened", () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      const [value] = wide(Uint16Array.of(bits));
      expect(halfBits(value!)).toBe(bits);
      if (bits > 0) expect(halfBits(-value!)).toBe(bits | 0x8000);
    }
  });

  it("are the nearest, and of two as near the even one", () => {
    for (let bits = 0; bits < 0x7bff; bits += 7) {
      const [low, high] = wide(Uint16Array.of(bits, bits + 1)) as unknown as [number, number];
      const middle = (low + high) / 2;
      expect(halfBits(middle)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect(halfBits(low + (high - low) * 0.499)).toBe(bits);
      expect(halfBits(low + (high - low) * 0.501)).toBe(bits + 1);
    }
  });

  it("have length 1, or nothing where there is no direction", () => {
    expect(unitVector(Float32Array.of(3, 4))).toEqual(Float32Array.of(0.6, 0.8));
    expect(unitVector(Float32Array.of(0, 0))).toEqual(Float32Array.of(0, 0));
  });
});

describe.each([1, 2])("an index on %i threads", (threads) => {
  let makeHelper: () => Worker;
  beforeAll(async () => {
    makeHelper = await bundleWorker("device/wasm/thread.ts");
  });

  it.each([3, 384, 385])("multiplies vectors of %i numbers", async (dimensions) => {
    const columns = (dimensions + 3) & ~3;
    const helper = threads > 1 ? { makeHelper } : {};
    const index = await openVectorIndex({ dimensions, mostRows: 2000, threads, ...helper });
    try {
      const vectors = randomVectors(1001, dimensions);
      const rows = vectors.map((vector) => toHalves(vector, columns));
      const query = vectors[17]!;
      // Sums of float32, four at a time: some hundred roundings of 2^-24 of numbers below 1.
      const agrees = async () => {
        const expected = products(rows, query);
        const got = Array.from(await index.products(query, rows.length));
        expect(got.length).toBe(rows.length);
        for (let i = 0; i < got.length; i++) expect(Math.abs(got[i]! - expected[i]!)).toBeLessThan(2e-6);
      };
      for (const [from, to] of [
        [0, 1],
        [1, 250],
        [250, 1001],
      ] as const) {
        index.reserve(to);
        for (let row = from; row < to; row++) index.write(row, rows[row]!);
        const all = rows.splice(to);
        await agrees();
        rows.push(...all);
      }
      await agrees();
      index.move(1000, 3);
      rows[3] = rows.pop()!;
      index.move(999, 999);
      rows.pop();
      await agrees();
      expect(Array.from(await index.products(query, 0))).toEqual([]);
    } finally {
      index.destroy();
    }
  });
});
