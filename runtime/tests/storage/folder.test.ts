// Proves that a file that the browser does not open is asked for again and, in the end, is a typed error; that a handle
// which comes late is closed; and that bytes which are kept are not thrown away for it. Needs nothing.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Folder } from "../../src/storage/folder";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A folder whose first `silent` requests for an exclusive handle are not answered until `answerLate`. */
function setUp(silent: number) {
  const opened: { closed: boolean }[] = [];
  const late: (() => void)[] = [];
  const removed: string[] = [];
  const makeHandle = () => {
    const state = { closed: false };
    opened.push(state);
    return {
      truncate() {},
      getSize: () => 0,
      flush() {},
      write: (bytes: Uint8Array) => bytes.length,
      close() {
        state.closed = true;
      },
    };
  };
  const file = {
    name: "weights",
    createSyncAccessHandle: () =>
      silent-- > 0
        ? new Promise((resolve) => late.push(() => resolve(makeHandle())))
        : Promise.resolve().then(makeHandle),
  };
  const directory = {
    getFileHandle: async () => file,
    removeEntry: async (name: string) => void removed.push(name),
  };
  const folder = new Folder(directory as unknown as FileSystemDirectoryHandle);
  const answerLate = () => {
    for (const answer of late) answer();
  };
  return { folder, opened, removed, answerLate };
}

it("asks again with a new file, and closes what comes late", async () => {
  const { folder, opened, removed, answerLate } = setUp(2);
  const writing = folder.openWriter("weights", 0);
  await vi.runAllTimersAsync();
  const writer = await writing;
  expect(removed).toEqual(["weights", "weights"]);
  answerLate();
  await vi.runAllTimersAsync();
  expect(opened.map(({ closed }) => closed)).toEqual([false, true, true]);
  await writer.close();
  expect(opened.every(({ closed }) => closed)).toBe(true);
});

it("keeps the bytes that a download goes on from", async () => {
  const { folder, removed } = setUp(1);
  const writing = folder.openWriter("weights", 100);
  await vi.runAllTimersAsync();
  await writing;
  expect(removed).toEqual([]);
});

it("is a typed error when the browser never answers", async () => {
  const { folder } = setUp(Number.POSITIVE_INFINITY);
  const writing = folder.openWriter("weights", 0);
  const refused = expect(writing).rejects.toMatchObject({ code: "internal", detail: { path: "weights" } });
  await vi.runAllTimersAsync();
  await refused;
});
