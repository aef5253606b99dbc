/** Stop strings: the text before the first one, however it is cut into pieces; nothing held back without need. Needs Node. */
import { expect, test } from "vitest";
import { StopStrings } from "../../src/text/index";

function run(stops: readonly string[], pieces: readonly string[]): { text: string; stopped: boolean } {
  const filter = new StopStrings(stops);
  let text = "";
  for (const piece of pieces) {
    const result = filter.push(piece);
    text += result.text;
    if (result.stopped) return { text: text + filter.flush(), stopped: true };
  }
  return { text: text + filter.flush(), stopped: false };
}

test("text is cut before the first stop string, for every way to cut the input", () => {
  const stops = ["</s>", "\n\nUser:", "aab", "🙂!"];
  for (const text of [
    "hello</s>more",
    "a\n\nUser: b",
    "x\n\nUse",
    "aaaab",
    "aaaaa",
    "🙂 🙂!",
    "</s",
    "",
    "</</s>",
    "aa\n\n\nUser:",
  ]) {
    const ends = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
    const expected =
      ends.length > 0 ? { text: text.slice(0, Math.min(...ends)), stopped: true } : { text, stopped: false };
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const pieces = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        expect(run(stops, pieces), JSON.stringify(pieces)).toEqual(expected);
      }
    }
    expect(run(stops, [...text])).toEqual(expected);
  }
});

test("only what may begin a stop string is held back", () => {
  const filter = new StopStrings(["<end>"]);
  expect(filter.push("one <")).toEqual({ text: "one ", stopped: false });
  expect(filter.push("b>")).toEqual({ text: "<b>", stopped: false });
  expect(filter.push("<en")).toEqual({ text: "", stopped: false });
  expect(filter.flush()).toBe("<en");
});

test("without stop strings everything passes", () => {
  const filter = new StopStrings(["", ""]);
  expect(filter.push("any\nthing")).toEqual({ text: "any\nthing", stopped: false });
});
