// Proves where the CPU's KV cache keeps its pages: none overlaps another one, also where layers' heads differ, the pages
// of a head are one stream, and a copy takes a whole page and nothing else. Needs nothing.
import { describe, expect, it } from "vitest";
import type { Program } from "../../../src/device/program";
import { type Cache, KvPool } from "../../../src/device/wasm/kv_pool";

const BASE = 64;
const PAGE_TOKENS = 16;

/** Heads, head_dim, and whether its caches are exact. */
type Layer = readonly [number, number, boolean?];

/** A cache for K and V of each layer. */
function pool(...layers: readonly Layer[]) {
  const caches = layers.flatMap(([heads, headDim], layer) =>
    ["k", "v"].map((role) => ({
      name: `${role}_${layer}`,
      kind: "kv_cache",
      shape: ["kv_pages", heads, PAGE_TOKENS, headDim],
    })),
  );
  const buffers = new Map([{ name: "state", kind: "state", shape: [8] }, ...caches].map((b) => [b.name, b]));
  const exact = new Set(layers.flatMap(([, , is], layer) => (is ? [`k_${layer}`, `v_${layer}`] : [])));
  const kv = new KvPool({ buffers } as unknown as Program, exact);
  kv.extend(1000, () => undefined);
  return { kv, names: caches.map(({ name }) => name) };
}

/** Where the kernels find a page (compiler/nomoat_compiler/operators/attention/cpu_page.py). */
function address(kv: KvPool, { offset, headStride, headBytes, table }: Cache, head: number, page: number): number {
  return BASE + offset + head * headStride + kv.place(page, table) * headBytes;
}

/** First byte and length of each head of each page. */
function pieces({ kv, names }: ReturnType<typeof pool>, pages: readonly number[]) {
  return names.flatMap((name) => {
    const cache = kv.cache(name);
    return Array.from({ length: cache.heads }, (_, head) =>
      pages.map((page) => ({ start: address(kv, cache, head, page), nbytes: cache.headBytes })),
    ).flat();
  });
}

const upTo = (count: number) => Array.from({ length: count }, (_, page) => page);

describe.each<{ layers: Layer[] }>([
  {
    layers: [
      [3, 64, true],
      [3, 64],
      [1, 20, true],
    ],
  },
  {
    layers: [
      [3, 20],
      [3, 20],
    ],
  },
  { layers: [[3, 64]] },
  {
    layers: [
      [3, 128],
      [1, 128],
    ],
  },
  { layers: [[3, 512]] },
  {
    layers: [
      [3, 64],
      [1, 256],
      [3, 64],
    ],
  },
  {
    layers: [
      [2, 20],
      [5, 96],
      [1, 512],
    ],
  },
])("pages of layers with (heads, head_dim) $layers", ({ layers }) => {
  const made = pool(...layers);
  const { kv, names } = made;
  const pages = 2 * kv.slabPages + 3;

  it("do not overlap and stay within the pool", () => {
    const all = pieces(made, upTo(pages)).sort((a, b) => a.start - b.start);
    expect(all[0]!.start).toBe(BASE);
    const last = all.at(-1)!;
    expect(last.start + last.nbytes).toBeLessThanOrEqual(BASE + kv.nbytes(pages));
    for (let i = 1; i < all.length; i++)
      expect(all[i]!.start - all[i - 1]!.start).toBeGreaterThanOrEqual(all[i - 1]!.nbytes);
    for (const { start } of all) expect(Number.isInteger(start)).toBe(true);
  });

  it("follow each other for at least 32 KiB", () => {
    for (const name of names) {
      const cache = kv.cache(name);
      expect(kv.slabPages * cache.headBytes).toBeGreaterThanOrEqual(32 << 10);
      for (let page = 1; page < kv.slabPages; page++)
        expect(address(kv, cache, 0, page) - address(kv, cache, 0, page - 1)).toBe(cache.headBytes);
    }
  });

  it("are as many as fit in whole slabs", () => {
    expect(kv.capacity(kv.nbytes(1))).toBe(kv.slabPages);
    expect(kv.capacity(kv.nbytes(1) - 1)).toBe(0);
    expect(kv.capacity(kv.nbytes(pages))).toBe(3 * kv.slabPages);
    expect(kv.nbytes(0)).toBe(0);
    expect(kv.nbytes(kv.slabPages)).toBe(kv.slabPages * kv.pageBytes);
  });

  it("are copied whole, also into another slab, and nothing else is", () => {
    const memory = new WebAssembly.Memory({ initial: Math.ceil((BASE + kv.nbytes(2 * kv.slabPages)) / 65536) });
    const bytes = new Uint8Array(memory.buffer);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7919) % 251;
    const before = bytes.slice();
    const [from, to] = [Math.min(5, kv.slabPages - 1), kv.slabPages + 2];
    kv.copy(memory, BASE, from, to);
    const expected = before.slice();
    const targets = pieces(made, [to]);
    pieces(made, [from]).forEach(({ start, nbytes }, i) => {
      expected.set(before.subarray(start, start + nbytes), targets[i]!.start);
    });
    expect(Buffer.compare(bytes, expected)).toBe(0);
  });
});

it("an exact cache has two bytes for each value", () => {
  const { kv } = pool([1, 20], [1, 20, true]);
  const bytes = ["k_0", "v_0", "k_1", "v_1"].map((name) => kv.cache(name).headBytes);
  expect(bytes).toEqual([36 * 16, 36 * 16, 68 * 16, 68 * 16]);
});

it("layers with equal heads share a block table, and a slab has no gap where all do", () => {
  const { kv } = pool([3, 64], [1, 256], [3, 60]);
  expect(["k_0", "v_0", "k_1", "v_1", "k_2", "v_2"].map((name) => kv.cache(name).table)).toEqual([0, 0, 1, 1, 0, 0]);
  const equal = pool([3, 64], [3, 64]).kv;
  expect(equal.slabBytes).toBe(12 * equal.slabPages * equal.tables[0]!);
});

it("heads of too many sizes are a typed error", () => {
  const layers = Array.from({ length: 24 }, (_, i) => [1, 16 * (i + 1)] as const);
  expect(() => pool(...layers)).toThrow(expect.objectContaining({ code: "unsupported_device" }));
});

it("a program without a cache has room for any number of pages", () => {
  const { kv } = pool();
  expect(kv.nbytes(1000)).toBe(0);
  expect(kv.capacity(0)).toBe(Number.POSITIVE_INFINITY);
});
