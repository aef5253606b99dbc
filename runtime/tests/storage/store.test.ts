/** Installing, resuming, opening and removing packages over a server that misbehaves; OPFS is an in-memory fake. Needs Node. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LlmError } from "../../src/internal/errors";
import {
  openStore,
  openUrl,
  type PackageSource,
  type PackageStore,
  type StoreEnvironment,
} from "../../src/storage/index";
import { MemoryDirectory, type MemoryOptions } from "./memory_folder";
import { PackageServer, type SmallPackage, sealManifest, smallPackage } from "./package_server";

// Only what a test makes stall may be taken for stalled, on however slow a machine.
const FAST = { retryMs: 1, stallMs: 600_000, maxFailures: 3 };
const IMPATIENT = { stallMs: 300 };
const SHARD = "weights/params_shard_1.bin";
const STORED = `nomoat/packages/small-q4/files/${SHARD}`;

let small: SmallPackage;
let server: PackageServer;
let disk: MemoryDirectory;
let store: PackageStore;

async function storeOn(root: MemoryDirectory, environment: StoreEnvironment = {}): Promise<PackageStore> {
  const opened = await openStore({
    ...FAST,
    root: async () => root as unknown as FileSystemDirectoryHandle,
    availableBytes: async () => null,
    ...environment,
  });
  return opened!;
}

beforeEach(async () => {
  small = smallPackage();
  server = await PackageServer.start(small.files);
  disk = new MemoryDirectory({ syncHandles: true });
  store = await storeOn(disk);
});
afterEach(() => server.stop());

async function failure(work: Promise<unknown>): Promise<LlmError> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LlmError);
  return error as LlmError;
}

async function weightsOf(source: PackageSource): Promise<Map<string, Uint8Array>> {
  const pieces = new Map<string, Uint8Array[]>();
  const ends = new Map<string, number>();
  await source.weights((name, offset, bytes) => {
    expect(offset).toBe(ends.get(name) ?? 0);
    expect(bytes.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    ends.set(name, offset + bytes.length);
    pieces.set(name, [...(pieces.get(name) ?? []), bytes.slice()]);
  }, {});
  return new Map([...pieces].map(([name, parts]) => [name, Buffer.concat(parts)]));
}

async function expectWhole(source: PackageSource): Promise<void> {
  const weights = await weightsOf(source);
  for (const [name, bytes] of small.parameters) {
    if (bytes.length > 0) expect(Buffer.compare(weights.get(name)!, bytes), name).toBe(0);
  }
  expect(weights.size).toBe([...small.parameters.values()].filter((bytes) => bytes.length > 0).length);
  expect(await source.program()).toEqual({ hello: "program" });
  expect(await source.text("program/kernel.wgsl")).toBe("// ünïcode\n");
}

const KINDS: MemoryOptions[] = [{ syncHandles: true }, { syncHandles: false }];

describe.each(KINDS)("installing with $syncHandles synchronous handles", (kind) => {
  beforeEach(async () => {
    disk = new MemoryDirectory(kind);
    store = await storeOn(disk);
  });

  test("installs, lists, opens and removes a package", async () => {
    const progress: [number, number][] = [];
    const manifest = await store.install(server.url, { onProgress: (loaded, total) => progress.push([loaded, total]) });
    expect(manifest).toEqual(small.manifest);
    const total = small.manifest.files.reduce((sum, { nbytes }) => sum + nbytes, 0);
    expect(progress.at(-1)).toEqual([total, total]);
    expect(progress.every(([loaded], index) => index === 0 || loaded >= progress[index - 1]![0])).toBe(true);
    expect(await store.installed()).toEqual([{ manifest, state: "ready", url: server.url }]);
    await expectWhole(await store.open("small-q4"));
    await store.remove("small-q4");
    expect(await store.installed()).toEqual([]);
    expect((await failure(store.open("small-q4"))).code).toBe("model_not_found");
  });

  test("resumes a truncated answer from where it ended", async () => {
    server.faults.set(SHARD, [{ kind: "truncate", after: 2_000_000 }]);
    await store.install(server.url);
    expect(server.ask(SHARD)).toEqual([
      { path: SHARD, range: null },
      { path: SHARD, range: "bytes=2000000-" },
    ]);
    await expectWhole(await store.open("small-q4"));
  });

  test("a new store goes on with what an aborted installation left", async () => {
    server.faults.set(SHARD, [{ kind: "stall", after: 1_000_000, always: true }]);
    const controller = new AbortController();
    const running = store.install(server.url, { signal: controller.signal });
    // The other files are small; when they are there and the stalled one has been asked for, only it is missing.
    await expect.poll(() => server.requests.length).toBe(small.files.size);
    setTimeout(() => controller.abort(), 500);
    expect((await failure(running)).code).toBe("aborted");
    expect(await store.installed()).toMatchObject([{ state: "error" }]);
    expect((await failure(store.open("small-q4"))).code).toBe("model_not_found");

    server.faults.clear();
    server.requests.length = 0;
    await store.install(server.url);
    expect(server.requests.map(({ path, range }) => [path, range])).toEqual([
      ["nomoat.json", null],
      [SHARD, "bytes=1000000-"],
    ]);
    await expectWhole(await store.open("small-q4"));
  });

  test("a wrong digest deletes the file, names it, and the next installation fetches it again", async () => {
    server.faults.set(SHARD, [{ kind: "flip", at: 3_000_000 }]);
    const error = await failure(store.install(server.url));
    expect(error).toMatchObject({ code: "integrity", detail: { path: SHARD } });
    expect(error.detail!.expected).not.toBe(error.detail!.got);
    expect(await disk.peek(STORED)).toBeNull();
    expect(await store.installed()).toMatchObject([{ state: "error" }]);
    server.requests.length = 0;
    await store.install(server.url);
    expect(server.ask(SHARD)).toHaveLength(1);
    expect(server.ask("weights/params_shard_0.bin").length + server.ask(SHARD).length).toBeLessThanOrEqual(2);
    await expectWhole(await store.open("small-q4"));
  });

  test("a full disk is storage_quota", async () => {
    disk = new MemoryDirectory({ ...kind, capacity: 1_000_000 });
    store = await storeOn(disk);
    expect((await failure(store.install(server.url))).code).toBe("storage_quota");
  });
});

describe("the network", () => {
  test("a server that ignores Range: the file is taken from its beginning", async () => {
    server.ignoreRange = true;
    server.faults.set(SHARD, [
      { kind: "truncate", after: 1_500_000 },
      { kind: "truncate", after: 2_500_000 },
    ]);
    await store.install(server.url);
    expect(server.ask(SHARD)).toHaveLength(3);
    await expectWhole(await store.open("small-q4"));
  });

  test("stalls and server errors are retried, then it is a network error", async () => {
    store = await storeOn(disk, IMPATIENT);
    server.faults.set(SHARD, [
      { kind: "stall", after: 100_000 },
      { kind: "status", status: 503 },
    ]);
    await store.install(server.url);
    await store.remove("small-q4");
    server.faults.set(SHARD, [{ kind: "status", status: 503, always: true }]);
    expect(await failure(store.install(server.url))).toMatchObject({ code: "network", detail: { attempts: 3 } });
    server.faults.set(SHARD, [{ kind: "stall", after: 0, always: true }]);
    expect((await failure(store.install(server.url))).code).toBe("network");
  });

  test("404 is not retried", async () => {
    server.faults.set(SHARD, [{ kind: "status", status: 404, always: true }]);
    expect(await failure(store.install(server.url))).toMatchObject({ code: "network", detail: { status: 404 } });
    expect(server.ask(SHARD)).toHaveLength(1);
    expect((await failure(store.install(`${server.url}nothing/`))).code).toBe("network");
  });

  test("redirects are followed", async () => {
    server.faults.set(SHARD, [{ kind: "redirect", to: `/moved/${SHARD}` }]);
    await store.install(server.url);
    await expectWhole(await store.open("small-q4"));
  });

  test("more bytes than the manifest says are refused", async () => {
    server.faults.set(SHARD, [{ kind: "longer" }]);
    expect(await failure(store.install(server.url))).toMatchObject({ code: "integrity" });
  });

  test("a shorter file is a network error after retries", async () => {
    small.files.set(SHARD, small.files.get(SHARD)!.slice(0, 1_000_000));
    const error = await failure(store.install(server.url));
    expect(["network", "integrity"]).toContain(error.code);
  });

  test("a range other than the one asked for is refused", async () => {
    server.faults.set(SHARD, [{ kind: "truncate", after: 1000 }, { kind: "wrong-range" }]);
    expect((await failure(store.install(server.url))).code).toBe("network");
  });

  test("a file replaced between two requests is noticed by its ETag", async () => {
    server.faults.set(SHARD, [{ kind: "truncate", after: 1_500_000 }, { kind: "replaced" }]);
    expect((await failure(store.install(server.url))).code).toBe("integrity");
  });

  test("leftovers of an older file of the same name do not spoil the new one", async () => {
    store = await storeOn(disk, IMPATIENT);
    server.faults.set(SHARD, [{ kind: "stall", after: 1_000_000, always: true }]);
    expect((await failure(store.install(server.url))).code).toBe("network");
    expect((await disk.peek(STORED))!.length).toBeGreaterThan(0);
    await server.stop();
    small = smallPackage(2);
    server = await PackageServer.start(small.files);
    await store.install(server.url);
    await expectWhole(await store.open("small-q4"));
  });

  test("an update fetches only what changed", async () => {
    await store.install(server.url);
    small.files.set("program/kernel.wgsl", new TextEncoder().encode("// ünïcode\n"));
    small.files.set("program/program.json", new TextEncoder().encode('{"hello": "program"}'));
    small.files.delete("tokenizer_config.json");
    (small.manifest.tokenizer as Record<string, unknown>).tokenizer_config = null;
    sealManifest(small);
    server.requests.length = 0;
    await store.install(server.url);
    expect(server.requests.map(({ path }) => path)).toEqual(["nomoat.json", "program/program.json"]);
    expect(await disk.peek("nomoat/packages/small-q4/files/tokenizer_config.json")).toBeNull();
    await expectWhole(await store.open("small-q4"));
  });

  test("an installed package needs no network; an unknown one does", async () => {
    const { url } = server;
    const manifest = await store.install(url);
    await server.stop();
    expect(await store.install(url)).toEqual(manifest);
    await expectWhole(await store.open("small-q4"));
    expect((await failure(store.install(url.replace("small", "other")))).code).toBe("network");
    server = await PackageServer.start(small.files);
  });

  test("two installations of one package do not fetch anything twice", async () => {
    await Promise.all([store.install(server.url), store.install(server.url)]);
    expect(server.ask(SHARD)).toHaveLength(1);
  });

  test("an aborted wait for the other installation ends", async () => {
    store = await storeOn(disk, IMPATIENT);
    server.faults.set(SHARD, [{ kind: "stall", after: 0, always: true }]);
    const first = failure(store.install(server.url));
    const controller = new AbortController();
    const second = failure(store.install(server.url, { signal: controller.signal }));
    controller.abort();
    expect((await first).code).toBe("network");
    expect((await second).code).toBe("aborted");
  });

  test("too little space is known before anything is fetched", async () => {
    const tight = await storeOn(disk, { availableBytes: async () => 1_000_000 });
    const error = await failure(tight.install(server.url));
    expect(error).toMatchObject({ code: "storage_quota", detail: { available_bytes: 1_000_000 } });
    expect(server.ask(SHARD)).toHaveLength(0);
  });
});

describe("opening", () => {
  test("a shard of another size is integrity, and the next installation repairs it", async () => {
    await store.install(server.url);
    await disk.poke(STORED, new Uint8Array(5));
    expect(await failure(store.open("small-q4"))).toMatchObject({ code: "integrity", detail: { path: SHARD } });
    expect((await failure(store.open("small-q4"))).code).toBe("model_not_found");
    server.requests.length = 0;
    await store.install(server.url);
    expect(server.requests.map(({ path }) => path)).toEqual(["nomoat.json", SHARD]);
    await expectWhole(await store.open("small-q4"));
  });

  test("a damaged text is found when it is read, and the next installation repairs it", async () => {
    await store.install(server.url);
    const path = "nomoat/packages/small-q4/files/program/program.json";
    await disk.poke(
      path,
      (await disk.peek(path))!.map((byte, index) => (index === 3 ? byte ^ 1 : byte)),
    );
    const source = await store.open("small-q4");
    expect((await failure(source.program())).code).toBe("integrity");
    await store.install(server.url);
    await expectWhole(await store.open("small-q4"));
  });

  test("only listed files can be read", async () => {
    await store.install(server.url);
    const source = await store.open("small-q4");
    for (const path of ["../state.json", "/etc/passwd", "nothing.json", "program\\program.json", ""]) {
      expect((await failure(source.text(path))).code).toBe("invalid_package");
    }
    for (const id of ["..", "", "small-q4/files", "x".repeat(200), "small-q5"]) {
      expect((await failure(store.open(id))).code).toBe("model_not_found");
      await store.remove(id);
    }
    await expectWhole(await store.open("small-q4"));
  });

  test("loading stops when it is aborted, and an error of the sink comes through", async () => {
    await store.install(server.url);
    const source = await store.open("small-q4");
    const controller = new AbortController();
    const aborted = source.weights(() => controller.abort(), { signal: controller.signal });
    expect((await failure(aborted)).code).toBe("aborted");
    await expect(
      source.weights(() => {
        throw new RangeError("full");
      }, {}),
    ).rejects.toThrow(RangeError);
    await expectWhole(source);
  });

  test("a package without weights says so", async () => {
    for (const path of [...small.files.keys()]) if (path.startsWith("weights/")) small.files.delete(path);
    small.manifest.weights = null;
    sealManifest(small);
    await store.install(server.url);
    const source = await store.open("small-q4");
    expect((await failure(source.weights(() => undefined, {}))).code).toBe("invalid_package");
  });

  test("a damaged manifest or state never hides a package from removal", async () => {
    await store.install(server.url);
    await disk.poke("nomoat/packages/small-q4/state.json", new TextEncoder().encode("{"));
    expect(await store.installed()).toMatchObject([{ state: "error" }]);
    expect((await failure(store.open("small-q4"))).code).toBe("model_not_found");
    server.requests.length = 0;
    await store.install(server.url);
    expect(server.requests.map(({ path }) => path)).toEqual(["nomoat.json"]);
    await expectWhole(await store.open("small-q4"));
    await disk.poke("nomoat/packages/small-q4/manifest.json", new TextEncoder().encode("{}"));
    expect(await store.installed()).toEqual([]);
    await store.remove("small-q4");
    expect(await disk.peek(STORED)).toBeNull();
  });
});

describe("reading from a URL", () => {
  const settings = FAST;

  test("gives the same as storage", async () => {
    server.faults.set(SHARD, [{ kind: "truncate", after: 2_000_000 }]);
    const source = await openUrl(server.url, { settings });
    await expectWhole(source);
    await source.close();
  });

  test("nothing of a small shard reaches the sink before its digest is right", async () => {
    server.faults.set(SHARD, [{ kind: "flip", at: 4_400_000 }]);
    const source = await openUrl(server.url, { settings });
    const names = new Set<string>();
    const error = await failure(source.weights((name) => void names.add(name), {}));
    expect(error).toMatchObject({ code: "integrity", detail: { path: SHARD } });
    expect(names.has("lm_head.weight")).toBe(false);
  });

  test("aborts", async () => {
    server.faults.set(SHARD, [{ kind: "stall", after: 10, always: true }]);
    const source = await openUrl(server.url, { settings });
    const controller = new AbortController();
    const running = failure(
      source.weights(() => void setTimeout(() => controller.abort(), 50), { signal: controller.signal }),
    );
    expect((await running).code).toBe("aborted");
  });

  test.each([
    "ftp://127.0.0.1/x/",
    "file:///etc/",
    "data:text/plain,x",
    "javascript:1",
    "not a url",
    "http://user:pass@127.0.0.1/",
  ])("%s is no package URL", async (url) => {
    expect((await failure(openUrl(url))).code).toBe("invalid_request");
  });

  test("the URL of nomoat.json, a missing slash and a query are understood", async () => {
    for (const tail of ["nomoat.json", "?token=a/b"])
      expect((await openUrl(server.url + tail)).manifest.id).toBe("small-q4");
    expect((await openUrl(server.url.slice(0, -1))).manifest.id).toBe("small-q4");
  });

  test("a manifest that is not one is invalid_package", async () => {
    small.files.set("nomoat.json", new Uint8Array([0xff, 0xfe]));
    expect((await failure(openUrl(server.url))).code).toBe("invalid_package");
    small.files.set("nomoat.json", new TextEncoder().encode("<html>"));
    expect((await failure(openUrl(server.url))).code).toBe("invalid_package");
  });
});

test("there is no store where there is no origin private file system", async () => {
  expect(await openStore()).toBeNull();
});
