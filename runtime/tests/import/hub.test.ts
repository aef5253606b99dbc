/**
 * Files of a hub: its list of a repository's files, addresses of a commit, a redirect to where the bytes are, and its
 * refusals. A local server speaks the hub's URL forms; OPFS is an in-memory fake. Needs Node.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installCheckpoint } from "../../src/import/install";
import { openStore, type PackageStore } from "../../src/storage/index";
import { MemoryDirectory } from "../storage/memory_folder";
import { HOST } from "./host";
import { tinyGguf } from "./tiny_gguf";

const TINY = tinyGguf();
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const ID = "someone/Tiny-GGUF:sub/Tiny.Q8_0.gguf";
const server = createServer((request, response) => answer(request, response));
let asked: string[];
let store: PackageStore;
let hub: string;
let listing: Record<string, unknown>;
/** [status, headers] of the next answers to requests for the list. */
let refusals: [number, Record<string, string>][];

function answer({ url = "", headers }: IncomingMessage, response: ServerResponse): void {
  asked.push(url);
  if (url.startsWith("/hub/api/models/")) {
    const [status, said] = refusals.shift() ?? [200, {}];
    const known = url === "/hub/api/models/someone/Tiny-GGUF?blobs=true";
    if (status !== 200 || !known) response.writeHead(known ? status : 401, said).end();
    else response.end(JSON.stringify(listing));
  } else if (url === `/hub/someone/Tiny-GGUF/resolve/${COMMIT}/sub/Tiny.Q8_0.gguf`)
    response.writeHead(302, { location: "/store/bytes?signed=1" }).end();
  else if (url === "/store/bytes?signed=1") {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range!)!.map(Number) as [number, number, number];
    response.writeHead(206, { "content-range": `bytes ${from}-${to}/${TINY.length}` });
    response.end(TINY.subarray(from, to + 1));
  } else response.writeHead(404).end();
}

beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  hub = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hub`;
  [asked, refusals] = [[], []];
  listing = {
    sha: COMMIT,
    gated: false,
    siblings: [
      { rfilename: "README.md", size: 12 },
      { rfilename: "sub/Tiny.Q8_0.gguf", size: TINY.length, lfs: { sha256: "ab".repeat(32), size: TINY.length } },
    ],
  };
  store = (await openStore({
    retryMs: 1,
    stallMs: 600_000,
    maxFailures: 3,
    root: async () => new MemoryDirectory({ syncHandles: true }) as unknown as FileSystemDirectoryHandle,
    availableBytes: async () => null,
  }))!;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

test("a file of a hub becomes a package, from one commit and over a redirect", async () => {
  refusals = [
    [429, { "retry-after": "0" }],
    [503, {}],
  ];
  const manifest = await installCheckpoint(ID, store, HOST, { hub });
  expect(manifest).toMatchObject({ id: "Tiny-q8", provenance: { source: "Tiny.Q8_0.gguf" } });
  expect((await store.installed())[0]?.state).toBe("ready");
  expect(new Set(asked).size).toBe(3);
});

test.each<[string, () => void, string, string]>([
  ["gated, by the list", () => Object.assign(listing, { gated: "manual" }), ID, "not_allowed"],
  ["gated, by the answer", () => refusals.push([403, { "x-error-code": "GatedRepo" }]), ID, "not_allowed"],
  ["no such repository", () => undefined, "someone/else:a.gguf", "model_not_found"],
  ["no such file", () => undefined, "someone/Tiny-GGUF:Tiny.Q4_0.gguf", "model_not_found"],
  ["no list", () => Object.assign(listing, { siblings: 7 }), ID, "network"],
  ["files that are none", () => Object.assign(listing, { siblings: [null] }), ID, "network"],
  ["no commit", () => Object.assign(listing, { sha: "../main" }), ID, "network"],
  ["out of the repository", () => undefined, "someone/Tiny-GGUF:../../x.gguf", "invalid_request"],
  ["to wait for long", () => refusals.push([429, { "retry-after": "3600" }]), ID, "network"],
  [
    "another size than listed",
    () => Object.assign(listing, { siblings: [{ rfilename: "sub/Tiny.Q8_0.gguf", size: 5 }] }),
    ID,
    "integrity",
  ],
])("what cannot be had is said before a weight is read: %s", async (_name, prepare, id, code) => {
  prepare();
  await expect(installCheckpoint(id, store, HOST, { hub })).rejects.toMatchObject({ code });
  expect(await store.installed()).toEqual([]);
  expect(asked.filter((url) => url.startsWith("/store/")).length).toBeLessThan(2);
});

test("without the address of a hub a hub's file is nowhere", async () => {
  await expect(installCheckpoint(ID, store, HOST, {})).rejects.toMatchObject({ code: "invalid_request" });
});
