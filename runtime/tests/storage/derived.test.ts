// Proves that files derived from a package are read only when they are whole, committed, and made from this very
// package with this key; that they go with the package; and that shared memory can be read into. OPFS is an in-memory
// fake. Needs Node.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DerivedFiles } from "../../src/internal/files";
import { openStore, openUrl, type PackageStore, type StoreEnvironment } from "../../src/storage/index";
import { MemoryDirectory, type MemoryOptions } from "./memory_folder";
import { PackageServer, type SmallPackage, sealManifest, smallPackage } from "./package_server";

const FOLDER = "nomoat/packages/small-q4/derived";
const BYTES = Uint8Array.from({ length: 3000 }, (_, i) => i * 7);

let small: SmallPackage;
let server: PackageServer;
let disk: MemoryDirectory;

beforeEach(async () => {
  small = smallPackage();
  server = await PackageServer.start(small.files);
});
afterEach(() => server.stop());

async function storeOn(kind: MemoryOptions, environment: StoreEnvironment = {}): Promise<PackageStore> {
  disk = new MemoryDirectory(kind);
  return (await openStore({
    retryMs: 1,
    maxFailures: 3,
    root: async () => disk as unknown as FileSystemDirectoryHandle,
    availableBytes: async () => null,
    ...environment,
  }))!;
}

async function derivedOf(store: PackageStore): Promise<DerivedFiles> {
  await store.install(server.url);
  return (await store.open("small-q4")).derived!;
}

async function write(derived: DerivedFiles, bytes = BYTES): Promise<void> {
  const writer = await derived.openWrite("cpu-weights", bytes.length);
  const half = bytes.length >> 1;
  await writer.write(bytes.subarray(half), half);
  await writer.write(bytes.subarray(0, half), 0);
  await writer.close();
}

async function readAll(derived: DerivedFiles, key: string, shared = false): Promise<Uint8Array | null> {
  const reader = await derived.openRead("cpu-weights", key);
  if (reader === null) return null;
  const memory = shared ? new SharedArrayBuffer(reader.nbytes) : new ArrayBuffer(reader.nbytes);
  const into = new Uint8Array(memory);
  await reader.read(into.subarray(0, 1000), 0);
  await reader.read(into.subarray(1000), 1000);
  reader.close();
  return into.slice();
}

