// Proves what memories answer: the order of a plain loop over cosines, filters, pages, limits, models that differ, aborts,
// several tabs, and that what is forgotten is gone from every byte of storage. OPFS is an in-memory fake, models give
// vectors made of letters. Needs the CPU library (make setup) and Node.
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { FoundRecord, MemoryExport, MemoryInfo, MemoryRecord } from "../../src/contract/memory";
import { toHalves, unitVector } from "../../src/memory/half";
import { DIMENSIONS, disk, vectorOf } from "./remembered";

const TEXTS = ["rivers are wet", "a lake", "the sea at night", "mountains", "a lake at night", "z"];
const code = (name: string, detail: object = {}) =>
  expect.objectContaining({ code: name, detail: expect.objectContaining(detail) });

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes).includes(Buffer.from(part));
}

/** What a record leaves in a file: its text, its vector, its tag. */
function tracesOf(text: string, tag = "secret-tag"): Uint8Array[] {
  const halves = toHalves(unitVector(vectorOf(text)), (DIMENSIONS + 3) & ~3);
  return [new TextEncoder().encode(text), new Uint8Array(halves.buffer), new TextEncoder().encode(tag)];
}

describe("searching", () => {
  it("gives the cosines of a plain loop, the best first", async () => {
    const tab = disk().tab();
    const ids = await tab.add(...TEXTS);
    expect(ids).toEqual([1, 2, 3, 4, 5, 6]);
    for (const query of ["a lake", "night", "rivers"]) {
      const expected = TEXTS.map((text, i) => ({ id: ids[i]!, text, score: cosine(vectorOf(text), vectorOf(query)) }));
      expected.sort((a, b) => b.score - a.score || a.id - b.id);
      const found: FoundRecord[] = await tab.call("search", { input: query, options: { limit: 4 } });
      expect(found.map(({ id }) => id)).toEqual(expected.slice(0, 4).map(({ id }) => id));
      found.forEach(({ score, text, tags }, i) => {
        // Halves have 11 bits.
        expect(Math.abs(score - expected[i]!.score)).toBeLessThan(1e-3);
        expect([text, tags]).toEqual([expected[i]!.text, []]);
      });
      const least = expected[2]!.score + 1e-3;
      const close: FoundRecord[] = await tab.call("search", { input: query, options: { minScore: least } });
      expect(close.length).toBeLessThanOrEqual(2);
    }
  });

  it("gives an empty list where nothing is kept, without a model", async () => {
    const tab = disk().tab();
    expect(await tab.call("search", { input: "x" })).toEqual([]);
    expect(await tab.call("list")).toEqual([]);
    expect(await tab.call("forget", { input: { ids: [1] } })).toBe(0);
    expect(await tab.call("info")).toEqual({ count: 0, nbytes: 0, model: null, dimensions: null, damaged: 0 });
    expect(tab.models.loads).toEqual([]);
    expect(await tab.memories.stored(new AbortController().signal)).toEqual([]);
  });

  it("keeps to tags and times, as list, export and forget do", async () => {
    const tab = disk().tab();
    const input = TEXTS.map((text, i) => ({ text, tags: i % 2 ? ["a", "b"] : ["b"], createdMs: 100 * i, data: { i } }));
    await tab.call("add", { input });
    const ids = (found: readonly MemoryRecord[]) => found.map(({ id }) => id).sort();
    for (const [filter, expected] of [
      [{}, [1, 2, 3, 4, 5, 6]],
      [{ tags: ["a"] }, [2, 4, 6]],
      [{ tags: ["b", "a"], since: 300 }, [4, 6]],
      [{ since: 100, before: 300 }, [2, 3]],
      [{ tags: ["c"] }, []],
    ] as const) {
      expect(ids(await tab.call("search", { input: "lake", options: { ...filter, limit: 10 } }))).toEqual(expected);
      expect(ids(await tab.call("list", { options: filter }))).toEqual(expected);
      expect(ids(((await tab.call("export", { options: filter })) as MemoryExport).records)).toEqual(expected);
    }
    expect(await tab.call("list", { options: { after: 2, limit: 2 } })).toEqual([
      { id: 3, text: TEXTS[2], tags: ["b"], createdMs: 200, data: { i: 2 } },
      { id: 4, text: TEXTS[3], tags: ["a", "b"], createdMs: 300, data: { i: 3 } },
    ]);
    expect(await tab.call("forget", { input: { tags: ["a"], before: 500 } })).toBe(2);
    expect(await tab.texts()).toEqual([TEXTS[0], TEXTS[2], TEXTS[4], TEXTS[5]]);
    expect(await tab.call("forget", { input: { ids: [1, 2, 99], since: 0 } })).toBe(1);
    expect(await tab.texts()).toEqual([TEXTS[2], TEXTS[4], TEXTS[5]]);
  });

  it("finds the same after rows have moved and were read again", async () => {
    const place = disk();
    const tab = place.tab();
    await tab.add(...TEXTS);
    await tab.call("forget", { input: { ids: [1, 3] } });
    expect(await tab.add("new")).toEqual([7]);
    const found = await tab.call("search", { input: "a lake" });
    expect(await place.tab().call("search", { input: "a lake" })).toEqual(found);
    expect((found as FoundRecord[])[0]!.text).toBe("a lake");
  });
});

