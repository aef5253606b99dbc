/** Ranges of code points as ranges of UTF-8 bytes. */

export type Range = readonly [number, number];

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;
export const LAST_CODE_POINT = 0x10ffff;

/** Byte sequences, each a range per byte, that are exactly the UTF-8 of the code points lo to hi; surrogates have none. */
export function utf8Sequences(lo: number, hi: number): Range[][] {
  const sequences: Range[][] = [];
  split(lo, hi, sequences);
  return sequences;
}

function split(lo: number, hi: number, sequences: Range[][]): void {
  if (lo > hi) return;
  if (lo <= LAST_SURROGATE && hi >= FIRST_SURROGATE) {
    split(lo, FIRST_SURROGATE - 1, sequences);
    split(LAST_SURROGATE + 1, hi, sequences);
    return;
  }
  for (const last of [0x7f, 0x7ff, 0xffff]) {
    if (lo <= last && hi > last) {
      split(lo, last, sequences);
      split(last + 1, hi, sequences);
      return;
    }
  }
  if (hi > 0x7f) {
    // Continuation bytes run over their whole range, but in the first and the last piece.
    for (let bits = 6; bits <= 18; bits += 6) {
      const below = 2 ** bits - 1;
      if (Math.floor(lo / (below + 1)) === Math.floor(hi / (below + 1))) continue;
      const [cutLow, cutHigh] = [lo | below, hi - (hi & below)];
      if ((lo & below) !== 0) {
        split(lo, cutLow, sequences);
        split(cutLow + 1, hi, sequences);
        return;
      }
      if ((hi & below) !== below) {
        split(lo, cutHigh - 1, sequences);
        split(cutHigh, hi, sequences);
        return;
      }
    }
  }
  const [first, last] = [utf8Bytes(lo), utf8Bytes(hi)];
  sequences.push(first.map((byte, i) => [byte, last[i]!] as const));
}

export function utf8Bytes(codePoint: number): number[] {
  if (codePoint < 0x80) return [codePoint];
  const tail = (shift: number) => 0x80 | ((codePoint >> shift) & 0x3f);
  if (codePoint < 0x800) return [0xc0 | (codePoint >> 6), tail(0)];
  if (codePoint < 0x10000) return [0xe0 | (codePoint >> 12), tail(6), tail(0)];
  return [0xf0 | (codePoint >> 18), tail(12), tail(6), tail(0)];
}

const encoder = new TextEncoder();

export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}
