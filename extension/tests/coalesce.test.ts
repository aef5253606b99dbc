/** Proves that pieces arrive in order, joined, and none after the end. Needs nothing. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { COALESCE_MS, Coalescer } from "../offscreen/coalesce";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("sends the first piece at once and joins those of one interval", () => {
  const sent: string[] = [];
  const output = new Coalescer<string>((pieces) => sent.push(pieces.join("")));
  for (const piece of ["a", "b", "c"]) output.push(piece);
  expect(sent).toEqual(["a"]);
  vi.advanceTimersByTime(COALESCE_MS);
  expect(sent).toEqual(["a", "bc"]);
  vi.advanceTimersByTime(10 * COALESCE_MS);
  output.push("d");
  expect(sent).toEqual(["a", "bc", "d"]);
  output.push("e");
  output.end();
  expect(sent).toEqual(["a", "bc", "d", "e"]);
  vi.advanceTimersByTime(10 * COALESCE_MS);
  expect(sent).toHaveLength(4);
});
