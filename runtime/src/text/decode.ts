/**
 * Decoders of tokenizer.json as streams: tokens go in one by one, text comes out as soon as it is final.
 *
 * A decoder is a chain of stages. Each stage is fed the tokens that the Python library's `decode_chain` would see, in
 * order, and gives out the same tokens, later ones possibly after later input or at the end. After `Fuse` there is one
 * single token; its stages are fed fragments of it. So the concatenated output equals the one-shot decoding by
 * construction, and nothing is given out that later input could change: half a UTF-8 character stays inside.
 *
 * NOTE: like the Python library, byte fallback turns *every* byte of a run of byte tokens into U+FFFD where the run as
 * a whole is not valid UTF-8, so a run is held back until a token that is not a byte ends it.
 */
import { compilePattern } from "./pattern";
import { BYTE_CHARACTERS } from "./pre_tokenize";
import { asObject, flag, text, tokenizerReader } from "./tokenizer_json";

type Emit = (token: string) => void;

/** One stage of one stream. `end` comes once, after the last token. */
interface Stage {
  push(token: string, emit: Emit): void;
  end(emit: Emit): void;
}

/** Makes the stages of a fresh stream. */
export type DecoderFactory = () => DecodeStream;

export class DecodeStream {
  constructor(private readonly stages: readonly Stage[]) {}

  push(token: string): string {
    return this.feed(0, token);
  }

  end(): string {
    let output = "";
    this.stages.forEach((stage, index) => {
      stage.end((token) => {
        output += this.feed(index + 1, token);
      });
    });
    return output;
  }

  private feed(index: number, token: string): string {
    const stage = this.stages[index];
    if (stage === undefined) return token;
    let output = "";
    stage.push(token, (next) => {
      output += this.feed(index + 1, next);
    });
    return output;
  }
}

type StageFactory = () => Stage;

export function buildDecoder(json: unknown): DecoderFactory {
  const factories: StageFactory[] = json === null || json === undefined ? [spaced] : [];
  if (factories.length === 0) collect(json, "decoder", factories, { fused: false });
  return () => new DecodeStream(factories.map((make) => make()));
}

/** Without a decoder the Python library joins tokens with spaces. */
const spaced: StageFactory = () => {
  let first = true;
  return {
    push(token, emit) {
      emit(first ? token : ` ${token}`);
      first = false;
    },
    end() {},
  };
};

function collect(json: unknown, path: string, factories: StageFactory[], state: { fused: boolean }): void {
  const config = asObject(json, path);
  const { fused } = state;
  switch (config.type) {
    case "Sequence":
      tokenizerReader.array(config.decoders, `${path}.decoders`, 0, 64).forEach((part, index) => {
        collect(part, `${path}.decoders[${index}]`, factories, state);
      });
      return;
    case "ByteLevel":
      state.fused = true; // it gives one token, decoded from all bytes
      factories.push(fused ? whole((token) => decodeBytes([token])) : byteLevel);
      return;
    case "ByteFallback":
      if (fused) tokenizerReader.fail(path, "before the decoder that joins the tokens");
      factories.push(byteFallback);
      return;
    case "Fuse":
      state.fused = true;
      return;
    case "Replace": {
      const pattern = compilePattern(config.pattern, `${path}.pattern`);
      const content = text(config, "content", "", path);
      const replace = (token: string): string => token.replace(pattern, () => content);
      factories.push(fused ? whole(replace) : each(replace));
      return;
    }
    case "Strip": {
      const content = tokenizerReader.string(config.content, `${path}.content`, 4);
      if (content === "") tokenizerReader.fail(`${path}.content`, "a character");
      const start = tokenizerReader.integer(config.start ?? 0, `${path}.start`, 0, 1000);
      const stop = tokenizerReader.integer(config.stop ?? 0, `${path}.stop`, 0, 1000);
      factories.push(fused ? fusedStrip(content, start, stop) : each((token) => strip(token, content, start, stop)));
      return;
    }
    case "Metaspace":
      factories.push(metaspace(config, path));
      return;
    case "WordPiece":
      factories.push(wordPiece(config, path));
      return;
    default:
      tokenizerReader.fail(
        `${path}.type`,
        "one of Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, WordPiece (others cannot be reproduced exactly)",
        config.type,
      );
  }
}

function each(convert: (token: string) => string): StageFactory {
  return () => ({
    push: (token, emit) => emit(convert(token)),
    end() {},
  });
}

