// Proves that a worker that is ended at any change of a file, or in the middle of a write, leaves a memory that can be
// read and is either as before or as after; and that whoever opens it next finishes what was begun, so that nothing of
// what was forgotten is left. OPFS is an in-memory fake. Needs the CPU library (make setup) and Node.
import { describe, expect, it } from "vitest";
import { type Disk, disk, type Tab } from "./remembered";

class Killed extends Error {}

/** A disk on which the worker dies at the change number `at`, of a write `share` of the bytes being written. */
function mortal(at: number, share: number): Disk & { changes: () => number; rest: () => void } {
  let changes = 0;
  let dead = false;
  let immortal = false;
  const made = disk({
    compactBytes: COMPACT_BYTES,
    onChange: (nbytes) => {
      if (immortal) return nbytes;
      if (dead) throw new Killed();
      changes += 1;
      if (changes - 1 < at) return nbytes;
      dead = true;
      const part = Math.floor(nbytes * share);
      // What is left of a write is written, and the fake asks again, which ends the thread.
      if (part === 0) throw new Killed();
      return part;
    },
  });
  return {
    ...made,
    changes: () => changes,
    rest: () => {
      immortal = true;
    },
  };
}

const SECRET = "never to be found again";
const LONG = "x".repeat(300);
const COMPACT_BYTES = 1000;
const m2 = { model: { id: "m2" } };

interface Deed {
  readonly name: string;
  readonly before: (tab: Tab) => Promise<unknown>;
  readonly deed: (tab: Tab) => Promise<unknown>;
  /** Texts without and with the deed. */
  readonly texts: readonly [readonly string[], readonly string[]];
  /** The text must be gone from the bytes once the deed is seen to have happened. */
  readonly gone?: string;
}

const many = Array.from({ length: 6 }, (_, i) => `${i} ${LONG}`);
const DEEDS: readonly Deed[] = [
  { name: "the first addition", before: async () => undefined, deed: (t) => t.add("a", "b"), texts: [[], ["a", "b"]] },
  {
    name: "an addition",
    before: (t) => t.add("a"),
    deed: (t) => t.add("b", "c", "d"),
    texts: [["a"], ["a", "b", "c", "d"]],
  },
  {
    name: "forgetting",
    before: (t) => t.add("a", SECRET, "b", `${SECRET} again`),
    deed: (t) => t.call("forget", { input: { ids: [2, 4] } }),
    texts: [
      ["a", SECRET, "b", `${SECRET} again`],
      ["a", "b"],
    ],
    gone: SECRET,
  },
  {
    name: "forgetting so much that the file is written anew",
    before: (t) => t.add(SECRET, ...many),
    deed: (t) => t.call("forget", { input: { ids: [1, 2, 3, 4, 5] } }),
    texts: [[SECRET, ...many], many.slice(4)],
    gone: SECRET,
  },
  {
    name: "forgetting everything",
    before: (t) => t.add("a", SECRET),
    deed: (t) => t.call("forget", { input: { all: true } }),
    texts: [["a", SECRET], []],
    gone: SECRET,
  },
  {
    name: "making vectors anew",
    before: (t) => t.add("a", "b"),
    deed: (t) => t.call("reembed", {}, m2),
    texts: [
      ["a", "b"],
      ["a", "b"],
    ],
  },
];

describe.each(DEEDS)("$name", ({ before, deed, texts: [without, with_], gone }) => {
  it.each([0, 0.3, 0.9, 1])("ended at each change, with %d of a write done", async (share) => {
    const counted = mortal(Number.POSITIVE_INFINITY, share);
    await before(counted.tab());
    const first = counted.changes();
    await deed(counted.tab());
    const last = counted.changes();
    expect(last).toBeGreaterThan(first);
    const seen = { without: 0, with: 0 };
    for (let at = first; at < last; at++) {
      const place = mortal(at, share);
      await before(place.tab());
      const error = await deed(place.tab()).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      if (share < 1) expect(error).not.toBeNull();
      place.rest();
      const tab = place.tab();
      const texts = await tab.texts();
      if (texts.length === with_.length && texts.every((text, i) => text === with_[i])) {
        seen.with += 1;
        if (gone) expect(Buffer.from(await place.bytes()).includes(gone)).toBe(false);
      } else {
        seen.without += 1;
        expect(texts).toEqual(without);
      }
      // Everything works on, and no file of something unfinished is left.
      const { model }: { model: string | null } = await tab.call("info");
      await tab.call("add", { input: "more" }, { model: { id: model ?? "m1" } });
      expect(await place.tab().texts()).toEqual([...texts, "more"]);
      expect((await place.files()).length).toBe(1);
    }
    if (with_ !== without) expect(seen.with + seen.without).toBe(last - first);
    expect(seen.without + seen.with).toBeGreaterThan(0);
  });
});