describe.each<MemoryOptions>([
  { syncHandles: true },
  { syncHandles: true, refuseShared: true },
  { syncHandles: false },
])("derived files with %j", (kind) => {
  test("are there once they were committed, under their key", async () => {
    const derived = await derivedOf(await storeOn(kind));
    expect(await readAll(derived, "a")).toBeNull();
    await write(derived);
    expect(await readAll(derived, "a")).toBeNull();
    await derived.commit("cpu-weights", "a");
    expect(await readAll(derived, "a")).toEqual(BYTES);
    expect(await readAll(derived, "b")).toBeNull();
    await derived.remove("cpu-weights");
    expect(await readAll(derived, "a")).toBeNull();
    await derived.remove("cpu-weights");
  });

  test("go from and into memory that threads share", async () => {
    const derived = await derivedOf(await storeOn(kind));
    const shared = new Uint8Array(new SharedArrayBuffer(BYTES.length));
    shared.set(BYTES);
    const writer = await derived.openWrite("cpu-weights", shared.length);
    await writer.write(shared, 0);
    await writer.close();
    await derived.commit("cpu-weights", "a");
    expect(await readAll(derived, "a", true)).toEqual(BYTES);
  });

  test("are kept from one opening to the next", async () => {
    const store = await storeOn(kind);
    const derived = await derivedOf(store);
    await write(derived);
    await derived.commit("cpu-weights", "a");
    expect(await readAll((await store.open("small-q4")).derived!, "a")).toEqual(BYTES);
    expect(await readAll(await derivedOf(store), "a")).toEqual(BYTES);
  });

  test("are not read after a crash in the middle of writing them again", async () => {
    const derived = await derivedOf(await storeOn(kind));
    await write(derived);
    await derived.commit("cpu-weights", "a");
    const writer = await derived.openWrite("cpu-weights", BYTES.length);
    await writer.write(BYTES, 0);
    await writer.close();
    expect(await readAll(derived, "a")).toBeNull();
  });

  test("are not read where bytes or the record are damaged", async () => {
    const derived = await derivedOf(await storeOn(kind));
    await write(derived);
    await derived.commit("cpu-weights", "a");
    await disk.poke(`${FOLDER}/cpu-weights.data`, BYTES.slice(0, 2999));
    expect(await readAll(derived, "a")).toBeNull();
    await disk.poke(`${FOLDER}/cpu-weights.data`, BYTES);
    expect(await readAll(derived, "a")).toEqual(BYTES);
    for (const text of ["", "{", "null", "[]", '{"version":2}']) {
      await disk.poke(`${FOLDER}/cpu-weights.json`, new TextEncoder().encode(text));
      expect(await readAll(derived, "a")).toBeNull();
    }
  });

  test("go with the package", async () => {
    const store = await storeOn(kind);
    const derived = await derivedOf(store);
    await write(derived);
    await derived.commit("cpu-weights", "a");
    await store.remove("small-q4");
    expect(await disk.peek(`${FOLDER}/cpu-weights.data`)).toBeNull();
    expect(await readAll(await derivedOf(store), "a")).toBeNull();
  });

  test("go when another version of the package is installed, and an older tab cannot bring them back", async () => {
    const store = await storeOn(kind);
    const before = await derivedOf(store);
    await write(before);
    await before.commit("cpu-weights", "a");
    small.files.set("program/kernel.wgsl", Buffer.from("// another\n"));
    sealManifest(small);
    const after = await derivedOf(store);
    expect(await disk.peek(`${FOLDER}/cpu-weights.data`)).toBeNull();
    await write(before);
    await before.commit("cpu-weights", "a");
    expect(await readAll(after, "a")).toBeNull();
    expect(await readAll(before, "a")).toEqual(BYTES);
  });

  test("are refused where the browser allows less, before anything is written and while", async () => {
    const low = await derivedOf(await storeOn(kind, { availableBytes: async () => 2_999_999_999 }));
    await expect(low.openWrite("cpu-weights", 3_000_000_000)).rejects.toMatchObject({
      code: "storage_quota",
      detail: { needed_bytes: 3_000_000_000, available_bytes: 2_999_999_999 },
    });
    expect(await disk.peek(`${FOLDER}/cpu-weights.data`)).toBeNull();
    const derived = await derivedOf(await storeOn({ ...kind, capacity: 50_000_000 }));
    const writer = await derived.openWrite("cpu-weights", 50_000_000);
    await expect(writer.write(new Uint8Array(50_000_000), 0)).rejects.toMatchObject({ code: "storage_quota" });
    await writer.close().catch(() => undefined);
    await expect(derived.commit("cpu-weights", "a")).rejects.toMatchObject({ code: "internal" });
  });

  test("have plain names, and must be begun before they are committed", async () => {
    const derived = await derivedOf(await storeOn(kind));
    for (const name of ["", "a/b", "..", "A", "a.json"])
      await expect(derived.openWrite(name, 1)).rejects.toMatchObject({ code: "internal" });
    await expect(derived.commit("cpu-weights", "a")).rejects.toMatchObject({ code: "internal" });
    await write(derived, BYTES.slice(0, 10));
    await derived.openWrite("cpu-weights", 11).then((writer) => writer.close());
    await expect(derived.commit("cpu-weights", "a")).rejects.toMatchObject({ code: "internal" });
  });
});

test("a file that another tab reads is not written over", async () => {
  const derived = await derivedOf(await storeOn({ syncHandles: true }));
  const writer = await derived.openWrite("cpu-weights", BYTES.length);
  await expect(derived.openWrite("cpu-weights", BYTES.length)).rejects.toThrow();
  await writer.write(BYTES, 0);
  await writer.close();
  await derived.commit("cpu-weights", "a");
  expect(await readAll(derived, "a")).toEqual(BYTES);
});

test("a package that is read straight from its URL has no place for them", async () => {
  expect((await openUrl(server.url)).derived).toBeNull();
});
