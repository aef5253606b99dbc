// Proves of files that are broken or lie that opening them gives what is left of the records or a typed error, never
// another text, a crash or a huge allocation; and that all of it can be forgotten. Needs the CPU library and Node.
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import type { FoundRecord, MemoryInfo, MemoryRecord } from "../../src/contract/memory";
import { LlmError } from "../../src/internal/errors";
import { ERASE, frameBytes, HEAD_BYTES, MAGIC, META, RECORD } from "../../src/memory/frames";
import { encodeBody, encodeRecord } from "../../src/memory/record";
import { type Disk, disk } from "./remembered";

const TEXTS = ["alpha", "beta", "gamma", "delta"];

async function written(): Promise<{ place: Disk; path: string; bytes: Uint8Array }> {
  const place = disk();
  const tab = place.tab();
  await tab.add(...TEXTS.slice(0, 2));
  await tab.add(...TEXTS.slice(2));
  await tab.call("forget", { input: { ids: [2] } });
  const [path] = await place.files();
  return { place, path: path!, bytes: (await place.directory.peek(path!))!.slice() };
}

/** Reads all that can be read. Errors: those of the runtime's class only. */
async function opened(place: Disk): Promise<readonly MemoryRecord[] | LlmError> {
  const tab = place.tab();
  try {
    const found: FoundRecord[] = await tab.call("search", { input: "alpha", options: { limit: 100 } });
    const listed: MemoryRecord[] = await tab.call("list");
    const { count }: MemoryInfo = await tab.call("info");
    expect(listed.length).toBe(count);
    for (const { score } of found) expect(Math.abs(score)).toBeLessThan(1e6);
    await tab.memories.stored(new AbortController().signal);
    return listed;
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(LlmError);
    expect(["integrity", "not_supported", "invalid_request", "out_of_memory"]).toContain((thrown as LlmError).code);
    return thrown as LlmError;
  }
}

async function emptied({ place }: { place: Disk }): Promise<void> {
  const tab = place.tab();
  await tab.call("forget", { input: { all: true } });
  expect(await place.files()).toEqual([]);
  expect(await tab.add("again")).toEqual([1]);
}

it("each byte changed", async () => {
  const { place, path, bytes } = await written();
  const seen = { whole: 0, less: 0, refused: 0 };
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at]! ^= at % 2 ? 0xff : 1;
    await place.directory.poke(path, changed);
    const found = await opened(place);
    if (found instanceof LlmError) {
      seen.refused += 1;
      // Nothing was changed.
      expect(await place.directory.peek(path)).toEqual(changed);
      continue;
    }
    for (const { text } of found) expect(TEXTS).toContain(text);
    seen[found.length === 3 ? "whole" : "less"] += 1;
  }
  expect(Math.min(seen.whole, seen.less, seen.refused)).toBeGreaterThan(20);
  await emptied({ place });
});

it("cut anywhere", async () => {
  const { place, path, bytes } = await written();
  for (let length = 0; length < bytes.length; length++) {
    await place.directory.poke(path, bytes.slice(0, length));
    const found = await opened(place);
    if (found instanceof LlmError) expect(length).toBeLessThan(200);
    else for (const { text } of found) expect(TEXTS).toContain(text);
    // A file that was never finished is gone then.
    if ((await place.files()).length === 0) await place.tab().add("x");
  }
  await emptied({ place });
});

/** Of the fake model m1. */
const FINGERPRINT = createHash("sha256").update("weights/a m1\n").digest("hex");
const META_OK = { version: 1, name: "n", model: "m1", fingerprint: FINGERPRINT, dimensions: 6, nextId: 1 };
const record = (id: unknown, text: unknown, extra: object = {}) =>
  encodeRecord(
    new Uint16Array(8).fill(0x3800),
    { id, createdMs: 1, tags: [], ...extra } as never,
    encodeBody({ text } as never),
  );
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

it.each<[string, readonly (readonly [number, Uint8Array])[]]>([
  ["no frame", []],
  ["a record first", [[RECORD, record(1, "a")]]],
  ["no dimensions", [[META, text({ ...META_OK, dimensions: 0 })]]],
  ["far too many dimensions", [[META, text({ ...META_OK, dimensions: 2 ** 31 })]]],
  ["a meta that is no JSON", [[META, new Uint8Array(40).fill(0x7b)]]],
  ["another version", [[META, text({ ...META_OK, version: 2 })]]],
  [
    "records of another size",
    [
      [META, text({ ...META_OK, dimensions: 60_000 })],
      [RECORD, record(1, "a")],
    ],
  ],
  [
    "two records of one id",
    [
      [META, text(META_OK)],
      [RECORD, record(1, "a")],
      [RECORD, record(1, "b")],
    ],
  ],
  [
    "ids that are none",
    [
      [META, text(META_OK)],
      [RECORD, record(-1, "a")],
      [RECORD, record("x", "b")],
    ],
  ],
  [
    "tags that are none",
    [
      [META, text(META_OK)],
      [RECORD, record(1, "a", { tags: [5] })],
      [RECORD, record(2, "b", { tags: {} })],
    ],
  ],
  [
    "a text that is none",
    [
      [META, text(META_OK)],
      [RECORD, record(1, { a: 1 })],
    ],
  ],
  [
    "vectors that are not numbers",
    [
      [META, text(META_OK)],
      [
        RECORD,
        encodeRecord(new Uint16Array(8).fill(0x7e00), { id: 1, createdMs: 1, tags: [] }, encodeBody({ text: "a" })),
      ],
    ],
  ],
  [
    "forgetting what is not there",
    [
      [META, text(META_OK)],
      [ERASE, new Uint8Array(Uint32Array.of(0, 16, 5, 2 ** 32 - 1).buffer)],
    ],
  ],
  [
    "frames of an unknown kind",
    [
      [META, text(META_OK)],
      [77, new Uint8Array(8)],
      [META, text(META_OK)],
    ],
  ],
])("%s", async (_, frames) => {
  const { place, path } = await written();
  let at = HEAD_BYTES;
  const parts = [MAGIC, new Uint8Array(8)];
  for (const [kind, content] of frames) {
    const bytes = frameBytes(kind, false, content, at);
    at += bytes.length;
    parts.push(bytes);
  }
  await place.directory.poke(path, Uint8Array.from(parts.flatMap((part) => Array.from(part))));
  await opened(place);
  await emptied({ place });
});
