/**
 * Regular expressions in JavaScript's syntax (ECMA-262, with the leniency of its Annex B where there is no flag u).
 *
 * What no automaton can decide, or not without seeing what comes, is refused by name: lookaround, backreferences, \b
 * and \B. Groups, lazy quantifiers and names change what is captured and not what matches, so they are read and
 * forgotten. Text is code points, as with the flag u.
 */
import type { Range } from "../automaton/utf8";
import { LAST_CODE_POINT } from "../automaton/utf8";
import { LIMITS, malformed, notSupported, tooLarge } from "../limits";
import { caseless, DIGITS, inverted, LINE_ENDS, normalized, property, SPACES, WORD } from "./classes";
import type { Pattern } from "./syntax";

export function parseRegex(source: string, flags: string, path: string): Pattern {
  if (source.length > LIMITS.sourceLength) throw tooLarge(path, "the pattern is too long");
  for (const flag of flags) {
    if (flag === "m" || flag === "v") throw notSupported(path, `flag ${flag}`, `the flag ${flag} is not supported.`);
    // g, y and d say how a match is searched and reported; the whole answer is one match.
    if (!"dgimsuy".includes(flag)) throw malformed(path, `a pattern with flags of JavaScript, and ${flag} is none`);
  }
  try {
    new RegExp(source, flags);
  } catch {
    throw malformed(path, "a regular expression in JavaScript's syntax");
  }
  return new RegexParser(source, flags, path).parse();
}

const ESCAPES: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };
const CLASSES: Readonly<Record<string, readonly Range[]>> = { d: DIGITS, w: WORD, s: SPACES };

class RegexParser {
  private readonly text: readonly string[];
  private at = 0;
  private depth = 0;
  private readonly unicode: boolean;
  private readonly ignoreCase: boolean;
  private readonly dotAll: boolean;

  constructor(
    source: string,
    flags: string,
    private readonly path: string,
  ) {
    this.text = Array.from(source);
    this.unicode = flags.includes("u");
    this.ignoreCase = flags.includes("i");
    this.dotAll = flags.includes("s");
  }

  parse(): Pattern {
    return this.choice();
  }

  private get next(): string | undefined {
    return this.text[this.at];
  }

  private takes(expected: string): boolean {
    if (this.next !== expected) return false;
    this.at += 1;
    return true;
  }

  private refuse(what: string): never {
    throw notSupported(this.path, what, `${what} of a regular expression is not supported.`);
  }

