/**
 * Takes ggml's blocks apart: compiler/nomoat_compiler/quantize/ggml_fields.py says what lies where, and tests compare
 * the two. A nibble plane has its low nibbles first, of 16 bytes in blocks of 32 values, of each 32 in blocks of 256.
 */
import type { Rows } from "./checkpoint";
import { halfToSingle } from "./half";
import { BLOCK_SIZES } from "./rules.gen";

export interface BlockFields {
  /** Numbers of 0 to 2^bits - 1 in the order of the columns, a byte each. */
  readonly q: Uint8Array<ArrayBuffer>;
  /**
   * Scales and, where the type has them, minimums: bits of float16 or bfloat16, one of each group; or of each
   * super-block, and then `integers` has what each is multiplied by, a byte a group.
   */
  readonly floats: readonly Uint16Array<ArrayBuffer>[];
  readonly integers: readonly Uint8Array<ArrayBuffer>[];
}

type Bytes = Uint8Array<ArrayBuffer>;
interface Layout {
  /** Writes the numbers of the block that begins at `at` to `q` from `to` on. */
  readonly numbers: (data: Bytes, at: number, q: Bytes, to: number) => void;
  /** Where the float16 numbers are; the second is a minimum, which K-quants subtract. */
  readonly halves: readonly number[];
  readonly subtracts?: boolean;
  /** Of each super-block its integers, which begin at `to` in each of `into`. */
  readonly integers?: {
    readonly groups: number;
    readonly parts: number;
    readonly read: (data: Bytes, at: number, into: readonly Bytes[], to: number) => void;
  };
}

export function blockFields({ kind, data }: Rows): BlockFields {
  const [values, nbytes] = BLOCK_SIZES.get(kind) as [number, number];
  const layout = LAYOUTS[kind]!;
  const count = data.length / nbytes;
  const q = new Uint8Array(count * values);
  for (let block = 0; block < count; block++) layout.numbers(data, block * nbytes, q, block * values);
  const floats = kind === "MXFP4" ? [powersOfTwo(data, nbytes)] : halves(data, nbytes, layout);
  const { groups = 0, parts = 0, read } = layout.integers ?? {};
  const integers = Array.from({ length: parts }, () => new Uint8Array(count * groups));
  if (read) for (let block = 0; block < count; block++) read(data, block * nbytes, integers, block * groups);
  return { q, floats, integers };
}

/** The value of each of a BlockFields' floats. */
export function floatOf(kind: string, bits: number): number {
  return kind === "MXFP4" ? bfloat(bits) : halfToSingle(bits);
}

function bfloat(bits: number): number {
  const exponent = bits >> 7;
  return exponent === 0 ? (bits & 127) * 2 ** -133 : (128 + (bits & 127)) * 2 ** (exponent - 134);
}

function halves(data: Bytes, nbytes: number, { halves, subtracts }: Layout): Uint16Array<ArrayBuffer>[] {
  const count = data.length / nbytes;
  return halves.map((offset, which) => {
    const sign = which === 1 && subtracts ? 0x8000 : 0;
    const found = new Uint16Array(count);
    for (let block = 0, at = offset; block < count; block++, at += nbytes)
      found[block] = (data[at]! | (data[at + 1]! << 8)) ^ sign;
    return found;
  });
}

/** MXFP4's scale 2^(e - 128), subnormal for e below 2, as bfloat16. */
function powersOfTwo(data: Bytes, nbytes: number): Uint16Array<ArrayBuffer> {
  const found = new Uint16Array(data.length / nbytes);
  for (let block = 0; block < found.length; block++) {
    const e = data[block * nbytes]!;
    found[block] = e < 2 ? 0x20 << e : (e - 1) << 7;
  }
  return found;
}

/** Of `bytes` bytes, in runs of `run`, first the low nibbles and then the high ones. */
function nibbles(data: Bytes, at: number, bytes: number, run: number, q: Bytes, to: number): void {
  for (let begin = 0; begin < bytes; begin += run) {
    const [from, low, high] = [at + begin, to + 2 * begin, to + 2 * begin + run];
    for (let i = 0; i < run; i++) {
      const byte = data[from + i]!;
      q[low + i] = byte & 15;
      q[high + i] = byte >> 4;
    }
  }
}

/** Of each 32 bytes the lowest `bits` of all, then the next, and so on; added above what is there, `shift` bits up. */
function planes(data: Bytes, at: number, bytes: number, bits: number, shift: number, q: Bytes, to: number): void {
  const mask = (1 << bits) - 1;
  let next = to;
  for (let begin = at; begin < at + bytes; begin += 32) {
    for (let from = 0; from < 8; from += bits) {
      for (let i = 0; i < 32; i++) q[next + i]! |= ((data[begin + i]! >> from) & mask) << shift;
      next += 32;
    }
  }
}

