/** Numbers come out as the compiler's: the tables are what compiler/nomoat_compiler/portable.py gives. Needs Node. */
import { expect, test } from "vitest";
import { Md5 } from "../../src/import/md5";
import { inverseRoot, logarithm, shortestSingle, single } from "../../src/import/portable";

const INVERSE_ROOTS = [
  [3, 0.5773502691896257],
  [24, 0.2041241452319315],
  [30, 0.18257418583505536],
  [40, 0.15811388300841897],
  [72, 0.11785113019775792],
  [80, 0.11180339887498948],
  [96, 0.10206207261596575],
  [100, 0.1],
  [168, 0.07715167498104596],
  [192, 0.07216878364870322],
  [256, 0.0625],
  [320, 0.05590169943749474],
  [1018, 0.031341957040361135],
] as const;
const LOGARITHMS = [
  [1.5, 0.4054651081081644],
  [4, 1.3862943611198906],
  [8, 2.0794415416798357],
  [40, 3.6888794541139363],
  [4096, 8.317766166719343],
  [8192, 9.010913347279288],
  [10000, 9.210340371976184],
  [131072, 11.78350206951907],
  [500000, 13.122363377404328],
  [1000000, 13.815510557964274],
  [0.3, -1.2039728043259361],
] as const;
const SHORTEST = [
  [1e-5, 1e-5],
  [0.1, 0.1],
  [0.3, 0.3],
  [1e-6, 1e-6],
  [5e-45, 6e-45],
  [3423078.25, 3423078.2],
  [-1616530.25, -1616530.2],
  [16777216, 16777216.0],
  [3.4028234663852886e38, 3.4028235e38],
  [8.5, 8.5],
] as const;

test.each(INVERSE_ROOTS)("1 / sqrt(%d)", (x, y) => expect(inverseRoot(x)).toBe(y));
test.each(LOGARITHMS)("log(%d)", (x, y) => expect(logarithm(x)).toBe(y));
test.each(SHORTEST)("the shortest decimal of %d", (x, y) => expect(shortestSingle(single(x))).toBe(y));

test.each([
  ["", "d41d8cd98f00b204e9800998ecf8427e"],
  ["abc", "900150983cd24fb0d6963f7d28e17f72"],
  ["1234567890".repeat(8), "57edf4a22be3c955ac49da2e2107b67a"],
])("RFC 1321's MD5 of %j, in pieces", (text, hex) => {
  const md5 = new Md5();
  for (let at = 0; at < text.length; at += 7) md5.update(new TextEncoder().encode(text.slice(at, at + 7)));
  expect(md5.hex()).toBe(hex);
});
