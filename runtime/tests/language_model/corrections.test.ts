// Proves that the corrections of a proofread text are exact: applied to the text they give the corrected one, in order, none of
// them empty or touching another, for texts made at random, and for ones that are too long to compare. Needs nothing.
import { expect, it } from "vitest";
import { type Correction, correctionsOf } from "../../src/language_model/tasks/corrections";
import { Mulberry32 } from "./random";

const PARTS = ["the", "The", "a", "naïve", "🦊", "日本", "it's", " ", "  ", "\n", ".", ",", "", "9", "e\u0301"];

function applied(text: string, corrections: readonly Correction[]): string {
  let made = "";
  let at = 0;
  for (const { startIndex, endIndex, correction } of corrections) {
    made += text.slice(at, startIndex) + correction;
    at = endIndex;
  }
  return made + text.slice(at);
}

function check(text: string, corrected: string): readonly Correction[] {
  const corrections = correctionsOf(text, corrected);
  expect(applied(text, corrections)).toBe(corrected);
  let last = -1;
  for (const { startIndex, endIndex, correction } of corrections) {
    expect(startIndex).toBeGreaterThan(last);
    expect(endIndex).toBeGreaterThanOrEqual(startIndex);
    expect(text.slice(startIndex, endIndex)).not.toBe(correction);
    last = endIndex;
  }
  return corrections;
}

it("gives the corrected text, whatever was changed", () => {
  const random = new Mulberry32(7);
  const text = (length: number) => Array.from({ length }, () => PARTS[random.below(PARTS.length)]!);
  for (let round = 0; round < 2000; round++) {
    const before = text(random.below(20));
    const after = before.flatMap((part) => {
      const dice = random.below(10);
      return dice === 0 ? [] : dice === 1 ? text(2) : dice === 2 ? [part, ...text(1)] : [part];
    });
    check(before.join(""), after.join(""));
    check(before.join(""), text(random.below(20)).join(""));
  }
});

it("names words, not letters", () => {
  expect(check("I seen him at teh store", "I saw him at the store")).toEqual([
    { startIndex: 2, endIndex: 6, correction: "saw" },
    { startIndex: 14, endIndex: 17, correction: "the" },
  ]);
  expect(check("same", "same")).toEqual([]);
  expect(check("", "new")).toEqual([{ startIndex: 0, endIndex: 0, correction: "new" }]);
});

it("is one correction where comparing would take too long", () => {
  const words = (word: string) => `${word} `.repeat(2000);
  expect(check(`same ${words("a")}end`, `same ${words("b")}end`)).toHaveLength(1);
});
