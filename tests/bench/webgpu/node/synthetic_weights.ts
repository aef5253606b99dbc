/**
 * Bytes for weights that nobody trained: random integers, scales of the size that real models have and minimums that
 * centre them, so that activations and logits are finite and differ.
 *
 * A block is made once for each kind of array and repeated: speed depends on sizes and addresses, not on values.
 */
type FloatDtype = "float32" | "float16" | "bfloat16";

export type Content =
  | { readonly kind: "words" }
  /** Of `bits` wide weights; `minimum`: (scale, minimum) pairs. */
  | { readonly kind: "scales"; readonly dtype: FloatDtype; readonly bits: number; readonly minimum: boolean }
  | { readonly kind: "matrix"; readonly dtype: FloatDtype }
  | { readonly kind: "ones"; readonly dtype: FloatDtype };

/** A multiple of every pattern's period. */
const BLOCK_BYTES = 8 * 2 ** 20;
/** Between the beginnings of two arrays; a multiple of 16 that shares no other factor with the block. */
const STRIDE_BYTES = 16 * 77_773;
const FORMATS = {
  float32: { mantissaBits: 23, bias: 127, sign: 0x80000000, array: Uint32Array },
  float16: { mantissaBits: 10, bias: 15, sign: 0x8000, array: Uint16Array },
  bfloat16: { mantissaBits: 7, bias: 127, sign: 0x8000, array: Uint16Array },
} as const;
const blocks = new Map<string, Uint8Array>();

/**
 * Gives `nbytes` bytes of `content` to `sink`, in pieces of at most 8 MiB: (offset, bytes). `index`: which array this
 * is. Each begins elsewhere in the block, as layers that are all equal turn every prompt into the same vector.
 */
export async function stream(
  content: Content,
  nbytes: number,
  index: number,
  sink: (offset: number, bytes: Uint8Array) => void | Promise<void>,
): Promise<void> {
  const key = JSON.stringify(content);
  const block = blocks.get(key) ?? makeBlock(content);
  blocks.set(key, block);
  let from = (index * STRIDE_BYTES) % BLOCK_BYTES;
  for (let at = 0; at < nbytes; ) {
    const piece = block.subarray(from, Math.min(BLOCK_BYTES, from + nbytes - at));
    await sink(at, piece);
    at += piece.byteLength;
    from = 0;
  }
}

/** Uniform values in [-1, 1), the same for the same seed. */
export function noise(length: number, seed: number): Float32Array<ArrayBuffer> {
  const random = generator(seed);
  return Float32Array.from({ length }, () => random() / 2 ** 31 - 1);
}

/** Uniform uint32 (Numerical Recipes' linear congruence, its weak low bits mixed). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state ^ (state >>> 13)) >>> 0;
  };
}

function makeBlock(content: Content): Uint8Array {
  const random = generator(7);
  if (content.kind === "words") return bytesOf(Uint32Array.from({ length: BLOCK_BYTES / 4 }, random));
  const { mantissaBits, bias, sign, array } = FORMATS[content.dtype];
  /** 1.m · 2^exponent with random m. */
  const magnitude = (exponent: number) => ((exponent + bias) << mantissaBits) | (random() >>> (32 - mantissaBits));
  const length = BLOCK_BYTES / array.BYTES_PER_ELEMENT;
  const values = new array(length);
  if (content.kind === "ones") values.fill(bias << mantissaBits);
  else if (content.kind === "matrix") {
    for (let i = 0; i < length; i++) values[i] = magnitude(-7) | (random() & 1 ? sign : 0);
  } else {
    // Weights of about ±2^-5, whatever their width: q · scale + minimum with minimum = -2^(bits - 1) · scale.
    const { bits, minimum } = content;
    for (let i = 0; i < length; i += minimum ? 2 : 1) {
      const scale = magnitude(-4 - bits);
      values[i] = scale;
      if (minimum) values[i + 1] = (scale + ((bits - 1) << mantissaBits)) | sign;
    }
  }
  return bytesOf(values);
}

function bytesOf(array: Uint32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
