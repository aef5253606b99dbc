// Proves that docs/constraints.md names exactly the formats, keywords and string formats that there are. Needs nothing.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { FORMATS } from "../../src/constraint/schema/formats";
import { supportedKeywords } from "../../src/constraint/schema/keywords";

const page = readFileSync(new URL("../../../docs/constraints.md", import.meta.url), "utf8");
const names = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name]) => name!).sort();
const row = (title: string) => new RegExp(`^\\| ${title} \\| (.*) \\|$`, "m").exec(page)![1]!;

it("keywords of each draft", () => {
  const rows = ["any value", "strings", "numbers", "arrays", "objects", "2020-12"].map(row);
  const documented = rows.flatMap(names);
  const all = new Set([...supportedKeywords("2020-12"), ...supportedKeywords("7")]);
  expect(documented.sort()).toEqual([...all].sort());
  const old = rows.flatMap((text) => names(/draft 7: ([^;|]*)/.exec(text)?.[1] ?? ""));
  const current = new Set(supportedKeywords("2020-12"));
  expect(old.sort()).toEqual([...supportedKeywords("7")].filter((keyword) => !current.has(keyword)).sort());
});

it("values of format", () => {
  const line = /^- `format`: ([^.]*)\./m.exec(page)![1]!;
  expect(names(line)).toEqual([...FORMATS.keys()].sort());
});
