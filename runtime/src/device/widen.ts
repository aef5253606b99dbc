/** 16-bit floats of the weights as float32. */

/** `bytes`: little-endian values, 2 bytes each. */
export function widen(dtype: "float16" | "bfloat16", bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint32Array(bytes.byteLength / 2);
  for (let i = 0; i < words.length; i++) {
    const half = view.getUint16(2 * i, true);
    words[i] = dtype === "bfloat16" ? half << 16 : float32Bits(half);
  }
  return new Float32Array(words.buffer);
}

function float32Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const mantissa = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (mantissa << 13);
  if (exponent > 0) return sign | ((exponent + 112) << 23) | (mantissa << 13);
  if (mantissa === 0) return sign;
  // A subnormal number: its highest bit becomes the implicit one.
  const shift = Math.clz32(mantissa) - 21;
  return sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13);
}
