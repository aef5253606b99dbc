/** Proves that no change is lost when a write fails, and that writes keep their order. Needs nothing. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { RETRY_MS, StateSaver } from "../offscreen/state-saver";
import type { StoredState } from "../protocol/background";

type State = Partial<StoredState>;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A store whose next writes fail as often as told. */
function setUp(failures: number) {
  const stored: State[] = [];
  const reported: unknown[] = [];
  const saver = new StateSaver(
    async (state) => {
      if (failures-- > 0) throw new Error("The message port closed before a response was received.");
      stored.push(state);
    },
    (error) => reported.push(error),
  );
  return { saver, stored, reported };
}

const sources = (id: string): State => ({ sources: { [id]: "https://models.example/" } });

it("writes again when the service worker was stopped", async () => {
  const { saver, stored, reported } = setUp(2);
  saver.save(sources("a"));
  await vi.runAllTimersAsync();
  expect(stored).toEqual([sources("a")]);
  expect(reported).toEqual([]);
});

it("joins what changes during a write, the newest of each part", async () => {
  const { saver, stored } = setUp(1);
  saver.save(sources("a"));
  saver.save({ permissions: [] });
  saver.save(sources("b"));
  await vi.runAllTimersAsync();
  expect(stored).toEqual([{ ...sources("b"), permissions: [] }]);
});

it("keeps one write in flight", async () => {
  const done: (() => void)[] = [];
  const started: State[] = [];
  const saver = new StateSaver(
    (state) => {
      started.push(state);
      return new Promise<void>((resolve) => done.push(resolve));
    },
    () => {},
  );
  saver.save(sources("a"));
  saver.save(sources("b"));
  await vi.runAllTimersAsync();
  expect(started).toEqual([sources("a")]);
  done[0]!();
  await vi.runAllTimersAsync();
  expect(started).toEqual([sources("a"), sources("b")]);
});

it("reports a store that stays broken, and writes everything with the next change", async () => {
  const { saver, stored, reported } = setUp(RETRY_MS.length + 1);
  saver.save(sources("a"));
  await vi.runAllTimersAsync();
  expect(reported).toHaveLength(1);
  expect(stored).toEqual([]);
  saver.save({ permissions: [] });
  await vi.runAllTimersAsync();
  expect(stored).toEqual([{ ...sources("a"), permissions: [] }]);
});