  private choice(): Pattern {
    if (++this.depth > LIMITS.depth) throw tooLarge(this.path, "the groups of the pattern are nested too deeply");
    const items = [this.sequence()];
    while (this.takes("|")) items.push(this.sequence());
    this.depth -= 1;
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  private sequence(): Pattern {
    const items: Pattern[] = [];
    while (this.next !== undefined && this.next !== "|" && this.next !== ")") items.push(this.quantified());
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  private quantified(): Pattern {
    const item = this.atom();
    const bounds = this.quantifier();
    return bounds === null ? item : { kind: "repeat", item, ...bounds };
  }

  private quantifier(): { min: number; max: number } | null {
    const bounds = this.bounds();
    if (bounds !== null) this.takes("?"); // lazy: the same texts
    return bounds;
  }

  private bounds(): { min: number; max: number } | null {
    const max = Number.POSITIVE_INFINITY;
    if (this.takes("*")) return { min: 0, max };
    if (this.takes("+")) return { min: 1, max };
    if (this.takes("?")) return { min: 0, max: 1 };
    if (this.next !== "{") return null;
    const end = this.text.indexOf("}", this.at);
    const found = end < 0 ? null : /^\{(\d+)(?:(,)(\d*))?$/.exec(this.text.slice(this.at, end).join(""));
    if (found === null) return null; // Annex B: a brace by itself
    this.at = end + 1;
    const min = Number(found[1]);
    const last = found[2] === undefined ? min : found[3] === "" ? max : Number(found[3]);
    return { min, max: last };
  }

  private atom(): Pattern {
    const character = this.text[this.at++]!;
    switch (character) {
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case ".":
        return this.one(this.dotAll ? inverted([]) : inverted(LINE_ENDS));
      case "(":
        return this.group();
      case "[":
        return this.bracket();
      case "\\":
        return this.escaped();
      default:
        return this.one([single(character)]);
    }
  }

  private group(): Pattern {
    if (this.takes("?")) {
      if (this.takes(":")) {
        // a group that is not captured
      } else if (this.next === "=" || this.next === "!") this.refuse("lookahead");
      else if (this.takes("<")) {
        if (this.next === "=" || this.next === "!") this.refuse("lookbehind");
        while (!this.takes(">")) this.at += 1;
      } else this.refuse(`a group with modifiers`);
    }
    const inner = this.choice();
    this.takes(")");
    return inner;
  }

  private one(ranges: readonly Range[]): Pattern {
    return { kind: "class", ranges: this.folded(ranges) };
  }

  private folded(ranges: readonly Range[]): Range[] {
    return this.ignoreCase ? caseless(ranges, this.unicode) : normalized(ranges);
  }

  private escaped(): Pattern {
    const { next } = this;
    if (next === "b" || next === "B") this.refuse(`\\${next}`);
    if (next !== undefined && next >= "1" && next <= "9") this.refuse("a backreference");
    if (next === "k" && (this.unicode || this.text.join("").includes("(?<"))) this.refuse("a backreference");
    return this.one(this.escape());
  }

  /** Behind a backslash, in or out of brackets. */
  private escape(): readonly Range[] {
    const character = this.text[this.at++]!;
    const lower = character.toLowerCase();
    const known = CLASSES[lower];
    if (known) return character === lower ? known : inverted(known);
    if (lower === "p" && this.unicode) return this.property(character === "P");
    const control = ESCAPES[character];
    if (control !== undefined) return [[control, control]];
    switch (character) {
      case "0":
        return [[0, 0]];
      case "c": {
        const letter = this.next;
        if (letter === undefined || !/[A-Za-z]/.test(letter)) {
          this.at -= 1; // Annex B: a backslash by itself
          return [single("\\")];
        }
        this.at += 1;
        return [[letter.charCodeAt(0) % 32, letter.charCodeAt(0) % 32]];
      }
      case "x":
        return this.hexadecimal(2) ?? [single("x")];
      case "u":
        return this.unicodeEscape();
      default:
        return [single(character)];
    }
  }

  private hexadecimal(digits: number): Range[] | null {
    const hex = this.text.slice(this.at, this.at + digits).join("");
    if (hex.length !== digits || !/^[0-9A-Fa-f]+$/.test(hex)) return null;
    this.at += digits;
    const code = Number.parseInt(hex, 16);
    return [[code, code]];
  }

  private unicodeEscape(): readonly Range[] {
    if (this.unicode && this.next === "{") {
      const end = this.text.indexOf("}", this.at);
      const code = Number.parseInt(this.text.slice(this.at + 1, end).join(""), 16);
      this.at = end + 1;
      return [[code, code]];
    }
    const first = this.hexadecimal(4);
    if (first === null) return [single("u")];
    const [high] = first[0]!;
    if (high < 0xd800 || high > 0xdbff) return first;
    const back = this.at;
    if (this.takes("\\") && this.takes("u")) {
      const second = this.hexadecimal(4);
      const low = second?.[0]?.[0] ?? 0;
      if (low >= 0xdc00 && low <= 0xdfff) {
        const code = 0x10000 + (high - 0xd800) * 0x400 + (low - 0xdc00);
        return [[code, code]];
      }
    }
    this.at = back;
    return first;
  }

  private property(negated: boolean): readonly Range[] {
    const end = this.text.indexOf("}", this.at);
    const name = this.text.slice(this.at + 1, end).join("");
    this.at = end + 1;
    const found = property(name);
    if (found === null) return this.refuse(`\\p{${name.slice(0, 40)}}`);
    return negated ? inverted(found) : found;
  }

  private bracket(): Pattern {
    const negated = this.takes("^");
    const ranges: Range[] = [];
    while (!this.takes("]")) {
      const low = this.member();
      if (this.next === "-" && this.text[this.at + 1] !== "]" && this.text[this.at + 1] !== undefined) {
        this.at += 1;
        const high = this.member();
        if (isSingle(low) && isSingle(high)) ranges.push([low[0]![0], high[0]![0]]);
        else ranges.push(...low, single("-"), ...high); // Annex B: [\d-x]
      } else ranges.push(...low);
    }
    const folded = this.folded(ranges);
    return { kind: "class", ranges: negated ? inverted(folded) : folded };
  }

  private member(): readonly Range[] {
    if (!this.takes("\\")) return [single(this.text[this.at++]!)];
    if (this.takes("b")) return [[8, 8]];
    if (this.unicode && this.takes("-")) return [single("-")];
    return this.escape();
  }
}

function single(character: string): Range {
  const code = Math.min(character.codePointAt(0)!, LAST_CODE_POINT);
  return [code, code];
}

function isSingle(ranges: readonly Range[]): boolean {
  return ranges.length === 1 && ranges[0]![0] === ranges[0]![1];
}
