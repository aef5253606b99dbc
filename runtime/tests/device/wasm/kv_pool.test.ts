// Proves where the CPU's KV cache keeps its pages: none overlaps another one, the pages of a head are one stream, and a
// copy takes a whole page and nothing else. Needs nothing.
import { describe, expect, it } from "vitest";
import type { Program } from "../../../src/device/program";
import { KvPool } from "../../../src/device/wasm/kv_pool";

const HEADS = 3;
const BUFFERS = ["k_0", "v_0", "k_1", "v_1"];

function pool(headDim: number, base = 64): KvPool {
  const buffers = new Map(
    ["state", ...BUFFERS].map((name) => [name, { name, kind: name === "state" ? "state" : "kv_cache" }]),
  );
  return new KvPool({ buffers, num_key_value_heads: HEADS, head_dim: headDim } as unknown as Program, base);
}

/** Where the kernels find a page (attention_page.py). */
function address(kv: KvPool, name: string, head: number, page: number): number {
  return kv.base + kv.offset(name) + head * kv.headStride + kv.place(page) * kv.headBytes;
}

describe.each([20, 64, 128, 512])("pages of heads of %i values", (headDim) => {
  const kv = pool(headDim);
  const pages = 2 * kv.slabPages + 3;

  it("do not overlap and stay within the pool", () => {
    const starts: number[] = [];
    for (const name of BUFFERS)
      for (let head = 0; head < HEADS; head++)
        for (let page = 0; page < pages; page++) starts.push(address(kv, name, head, page));
    starts.sort((a, b) => a - b);
    expect(starts[0]).toBe(kv.base);
    expect(starts.at(-1)! + kv.headBytes).toBeLessThanOrEqual(kv.base + kv.nbytes(pages));
    for (let i = 1; i < starts.length; i++) expect(starts[i]! - starts[i - 1]!).toBeGreaterThanOrEqual(kv.headBytes);
  });

  it("follow each other for at least 32 KiB", () => {
    expect(kv.slabPages * kv.headBytes).toBeGreaterThanOrEqual(32 << 10);
    for (let page = 1; page < kv.slabPages; page++)
      expect(address(kv, "v_1", 2, page) - address(kv, "v_1", 2, page - 1)).toBe(kv.headBytes);
  });

  it("are as many as fit in whole slabs", () => {
    expect(kv.capacity(kv.nbytes(1))).toBe(kv.slabPages);
    expect(kv.capacity(kv.nbytes(1) - 1)).toBe(0);
    expect(kv.capacity(kv.nbytes(pages))).toBe(3 * kv.slabPages);
    expect(kv.nbytes(0)).toBe(0);
    expect(kv.nbytes(kv.slabPages)).toBe(kv.slabPages * kv.pageBytes);
  });
});

it("a copy of a page, also in another slab, is the page and nothing else", () => {
  const kv = pool(20);
  const memory = new WebAssembly.Memory({ initial: Math.ceil((kv.base + kv.nbytes(2 * kv.slabPages)) / 65536) });
  const bytes = new Uint8Array(memory.buffer);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7919) % 251;
  const before = bytes.slice();
  const [from, to] = [5, kv.slabPages + 2];
  kv.copy(memory, from, to);
  const expected = before.slice();
  for (const name of BUFFERS)
    for (let head = 0; head < HEADS; head++) {
      const source = address(kv, name, head, from);
      expected.set(before.subarray(source, source + kv.headBytes), address(kv, name, head, to));
    }
  expect(Buffer.compare(bytes, expected)).toBe(0);
});