/** 32 bits from bit 0 on, each the fifth of a number. */
function fifthBits(data: Bytes, at: number, q: Bytes, to: number): void {
  for (let i = 0; i < 32; i++) q[to + i]! |= ((data[at + (i >> 3)]! >> (i & 7)) & 1) << 4;
}

/** Twelve bytes: scales and minimums of 6 bits, four of each whole, then four in three pieces. */
function sixBits(data: Bytes, at: number, [scales, minimums]: readonly Bytes[], to: number): void {
  for (let i = 0; i < 4; i++) {
    const [scale, minimum, rest] = [data[at + i]!, data[at + 4 + i]!, data[at + 8 + i]!];
    scales![to + i] = scale & 63;
    minimums![to + i] = minimum & 63;
    scales![to + 4 + i] = (rest & 15) | ((scale >> 2) & 0x30);
    minimums![to + 4 + i] = (rest >> 4) | ((minimum >> 2) & 0x30);
  }
}

const simple = (halves: readonly number[], first: number): Layout => ({
  numbers: (data, at, q, to) => nibbles(data, at + first, 16, 16, q, to),
  halves,
});

const LAYOUTS: Readonly<Record<string, Layout>> = {
  Q4_0: simple([0], 2),
  Q4_1: simple([0, 2], 4),
  IQ4_NL: simple([0], 2),
  MXFP4: simple([], 1),
  Q5_0: {
    numbers(data, at, q, to) {
      nibbles(data, at + 6, 16, 16, q, to);
      fifthBits(data, at + 2, q, to);
    },
    halves: [0],
  },
  Q5_1: {
    numbers(data, at, q, to) {
      nibbles(data, at + 8, 16, 16, q, to);
      fifthBits(data, at + 4, q, to);
    },
    halves: [0, 2],
  },
  Q8_0: {
    numbers(data, at, q, to) {
      for (let i = 0; i < 32; i++) q[to + i] = data[at + 2 + i]! ^ 0x80;
    },
    halves: [0],
  },
  Q2_K: {
    numbers: (data, at, q, to) => planes(data, at + 16, 64, 2, 0, q, to),
    halves: [80, 82],
    subtracts: true,
    integers: {
      groups: 16,
      parts: 2,
      read(data, at, [scales, minimums], to) {
        for (let i = 0; i < 16; i++) {
          scales![to + i] = data[at + i]! & 15;
          minimums![to + i] = data[at + i]! >> 4;
        }
      },
    },
  },
  Q3_K: {
    numbers(data, at, q, to) {
      planes(data, at + 32, 64, 2, 0, q, to);
      planes(data, at, 32, 1, 2, q, to);
    },
    halves: [108],
    integers: {
      groups: 16,
      parts: 1,
      read(data, at, [scales], to) {
        for (let i = 0; i < 16; i++) {
          const low = (data[at + 96 + (i & 7)]! >> (i < 8 ? 0 : 4)) & 15;
          const high = (data[at + 104 + (i & 3)]! >> (2 * (i >> 2))) & 3;
          scales![to + i] = (low | (high << 4)) - 32;
        }
      },
    },
  },
  Q4_K: {
    numbers: (data, at, q, to) => nibbles(data, at + 16, 128, 32, q, to),
    halves: [0, 2],
    subtracts: true,
    integers: { groups: 8, parts: 2, read: (data, at, into, to) => sixBits(data, at + 4, into, to) },
  },
  Q5_K: {
    numbers(data, at, q, to) {
      nibbles(data, at + 48, 128, 32, q, to);
      planes(data, at + 16, 32, 1, 4, q, to);
    },
    halves: [0, 2],
    subtracts: true,
    integers: { groups: 8, parts: 2, read: (data, at, into, to) => sixBits(data, at + 4, into, to) },
  },
  Q6_K: {
    numbers(data, at, q, to) {
      nibbles(data, at, 128, 64, q, to);
      planes(data, at + 128, 64, 2, 4, q, to);
    },
    halves: [208],
    integers: {
      groups: 16,
      parts: 1,
      read: (data, at, [scales], to) => scales!.set(data.subarray(at + 192, at + 208), to),
    },
  },
  IQ4_XS: {
    numbers: (data, at, q, to) => nibbles(data, at + 8, 128, 16, q, to),
    halves: [0],
    integers: {
      groups: 8,
      parts: 1,
      read(data, at, [scales], to) {
        const high = data[at + 2]! | (data[at + 3]! << 8);
        for (let i = 0; i < 8; i++) {
          const low = (data[at + 4 + (i >> 1)]! >> (4 * (i & 1))) & 15;
          scales![to + i] = (low | (((high >> (2 * i)) & 3) << 4)) - 32;
        }
      },
    },
  },
};