it("an export is added again, with new ids", async () => {
  const tab = disk().tab();
  await tab.call("add", { input: { text: "x", tags: ["t"], createdMs: 5, data: { a: [1, null] } } });
  const exported: MemoryExport = await tab.call("export");
  expect(exported).toEqual({
    format: "nomoat-memory",
    version: 1,
    model: "m1",
    records: [{ id: 1, text: "x", tags: ["t"], createdMs: 5, data: { a: [1, null] } }],
  });
  const other = disk().tab();
  await other.add("before");
  await other.call("add", { input: exported.records });
  expect(await other.call("list", { options: { after: 1 } })).toEqual([{ ...exported.records[0], id: 2 }]);
});

describe("forgetting", () => {
  const SECRET = "the code is 4711 and nobody knows";

  it.each([
    ["ids", { ids: [2] }],
    ["tags", { tags: ["secret-tag"] }],
    ["all", { all: true }],
  ])("by %s leaves nothing in any file", async (_, input) => {
    const place = disk();
    const tab = place.tab();
    await tab.add("first");
    await tab.call("add", { input: { text: SECRET, tags: ["secret-tag"] } });
    await tab.add("last");
    const before = await place.bytes();
    for (const trace of tracesOf(SECRET)) expect(includes(before, trace)).toBe(true);
    expect(await tab.call("forget", { input })).toBe("all" in input ? 3 : 1);
    const after = await place.bytes();
    for (const trace of tracesOf(SECRET)) expect(includes(after, trace)).toBe(false);
    expect(await place.tab().texts()).toEqual("all" in input ? [] : ["first", "last"]);
    if ("all" in input) expect(await place.files()).toEqual([]);
  });

  it("takes old files away when more is forgotten than kept", async () => {
    const place = disk();
    const tab = place.tab();
    const long = (i: number) => `${i} ${"x".repeat(40_000)}`;
    for (let i = 0; i < 40; i++) await tab.add(long(i));
    expect(await tab.call("forget", { input: { ids: Array.from({ length: 30 }, (_, i) => i + 1) } })).toBe(30);
    const { nbytes, count }: MemoryInfo = await tab.call("info");
    expect(count).toBe(10);
    expect(nbytes).toBeLessThan(10 * 41_000);
    expect((await place.bytes()).length).toBe(nbytes);
    expect(await place.tab().texts()).toEqual(Array.from({ length: 10 }, (_, i) => long(i + 30)));
    // Ids are not given again.
    await tab.call("forget", { input: { ids: [40] } });
    expect(await place.tab().add("next")).toEqual([41]);
  });

  it("says what it needs to know", async () => {
    const tab = disk().tab();
    for (const input of [{}, { all: true, ids: [1] }, { all: true, tags: ["a"] }, { all: false }])
      await expect(tab.call("forget", { input })).rejects.toMatchObject({ code: "invalid_request" });
  });
});

