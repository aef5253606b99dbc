/**
 * The bytes that each token adds to a text, from a tokenizer's decoder: for those who build a text byte by byte. Loaded with
 * the first constraint only.
 */
import { LlmError } from "../internal/errors";
import { byteLevelBytes } from "./decode";
import { compilePattern } from "./pattern";
import type { Tokenizer } from "./tokenizer";

type Json = Readonly<Record<string, unknown>>;

export interface TokenBytes {
  /** Null: a special token, or no token. */
  bytesOf(id: number): Uint8Array | null;
  /** Spaces that are cut off the front of a text: 0 or 1. */
  readonly droppedSpaces: number;
}

const utf8 = new TextEncoder();

/** Errors: not_supported for decoders whose tokens do not stand for bytes of their own. */
export function tokenBytes(tokenizer: Tokenizer): TokenBytes {
  const stages = flat(tokenizer.decoder);
  const byteLevel = stages.some(({ type }) => type === "ByteLevel");
  const changes: ((token: string) => string)[] = [];
  let droppedSpaces = 0;
  let bytesAlone = false;
  for (const stage of byteLevel ? [] : stages) {
    if (stage.type === "ByteFallback") bytesAlone = true;
    else if (stage.type === "Replace") {
      const pattern = compilePattern(stage.pattern, "decoder.pattern");
      changes.push((token) => token.replace(pattern, () => String(stage.content)));
    } else if (stage.type === "Metaspace") {
      const mark = typeof stage.replacement === "string" ? stage.replacement : "▁";
      if (stage.prepend_scheme !== "never" && stage.add_prefix_space !== false) droppedSpaces = 1;
      changes.push((token) => token.replaceAll(mark, " "));
    } else if (stage.type === "Strip" && stage.content === " " && !stage.stop && Number(stage.start ?? 0) <= 1)
      droppedSpaces = Number(stage.start ?? 0);
    else if (stage.type !== "Fuse")
      throw new LlmError(
        "not_supported",
        `An answer cannot be constrained with a tokenizer that has the decoder ${stage.type}.`,
      );
  }
  if (stages.length === 0)
    throw new LlmError("not_supported", "An answer cannot be constrained with a tokenizer that has no decoder.");
  return {
    droppedSpaces,
    bytesOf(id) {
      const token = tokenizer.visibleToken(id);
      if (token === null) return null;
      if (byteLevel) return byteLevelBytes(token);
      const byte = bytesAlone ? /^<0x([0-9A-Fa-f]{2})>$/.exec(token) : null;
      if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
      return utf8.encode(changes.reduce((text, change) => change(text), token));
    },
  };
}

/** The decoder's stages in order; the tokenizer has checked them. */
function flat(decoder: unknown): readonly Json[] {
  if (typeof decoder !== "object" || decoder === null) return [];
  const config = decoder as Json;
  return config.type === "Sequence" ? (config.decoders as readonly unknown[]).flatMap(flat) : [config];
}
