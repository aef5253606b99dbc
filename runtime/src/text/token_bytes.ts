/** The bytes that a token adds to a text, which may be a part of a character. */
import { byteLevelBytes, type DecodeStream } from "./decode";

const utf8 = new TextEncoder();

/** Which ways of writing bytes a decoder of tokenizer.json knows. */
export interface ByteSpelling {
  readonly level: boolean;
  readonly fallback: boolean;
}

export function byteSpelling(decoder: unknown): ByteSpelling {
  const types = JSON.stringify(decoder ?? null);
  return { level: types.includes('"type":"ByteLevel"'), fallback: types.includes('"type":"ByteFallback"') };
}

/** `token`: as tokenizer.json has it, and no special one. */
export function tokenBytes(
  token: string,
  { level, fallback }: ByteSpelling,
  newStream: () => DecodeStream,
): Uint8Array {
  if (level) return byteLevelBytes(token);
  const byte = fallback ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token) : null;
  if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
  // Decoders treat the first token of a text in a way of its own, so what counts is what a second one adds.
  const text = (count: number): string => {
    const stream = newStream();
    let all = "";
    for (let i = 0; i < count; i++) all += stream.push(token);
    return all + stream.end();
  };
  return utf8.encode(text(2).slice(text(1).length));
}