describe("another model", () => {
  it("is refused with what to do, and may make all vectors anew", async () => {
    const place = disk();
    const tab = place.tab();
    await tab.add(...TEXTS);
    await tab.call("forget", { input: { ids: [2] } });
    const m2 = { model: { id: "m2" } };
    const other = code("not_supported", { reason: "other_model", made_with: "m1", model: "m2" });
    await expect(tab.call("add", { input: "x" }, m2)).rejects.toEqual(other);
    await expect(tab.call("search", { input: "x" }, m2)).rejects.toEqual(other);
    expect(tab.models.loads).toEqual(["m1", "m2"]);
    const progress: object[] = [];
    expect(await tab.call("reembed", {}, { ...m2, onEvent: (event: object) => progress.push(event) })).toBe(5);
    expect(progress).toEqual([{ phase: "embed", loaded: 5, total: 5 }]);
    expect(await tab.call("info")).toMatchObject({ count: 5, model: "m2", dimensions: DIMENSIONS + 5 });
    const [best]: FoundRecord[] = await place.tab().call("search", { input: "a lake at night" }, m2);
    expect(best).toMatchObject({ id: 5, text: "a lake at night" });
    expect(best!.score).toBeGreaterThan(0.999);
    await expect(tab.add("x")).rejects.toEqual(code("not_supported", { made_with: "m2", model: "m1" }));
    // Nothing of the old vectors is left.
    expect(includes(await place.bytes(), tracesOf(TEXTS[4]!)[1]!)).toBe(false);
    expect(await tab.call("add", { input: "x" }, m2)).toEqual([7]);
  });

  it("leaves everything as it was where it is interrupted", async () => {
    const place = disk();
    const tab = place.tab();
    await tab.add(...Array.from({ length: 100 }, (_, i) => `text ${i}`));
    const before = await place.bytes();
    const controller = new AbortController();
    tab.models.onEmbed = (texts) => texts.length > 1 && controller.abort();
    await expect(tab.call("reembed", {}, { model: { id: "m2" }, signal: controller.signal })).rejects.toThrow();
    expect(await place.bytes()).toEqual(before);
    expect(await tab.add("more")).toEqual([101]);
  });

  it("must be one that embeds, be there, and be named", async () => {
    const tab = disk().tab();
    await expect(tab.call("add", { input: "x" }, { model: { id: "chat" } })).rejects.toMatchObject({
      code: "invalid_request",
      detail: { model: "chat" },
    });
    for (const model of [{ id: "missing" }, null])
      await expect(tab.call("add", { input: "x" }, { model })).rejects.toMatchObject({ code: "model_not_found" });
    expect(await tab.add("x")).toEqual([1]);
    await tab.call("search", { input: "y" });
    expect(tab.models.loads).toEqual(["chat", "missing", "m1"]);
    expect(tab.models.unloads).toBe(1);
  });
});

describe("limits", () => {
  it("of records, bytes and one record refuse everything of a call, and say so", async () => {
    const tab = disk().tab();
    const add = (input: unknown, limits: object) => tab.call("add", { input }, { limits });
    await expect(add(["a", "b", "c"], { records: 2 })).rejects.toEqual(
      code("storage_quota", { reason: "memory_limit", limit: 2, requested: 3 }),
    );
    await expect(add("abc", { nbytes: 100 })).rejects.toEqual(code("storage_quota", { limit: 100 }));
    await expect(add(["ok", "x".repeat(100)], { recordBytes: 50 })).rejects.toEqual(
      code("invalid_request", { index: 1, limit: 50 }),
    );
    expect(await tab.texts()).toEqual([]);
    expect(await add(["a", "b"], { records: 2 })).toEqual([1, 2]);
    await expect(add("c", { records: 2 })).rejects.toMatchObject({ code: "storage_quota" });
    expect(await tab.texts()).toEqual(["a", "b"]);
  });

  it("of the disk leave what was there", async () => {
    const tab = disk({ capacity: 3000 }).tab();
    await tab.add("a");
    await expect(tab.add("x".repeat(5000))).rejects.toMatchObject({ code: "storage_quota" });
    expect(await tab.texts()).toEqual(["a"]);
  });

  it("storage without files in place is not supported", async () => {
    const tab = disk({ syncHandles: false }).tab();
    await expect(tab.add("a")).rejects.toMatchObject({ code: "not_supported" });
  });
});

it("an abort ends waiting and embedding, and nothing is kept", async () => {
  const tab = disk().tab();
  const controller = new AbortController();
  tab.models.onEmbed = () => controller.abort();
  const { signal } = controller;
  await expect(tab.call("add", { input: Array(200).fill("x") }, { signal })).rejects.toThrow();
  await expect(tab.call("list", {}, { signal })).rejects.toMatchObject({ code: "aborted" });
  expect(await tab.texts()).toEqual([]);
});

