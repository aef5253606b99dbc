/**
 * A GGUF file becomes an installed package: from a URL and from a file, over a server that misbehaves, aborted and
 * gone on with, refused where it is not supported. OPFS is an in-memory fake. Needs Node. That the package is the
 * compiler's is proved in compiler/tests/test_import.py.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { installCheckpoint } from "../../src/import/install";
import { openStore, type PackageStore } from "../../src/storage/index";
import { MemoryDirectory } from "../storage/memory_folder";
import { HOST } from "./host";
import { tinyGguf } from "./tiny_gguf";

const TINY = tinyGguf();
const MEDIUM = tinyGguf({ rows: 66_000 }); // two chunks
/** Of the table of `large`, which lies before all other tensors. */
const LARGE = { rows: 132_000, hidden: 256 };
const EMBEDDING_BYTES = LARGE.rows * 8 * 34;
let large: Uint8Array<ArrayBuffer>; // two shards, the first of them the embedding's
let disk: MemoryDirectory;
let store: PackageStore;
let server: GgufServer;

/** Serves one file by ranges. */
class GgufServer {
  readonly ranges: [number, number][] = [];
  bytes = TINY;
  etag: string | null = '"v1"';
  /** What happens to the request of this number. */
  readonly faults = new Map<number, "status" | "cut" | "other range" | "more">();
  status = 206;
  private readonly server: Server = createServer((request, response) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "")!.map(Number) as [
      number,
      number,
      number,
    ];
    this.ranges.push([from, to]);
    const fault = this.faults.get(this.ranges.length);
    const asked = this.bytes.subarray(from, to + 1);
    const body = fault === "more" ? Buffer.concat([asked, asked]) : asked;
    const shift = fault === "other range" ? 1 : 0;
    const headers: Record<string, string> = {
      "content-range": `bytes ${from + shift}-${to + shift}/${this.bytes.length}`,
    };
    if (this.etag !== null) headers.etag = this.etag;
    if (fault === "status" || this.status !== 206) response.writeHead(fault === "status" ? 503 : this.status).end();
    else {
      response.writeHead(206, headers);
      if (fault === "cut") response.write(body.subarray(0, body.length >> 1), () => response.destroy());
      else response.end(body);
    }
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}/a/Tiny.Q8_0.gguf?download=true`);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function file(bytes: Uint8Array<ArrayBuffer>, name = "Tiny.Q8_0.gguf"): File {
  return new File([bytes], name, { lastModified: 7 });
}

async function installed(): Promise<Map<string, string>> {
  const [entry] = await store.installed();
  expect(entry?.state).toBe("ready");
  await (await store.open(entry!.manifest.id)).close();
  return new Map(entry!.manifest.files.map(({ path, sha256 }) => [path, sha256]));
}

beforeAll(() => {
  large = tinyGguf(LARGE);
});

beforeEach(async () => {
  server = new GgufServer();
  await server.start();
  disk = new MemoryDirectory({ syncHandles: true });
  store = (await openStore({
    retryMs: 1,
    stallMs: 600_000,
    maxFailures: 3,
    root: async () => disk as unknown as FileSystemDirectoryHandle,
    availableBytes: async () => null,
  }))!;
});

afterEach(() => server.stop());

describe("a checkpoint", () => {
  test("from a URL and as a file gives the same package, whose weights can be read", async () => {
    const manifest = await installCheckpoint(server.url, store, HOST, {});
    expect(manifest).toMatchObject({ id: "Tiny-q8", architecture: "LlamaForCausalLM", quantization: "q8" });
    const fromUrl = await installed();
    let bytes = 0;
    const source = await store.open("Tiny-q8");
    await source.weights((_name, _offset, piece) => {
      bytes += piece.length;
    }, {});
    await source.close();
    expect(bytes).toBeGreaterThan(100_000);
    await store.remove("Tiny-q8");
    await installCheckpoint(file(TINY), store, HOST, {});
    expect(await installed()).toEqual(fromUrl);
  });

  test("is read once, but for its first chunks", async () => {
    server.bytes = MEDIUM;
    await installCheckpoint(server.url, store, HOST, {});
    const asked = server.ranges.reduce((sum, [from, to]) => sum + to + 1 - from, 0);
    expect(asked).toBe(MEDIUM.length + 1);
  });

  test("comes through answers that are refused or cut", async () => {
    server.bytes = MEDIUM;
    for (const [number, fault] of [
      [1, "status"],
      [3, "cut"],
      [4, "status"],
      [6, "cut"],
    ] as const)
      server.faults.set(number, fault);
    await installCheckpoint(server.url, store, HOST, {});
    await installed();
  });

  test.each(["other range", "more"] as const)("is refused where the server sends %s", async (fault) => {
    server.faults.set(2, fault);
    await expect(installCheckpoint(server.url, store, HOST, {})).rejects.toMatchObject({ code: "network" });
    expect(await store.installed()).toEqual([]);
  });

  test.each([
    [200, "network"],
    [401, "not_allowed"],
    [403, "not_allowed"],
    [404, "network"],
    [416, "integrity"],
    [503, "network"],
  ])("is refused where the server answers %i", async (status, code) => {
    server.status = status;
    await expect(installCheckpoint(server.url, store, HOST, {})).rejects.toMatchObject({ code });
  });

  test("that changes on the way becomes no mixed model", async () => {
    server.bytes = large;
    const installing = installCheckpoint(server.url, store, HOST, {
      onProgress: () => {
        server.etag = '"v2"';
      },
    });
    await expect(installing).rejects.toMatchObject({ code: "integrity" });
    await expect(store.open("Tiny-q8")).rejects.toMatchObject({ code: "model_not_found" });
    await installCheckpoint(server.url, store, HOST, {});
    await installed();
  });
});

describe("an import that was aborted", () => {
  /** Installs until the embedding is stored, whose shard is the first, and what lies behind it is read. */
  async function interrupted(): Promise<{ file: File; read: number[] }> {
    const controller = new AbortController();
    const read: number[] = [];
    const watched = file(large);
    const slice = watched.slice.bind(watched);
    watched.slice = (from, to) => {
      read.push(from!);
      if (from! > EMBEDDING_BYTES) controller.abort();
      return slice(from, to);
    };
    const installing = installCheckpoint(watched, store, HOST, { signal: controller.signal });
    await expect(installing).rejects.toMatchObject({ code: "aborted" });
    return { file: watched, read };
  }

  test("goes on with the shards that are complete", async () => {
    await installCheckpoint(file(large), store, HOST, {});
    const whole = await installed();
    await store.remove("Tiny-q8");
    const { file: watched, read } = await interrupted();
    await expect(store.open("Tiny-q8")).rejects.toMatchObject({ code: "model_not_found" });
    const progress = await disk.peek("nomoat/packages/Tiny-q8/import.json");
    expect(JSON.parse(Buffer.from(progress!).toString()).shards).toMatchObject([{ nbytes: 132_000 * 256 }, null]);
    read.length = 0;
    await installCheckpoint(watched, store, HOST, {});
    // The header, and the embedding once more for its scales, which are in the shard that was not complete.
    expect(read.length).toBeGreaterThan(0);
    expect(await installed()).toEqual(whole);
  });

  test("begins anew where the file is another one", async () => {
    await interrupted();
    const other = tinyGguf({ ...LARGE, seed: 2 });
    await installCheckpoint(new File([other], "Tiny.Q8_0.gguf", { lastModified: 8 }), store, HOST, {});
    const resumed = await installed();
    await store.remove("Tiny-q8");
    await installCheckpoint(file(other), store, HOST, {});
    expect(resumed).toEqual(await installed());
  });
});

describe("what is not supported is said before anything is stored", () => {
  const cases: Record<string, [Parameters<typeof tinyGguf>[0], string]> = {
    architecture: [{ metadata: { "general.architecture": "gpt-oss" } }, "unknown_architecture"],
    experts: [{ metadata: { "llama.expert_count": 8 } }, "unknown_architecture"],
    "pre-tokenizer": [{ metadata: { "tokenizer.ggml.pre": "guess" } }, "unsupported"],
    tokenizer: [{ metadata: { "tokenizer.ggml.model": "rwkv" } }, "unsupported"],
    "rope scaling": [{ metadata: { "llama.rope.scaling.type": "su" } }, "unsupported"],
    "no layers": [{ metadata: { "llama.block_count": null } }, "invalid_checkpoint"],
    "more layers than there are": [{ metadata: { "llama.block_count": 3 } }, "invalid_checkpoint"],
    "a float for a size": [{ metadata: { "llama.embedding_length": 64.5 } }, "invalid_checkpoint"],
    "the same token twice": [{ metadata: { "tokenizer.ggml.tokens": ["a", "a"] } }, "invalid_checkpoint"],
    "no vocabulary": [{ metadata: { "tokenizer.ggml.tokens": null } }, "invalid_checkpoint"],
  };
  test.each(Object.entries(cases))("%s", async (_name, [options, code]) => {
    server.bytes = tinyGguf({ ...options, rows: 66_000, hidden: 64 });
    await expect(installCheckpoint(server.url, store, HOST, {})).rejects.toMatchObject({ code });
    expect(await store.installed()).toEqual([]);
    const asked = server.ranges.reduce((sum, [from, to]) => sum + to + 1 - from, 0);
    expect(asked).toBeLessThanOrEqual(server.bytes.length + 1);
    expect(server.ranges.length).toBeLessThanOrEqual(3); // the first byte, and the first chunks
  });

  test("not enough storage", async () => {
    const settings = { ...store.settings, availableBytes: async () => 1000 };
    const small = { ...store, make: store.make.bind(store), settings };
    await expect(installCheckpoint(server.url, small, HOST, {})).rejects.toMatchObject({ code: "storage_quota" });
  });
});
