/** Numbers of 2 to 8 bits into 32-bit words, as compiler/nomoat_compiler/quantize/packing.py does it. */
import { QUAD_FIELDS } from "./rules.gen";

/** `q`: whole rows of a multiple of 32 columns (4 and 8 bits: of whole words), each number below 2^bits. */
export function packWords(q: Uint8Array<ArrayBuffer>, bits: number): Uint8Array<ArrayBuffer> {
  if (bits === 8) return q;
  if (bits === 4) {
    const packed = new Uint8Array(q.length / 2);
    for (let i = 0; i < packed.length; i++) packed[i] = q[2 * i]! | (q[2 * i + 1]! << 4);
    return packed;
  }
  const fields = QUAD_FIELDS.get(bits) as readonly (readonly [number, number, number])[][];
  // Four neighbours at once: byte b of a quad has number b.
  const quads = new Uint32Array(q.buffer, q.byteOffset, q.length / 4);
  const words = new Uint32Array((q.length / 32) * bits);
  for (const [quad, pieces] of fields.entries()) {
    let low = 0;
    for (const [word, bit, width] of pieces) {
      const mask = Math.imul((1 << width) - 1, 0x01010101);
      for (let from = quad, to = word; from < quads.length; from += 8, to += bits)
        words[to]! |= ((quads[from]! >>> low) & mask) << bit;
      low += width;
    }
  }
  return new Uint8Array(words.buffer);
}
