/**
 * Strings of JSON, behind their opening quote: bytes and escapes give characters, and an automaton reads those.
 *
 * While an answer is generated, only such escapes are written as are needed or usual; judging, all are read. Half a
 * surrogate pair is no text and accepted nowhere.
 */
import type { Dfa } from "../automaton/dfa";
import { utf8Bytes, utf8Sequences } from "../automaton/utf8";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

const SHORT: Readonly<Record<string, number>> = { '"': 0x22, "\\": 0x5c, b: 8, f: 12, n: 10, r: 13, t: 9 };

/** What a string reads characters with: an automaton, or one that some names are taken out of. */
export interface Reader {
  /** -1: no text goes on like that. */
  step(state: number, byte: number): number;
  /** Every character, or none, leads on to the same. */
  readonly free: (state: number) => boolean;
}

export function dfaReader(dfa: Dfa, free: (state: number) => boolean): Reader {
  return { step: (state, byte) => dfa.step(state, byte), free };
}

/** A place in a string: the reader's state, and what was read of an escape. */
export interface Place {
  readonly state: number;
  readonly escaping: string;
}

export type Moved = Place | "closed" | null;

/** After one more byte. "closed": by the quote, which the caller may refuse. */
export function stringStep(reader: Reader, place: Place, byte: number, generating: boolean): Moved {
  const { state, escaping } = place;
  if (escaping !== "") return escapeStep(reader, state, escaping + String.fromCharCode(byte), generating);
  if (byte === QUOTE) return "closed";
  if (byte === BACKSLASH) return canEscape(reader, state, generating) ? { state, escaping: "\\" } : null;
  if (byte < 0x20) return null;
  return moved(reader.step(state, byte));
}

function moved(state: number): Place | null {
  return state < 0 ? null : { state, escaping: "" };
}

function afterCharacter(reader: Reader, state: number, code: number): number {
  return utf8Bytes(code).reduce((at, byte) => (at < 0 ? at : reader.step(at, byte)), state);
}

function escapeStep(reader: Reader, state: number, escaping: string, generating: boolean): Moved {
  const short = SHORT[escaping.slice(1)] ?? (escaping === "\\/" && !generating ? 0x2f : undefined);
  if (escaping.length === 2 && short !== undefined) return moved(afterCharacter(reader, state, short));
  if (!/^\\(u[0-9a-fA-F]{0,3}|u[0-9a-fA-F]{4}(\\(u[0-9a-fA-F]{0,4})?)?)?$/.test(escaping)) return null;
  if (escaping.length === 6) {
    const code = Number.parseInt(escaping.slice(2), 16);
    if (code < 0xd800 || code > 0xdbff) {
      if (!mayBeWritten(reader, state, code, generating)) return null;
      return code > 0xdfff || code < 0xd800 ? moved(afterCharacter(reader, state, code)) : null;
    }
  }
  if (escaping.length === 12) {
    const [high, low] = [escaping.slice(2, 6), escaping.slice(8)].map((hex) => Number.parseInt(hex, 16));
    return moved(afterCharacter(reader, state, 0x10000 + (high! - 0xd800) * 0x400 + (low! - 0xdc00)));
  }
  return canGoOn(reader, state, escaping, generating) ? { state, escaping } : null;
}

/** Characters that are written as \u: control characters, and any where every text is right. */
function mayBeWritten(reader: Reader, state: number, code: number, generating: boolean): boolean {
  return !generating || code < 0x20 || reader.free(state);
}

function canEscape(reader: Reader, state: number, generating: boolean): boolean {
  if (reader.free(state)) return true;
  if (Object.values(SHORT).some((code) => afterCharacter(reader, state, code) >= 0)) return true;
  return canGoOn(reader, state, "\\u", generating);
}

/** Whether some end of this \u escape is a character that the reader takes. */
function canGoOn(reader: Reader, state: number, escaping: string, generating: boolean): boolean {
  const [, first = "", second] = /^\\u?([0-9a-fA-F]*)(?:\\u?([0-9a-fA-F]*))?$/.exec(escaping)!;
  const [low, high] = hexRange(first);
  if (second === undefined) {
    const last = generating && !reader.free(state) ? Math.min(high, 0x1f) : high;
    if (exists(reader, state, low, Math.min(last, 0xd7ff)) || exists(reader, state, Math.max(low, 0xe000), last))
      return true;
    const [from, to] = [Math.max(low, 0xd800), Math.min(last, 0xdbff)];
    return from <= to && exists(reader, state, pair(from, 0xdc00), pair(to, 0xdfff));
  }
  const [from, to] = hexRange(second);
  const [lowest, highest] = [Math.max(from, 0xdc00), Math.min(to, 0xdfff)];
  return lowest <= highest && exists(reader, state, pair(low, lowest), pair(low, highest));
}

function pair(high: number, low: number): number {
  return 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
}

function hexRange(digits: string): [number, number] {
  return [Number.parseInt(digits.padEnd(4, "0"), 16), Number.parseInt(digits.padEnd(4, "f"), 16)];
}

/** Whether the reader takes one of the characters low to high. */
function exists(reader: Reader, state: number, low: number, high: number): boolean {
  if (low > high) return false;
  if (reader.free(state)) return true;
  return utf8Sequences(low, high).some((sequence) => {
    let states = new Set([state]);
    for (const [first, last] of sequence) {
      const next = new Set<number>();
      for (const at of states) {
        for (let byte = first; byte <= last; byte++) {
          const to = reader.step(at, byte);
          if (to >= 0) next.add(to);
        }
      }
      states = next;
    }
    return states.size > 0;
  });
}

/** A byte that begins a character, and does not go on with one. */
export function beginsCharacter(byte: number): boolean {
  return (byte & 0xc0) !== 0x80;
}