describe("several tabs", () => {
  it("see what the others did", async () => {
    const place = disk();
    const [a, b] = [place.tab(), place.tab()];
    await a.add("one", "two");
    expect(await b.texts()).toEqual(["one", "two"]);
    expect(await b.add("three")).toEqual([3]);
    await a.call("forget", { input: { ids: [1] } });
    expect(((await b.call("search", { input: "one" })) as FoundRecord[]).map(({ text }) => text).sort()).toEqual([
      "three",
      "two",
    ]);
    await b.call("reembed", {}, { model: { id: "m2" } });
    expect(await a.call("info")).toMatchObject({ model: "m2", count: 2 });
    await a.call("forget", { input: { all: true } });
    expect(await b.texts()).toEqual([]);
    expect(await b.add("again")).toEqual([1]);
    expect(await a.texts()).toEqual(["again"]);
  });

  it("take turns, and names are apart", async () => {
    const place = disk();
    const tabs = [place.tab(), place.tab(), place.tab()];
    const added = await Promise.all(tabs.flatMap((tab) => Array.from({ length: 5 }, (_, i) => tab.add(`text ${i}`))));
    expect(new Set(added.flat()).size).toBe(15);
    const ends = await Promise.all(tabs.map((tab) => tab.texts()));
    expect(ends.map(({ length }) => length)).toEqual([15, 15, 15]);
    for (let i = 0; i < 6; i++) await tabs[0]!.call("add", { input: `of ${i}` }, { name: `other ${i}` });
    expect(await tabs[1]!.call("list", {}, { name: "other 3" })).toMatchObject([{ text: "of 3" }]);
    expect((await tabs[0]!.texts()).length).toBe(15);
    const stored = await tabs[0]!.memories.stored(new AbortController().signal);
    expect(stored.map(({ name }) => name).sort()).toEqual(["n", ...Array.from({ length: 6 }, (_, i) => `other ${i}`)]);
    for (const { nbytes } of stored) expect(nbytes).toBeGreaterThan(100);
  });
});

describe("memories that cannot be read", () => {
  const name = "n";
  const id = createHash("sha256").update(name).digest("hex");
  it.each([
    ["its first frame", 20],
    ["its head", 0],
  ])("are listed as damaged, and deleted by that name: %s", async (_, at) => {
    const place = disk();
    const tab = place.tab();
    await tab.add("alpha");
    await tab.call("add", { input: "beta" }, { name: "other" });
    const path = (await place.files()).find((file) => file.includes(id))!;
    const bytes = (await place.directory.peek(path))!.slice();
    bytes[at]! ^= 0xff;
    await place.directory.poke(path, bytes);
    const next = place.tab();
    const stored = async () => {
      const found = await next.memories.stored(new AbortController().signal);
      return found.sort((left, right) => right.name.length - left.name.length);
    };
    const other = { name: "other", nbytes: expect.any(Number) };
    expect(await stored()).toEqual([{ name: id, nbytes: bytes.length, damaged: true }, other]);
    await next.call("forget", { input: { all: true } }, { name: id });
    expect(await stored()).toEqual([other]);
    // Of a memory that can be read it is no name.
    const others = createHash("sha256").update("other").digest("hex");
    await next.call("forget", { input: { all: true } }, { name: others });
    expect(await stored()).toEqual([other]);
    expect(await next.add("again")).toEqual([1]);
  });
});

describe("calls that are not of the contract", () => {
  it.each([
    [null],
    [{}],
    [{ method: "drop", options: {} }],
    [{ method: "toString", options: {} }],
    [{ method: "add", input: "", options: {} }],
    [{ method: "add", input: [], options: {} }],
    [{ method: "add", input: [{ tags: ["a"] }], options: {} }],
    [{ method: "add", input: { text: "x", tags: [""] }, options: {} }],
    [{ method: "add", input: { text: "x", tags: Array(17).fill("a") }, options: {} }],
    [{ method: "add", input: { text: "x", createdMs: -1 }, options: {} }],
    [{ method: "add", input: { text: "x", vector: [1] }, options: {} }],
    [{ method: "add", input: "x", options: { model: "m" } }],
    [{ method: "search", input: "x", options: { limit: 0 } }],
    [{ method: "search", input: "x", options: { minScore: 2 } }],
    [{ method: "search", input: ["x"], options: {} }],
    [{ method: "list", options: { after: 0 } }],
    [{ method: "info", options: {}, input: "x" }],
    [{ method: "export" }],
  ])("%j", async (call) => {
    const { memories } = disk().tab();
    const asked = { name: "n", model: { id: "m1" }, limits: {}, call };
    await expect(memories.answer(asked, () => undefined, new AbortController().signal)).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});