/** For what must see the whole of a fused token: nothing comes before the end. No known LLaMA tokenizer needs it. */
function whole(convert: (token: string) => string): StageFactory {
  return () => {
    let buffered = "";
    return {
      push(token) {
        buffered += token;
      },
      end(emit) {
        if (buffered !== "") emit(convert(buffered));
      },
    };
  };
}

const utf8 = new TextEncoder();
const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** The bytes a byte-level token stands for; a token with any other character stands for its own UTF-8. */
export function byteLevelBytes(token: string): Uint8Array {
  const bytes: number[] = [];
  for (const character of token) {
    const byte = BYTE_OF.get(character);
    if (byte === undefined) return utf8.encode(token);
    bytes.push(byte);
  }
  return Uint8Array.from(bytes);
}

function decodeBytes(tokens: readonly string[]): string {
  const stage = byteLevel();
  let output = "";
  const emit = (piece: string): void => {
    output += piece;
  };
  for (const token of tokens) stage.push(token, emit);
  stage.end(emit);
  return output;
}

/** TextDecoder and Rust's from_utf8_lossy both put one U+FFFD for each maximal part of an invalid sequence. */
function byteLevel(): Stage {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const give = (piece: string, emit: Emit): void => {
    if (piece !== "") emit(piece);
  };
  return {
    push: (token, emit) => give(decoder.decode(byteLevelBytes(token), { stream: true }), emit),
    end: (emit) => give(decoder.decode(), emit),
  };
}

function byteFallback(): Stage {
  let run: number[] = [];
  const endRun = (emit: Emit): void => {
    if (run.length === 0) return;
    try {
      const piece = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(run));
      emit(piece);
    } catch {
      for (const _ of run) emit("\uFFFD");
    }
    run = [];
  };
  return {
    push(token, emit) {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
      if (byte !== null) {
        run.push(Number.parseInt(byte[1]!, 16));
        return;
      }
      endRun(emit);
      emit(token);
    },
    end: endRun,
  };
}

function strip(token: string, content: string, start: number, stop: number): string {
  const characters = Array.from(token);
  let first = 0;
  while (first < start && characters[first] === content) first++;
  let last = characters.length;
  while (characters.length - last < stop && characters[last - 1] === content) last--;
  return characters.slice(first, Math.max(first, last)).join("");
}

/** Strip over the fragments of one token: counts at the front, holds back at most `stop` characters at the back. */
function fusedStrip(content: string, start: number, stop: number): StageFactory {
  return () => {
    let left = start;
    let tail = "";
    return {
      push(token, emit) {
        let piece = token;
        while (left > 0 && piece !== "") {
          if (piece.startsWith(content)) {
            piece = piece.slice(content.length);
            left--;
          } else left = 0;
        }
        piece = tail + piece;
        let held = 0;
        while (
          held < stop &&
          piece.endsWith(content, piece.length - held * content.length) &&
          held * content.length < piece.length
        )
          held++;
        const cut = piece.length - held * content.length;
        tail = piece.slice(cut);
        if (cut > 0) emit(piece.slice(0, cut));
      },
      end() {},
    };
  };
}

/** Every replacement character becomes a space, except in the first token, where it is dropped unless the scheme is never. */
function metaspace(config: Record<string, unknown>, path: string): StageFactory {
  const replacement = text(config, "replacement", "▁", path);
  const never = config.prepend_scheme === "never" || config.add_prefix_space === false;
  return () => {
    let first = true;
    return {
      push(token, emit) {
        const space = first && !never ? "" : " ";
        first = false;
        emit(token.replaceAll(replacement, () => space));
      },
      end() {},
    };
  };
}

/** A space before every token but the first and those that go on with a word; then English punctuation is drawn close. */
function wordPiece(config: Record<string, unknown>, path: string): StageFactory {
  const prefix = text(config, "prefix", "##", path);
  const cleanup = flag(config, "cleanup", true, path);
  return () => {
    let first = true;
    return {
      push(token, emit) {
        let piece = first ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
        first = false;
        if (cleanup) {
          piece = piece
            .replace(/ ([.?!,])/g, "$1")
            .replaceAll(" ' ", "'")
            .replace(/ (n't|'m|'s|'ve|'re)/g, "$1")
            .replaceAll(" do not", " don't");
        }
        emit(piece);
      },
      end() {},
    };
  };
}
