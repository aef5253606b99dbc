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
  const { array } = FORMATS[content.dtype];
  const values = new array(BLOCK_BYTES / array.BYTES_PER_ELEMENT);
  const encode = (value: number) => encoded(value, content.dtype);
  /** In [1, 2). */
  const mantissa = () => 1 + random() / 2 ** 32;
  if (content.kind === "ones") values.fill(encode(1));
  else if (content.kind === "matrix") {
    for (let i = 0; i < values.length; i++) values[i] = encode((random() & 1 ? -1 : 1) * mantissa() * 2 ** -7);
  } else {
    // Weights of at most about 2^-5, whatever their width. A mean that is not 0 would make all activations alike.
    const { bits, minimum } = content;
    const middle = (2 ** bits - 1) / 2;
    for (let i = 0; i < values.length; i += minimum ? 2 : 1) {
      const scale = mantissa() * 2 ** (-4 - bits);
      values[i] = encode(scale);
      if (minimum) values[i + 1] = encode(-middle * scale);
    }
  }
  return bytesOf(values);
}

/** The bits of a value, rounded; it must be neither 0 nor too small for a normal number. */
function encoded(value: number, dtype: FloatDtype): number {
  const { mantissaBits, bias, sign } = FORMATS[dtype];
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  const fraction = Math.round((Math.abs(value) / 2 ** exponent - 1) * 2 ** mantissaBits);
  return (exponent + bias) * 2 ** mantissaBits + fraction + (value < 0 ? sign : 0);
}

function bytesOf(array: Uint32Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
