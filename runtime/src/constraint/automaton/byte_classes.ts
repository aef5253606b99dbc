import type { Range } from "./utf8";

/** Bytes that no range tells apart are one class: the class of each byte, how many, and the first byte of each. */
export function byteClasses(ranges: Iterable<Range>): { classes: Uint8Array; count: number; first: number[] } {
  const cuts = new Set([0]);
  for (const [lo, hi] of ranges) {
    cuts.add(lo);
    if (hi < 255) cuts.add(hi + 1);
  }
  const first = [...cuts].sort((a, b) => a - b);
  const classes = new Uint8Array(256);
  let each = -1;
  for (let byte = 0; byte < 256; byte++) {
    if (byte === first[each + 1]) each += 1;
    classes[byte] = each;
  }
  return { classes, count: first.length, first };
}
