/**
 * Regular expressions of tokenizer.json (Oniguruma, Ruby's syntax) as JavaScript's with the flag v.
 *
 * Taken over with their meaning: Unicode classes (\s, \d, \w, \h, \p{Han}, [[:alpha:]]), nested classes and
 * intersections, (?i:...), atomic groups and possessive quantifiers, which become a lookahead and a reference to what it
 * captured. Groups capture nothing else: only where a match begins and ends counts. What has no equal is an error.
 */

const WORD = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";
/** Oniguruma's table for Latin-1 counts superscripts and fractions as word characters, outside of classes only. */
const LATIN_WORD = `[${WORD}\u00B2\u00B3\u00B9\u00BC-\u00BE]`;
const SPACE = "\\p{White_Space}";
const HEX = "0-9A-Fa-f";

/** What an escape stands for inside a class. */
const SETS: Readonly<Record<string, string>> = {
  s: SPACE,
  S: "\\P{White_Space}",
  d: "\\p{Nd}",
  D: "\\P{Nd}",
  w: WORD,
  W: `[^${WORD}]`,
  h: HEX,
  H: `[^${HEX}]`,
};
/** Escapes outside of classes that differ from those inside. */
const ATOMS: Readonly<Record<string, string>> = {
  w: LATIN_WORD,
  W: `[^${LATIN_WORD}]`,
  b: `(?:(?<!${LATIN_WORD})(?=${LATIN_WORD})|(?<=${LATIN_WORD})(?!${LATIN_WORD}))`,
  B: `(?:(?<!${LATIN_WORD})(?!${LATIN_WORD})|(?<=${LATIN_WORD})(?=${LATIN_WORD}))`,
  A: "^",
  z: "$",
  Z: "(?=\\n?$)",
  R: "(?:\\r\\n|(?!\\r\\n)[\\n-\\r\\x85\\u2028\\u2029])",
  N: "[^\\n]",
  O: "[^]",
};
const CONTROLS: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13, a: 7, e: 27, "0": 0 };
const POSIX: Readonly<Record<string, string>> = {
  alpha: "\\p{Alphabetic}",
  alnum: "\\p{Alphabetic}\\p{Nd}",
  digit: "\\p{Nd}",
  lower: "\\p{Lowercase}",
  upper: "\\p{Uppercase}",
  space: SPACE,
  blank: "\\t\\p{Zs}",
  punct: "\\p{P}\\p{S}",
  cntrl: "\\p{Cc}",
  xdigit: HEX,
  word: WORD,
};
const MAX_DEPTH = 100;

/** The source for `new RegExp(source, "gv")`; throws SyntaxError for what cannot be taken over. */
export function fromOniguruma(source: string): string {
  return new Translator(source).translate();
}

class Translator {
  private at = 0;
  private depth = 0;
  private captures = 0;
  /** Inside (?i:...). */
  private folds = false;
  private inLookbehind = false;

  constructor(private readonly source: string) {}

  translate(): string {
    const result = this.alternatives();
    if (this.at < this.source.length) this.fail(")");
    return result;
  }

  /** Up to the end or the group's closing parenthesis, which is left. */
  private alternatives(): string {
    if (++this.depth > MAX_DEPTH) this.fail("nesting");
    let out = "";
    while (this.at < this.source.length && this.source[this.at] !== ")") {
      out += this.take(/\|/y) === null ? this.quantified() : "|";
    }
    this.depth--;
    return out;
  }

  private quantified(): string {
    const flag = this.take(/\(\?i\)/y);
    if (flag !== null) {
      // Ruby reads a(?i)b|c as a(?i:b|c).
      const before = this.folds;
      this.folds = true;
      const rest = `(?:${this.alternatives()})`;
      this.folds = before;
      return rest;
    }
    let atom = this.atom();
    for (let simple = true; ; simple = false) {
      const found = this.take(/([*+?]|\{\d+(?:,\d*)?\}|\{,\d+\})([?+]?)/y);
      if (found === null) return atom;
      const [, given, suffix] = found as unknown as [string, string, string];
      const count = given.replace("{,", "{0,");
      const base = simple ? atom : `(?:${atom})`;
      if (given[0] !== "{") atom = suffix === "+" ? this.atomic(base + count) : base + count + suffix;
      // Only after * + ? is a further + possessive; {n}? is Ruby's "n times or not at all".
      else if (suffix === "?" && given.includes(",")) atom = `${base}${count}?`;
      else atom = suffix === "" ? base + count : `(?:${base}${count})${suffix}`;
    }
  }

  private atomic(inner: string): string {
    if (this.inLookbehind) this.fail("an atomic group in a lookbehind");
    const name = `a${this.captures++}`;
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`;
  }

  private atom(): string {
    const { source } = this;
    const character = String.fromCodePoint(source.codePointAt(this.at)!);
    switch (character) {
      case "[":
        return this.characterClass();
      case "(":
        return this.group();
      case ".":
        this.at++;
        return "[^\\n]";
      case "^":
        this.at++;
        return "(?<=^|\\n)";
      case "$":
        this.at++;
        return "(?=\\n|$)";
      case "\\": {
        const found = this.take(
          /\\([a-zA-Z])/y,
          (match) => Object.hasOwn(ATOMS, match[1]!) || Object.hasOwn(SETS, match[1]!),
        );
        if (found !== null) return ATOMS[found[1]!] ?? `[${SETS[found[1]!]!}]`;
        const set = this.property();
        return set === null ? this.literal(this.escaped()) : `[${set}]`;
      }
      case "*":
      case "+":
      case "?":
        return this.fail("a quantifier of nothing");
      default:
        this.at += character.length;
        return this.literal(character.codePointAt(0)!);
    }
  }

  private group(): string {
    if (this.take(/\(\?#[^)]*\)/y) !== null) return "(?:)";
    const found = this.take(/\(\?(?:<?[=!]|[:>]|i:|-i:|<[A-Za-z_]\w*>)|\((?!\?)/y) ?? this.fail("a kind of group");
    const kind = found[0];
    const before = [this.folds, this.inLookbehind] as const;
    if (kind.endsWith("i:")) this.folds = kind === "(?i:";
    if (/<[=!]/.test(kind)) this.inLookbehind = true;
    const inner = this.alternatives();
    [this.folds, this.inLookbehind] = before;
    if (this.take(/\)/y) === null) this.fail("an open group");
    if (kind === "(?>") return this.atomic(inner);
    if (/[=!]$/.test(kind)) return `(?:${kind}${inner}))`;
    return `(?:${inner})`;
  }

  /** \p{...}, \P{...} and \p{^...}: general categories, binary properties, scripts, and POSIX names. */
  private property(): string | null {
    const found = this.take(/\\([pP])\{(\^?)([^{}]*)\}/y);
    if (found === null) return null;
    const [, letter, caret, name] = found as unknown as [string, string, string, string];
    const negated = (letter === "P") !== (caret === "^");
    const posix = POSIX[name.toLowerCase()];
    if (posix !== undefined && Object.hasOwn(POSIX, name.toLowerCase())) return negated ? `[^${posix}]` : posix;
    for (const candidate of [name, `Script=${name}`]) {
      const set = `\\${negated ? "P" : "p"}{${candidate}}`;
      try {
        new RegExp(set, "v");
        return set;
      } catch {
        // The next spelling.
      }
    }
    return this.fail(`the property ${name}`);
  }

  /** The code point of an escape that stands for one. */
  private escaped(): number {
    const hex = this.take(/\\x\{([0-9A-Fa-f]{1,6})\}|\\x([0-9A-Fa-f]{1,2})|\\u([0-9A-Fa-f]{4})/y);
    if (hex !== null) {
      const point = Number.parseInt(hex[1] ?? hex[2] ?? hex[3]!, 16);
      return point <= 0x10ffff ? point : this.fail("a character past U+10FFFF");
    }
    const control = this.take(/\\([a-z]|0(?!\d))/y, (match) => Object.hasOwn(CONTROLS, match[1]!));
    if (control !== null) return CONTROLS[control[1]!]!;
    const other = this.take(/\\([^a-zA-Z0-9])/uy) ?? this.fail("an escape");
    return other[1]!.codePointAt(0)!;
  }

  private literal(point: number): string {
    if (this.folds) {
      const all = folded(point);
      if (all.length > 1) return `[${all.map(inClass).join("")}]`;
    }
    const character = String.fromCodePoint(point);
    return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
  }

  private characterClass(): string {
    if (++this.depth > MAX_DEPTH) this.fail("nesting");
    const start = this.at;
    this.at++;
    const negated = this.take(/\^/y) !== null;
    const operands: string[] = [];
    let operand = "";
    let first = true;
    for (; ; first = false) {
      if (this.at >= this.source.length) this.fail("an open class");
      if (!first && this.take(/\]/y) !== null) break;
      if (this.take(/&&/y) !== null) {
        operands.push(operand);
        operand = "";
        continue;
      }
      const posix = this.take(/\[:(\^?)([a-z]+):\]/y, (match) => Object.hasOwn(POSIX, match[2]!));
      if (posix !== null) {
        operand += posix[1] ? `[^${POSIX[posix[2]!]!}]` : POSIX[posix[2]!]!;
        continue;
      }
      if (this.source[this.at] === "[") {
        operand += this.characterClass();
        continue;
      }
      const set = this.take(/\\([sSdDwWhH])/y);
      const chosen = set === null ? this.property() : SETS[set[1]!]!;
      operand += chosen ?? this.range();
    }
    operands.push(operand);
    if (operands.includes("")) this.fail("an empty class", start);
    this.depth--;
    const inner = operands.length === 1 ? operand : operands.map((each) => `[${each}]`).join("&&");
    return `[${negated ? "^" : ""}${inner}]`;
  }

  /** One character of a class, or a range of them. */
  private range(): string {
    const from = this.classCharacter();
    if (this.take(/-(?![\][]|&&|\\[sSdDwWhHpP])/y) === null) {
      return (this.folds ? folded(from) : [from]).map(inClass).join("");
    }
    const to = this.classCharacter();
    if (to < from) this.fail("a range that ends before it begins");
    const range = `${inClass(from)}-${inClass(to)}`;
    if (!this.folds) return range;
    if (to - from > 1000) this.fail("a long range where case does not count");
    const more = new Set<number>();
    for (let point = from; point <= to; point++) for (const each of folded(point)) more.add(each);
    return [...more].map(inClass).join("");
  }

  private classCharacter(): number {
    if (this.source[this.at] === "\\") return this.take(/\\b/y) === null ? this.escaped() : 8;
    const point = this.source.codePointAt(this.at)!;
    this.at += point > 0xffff ? 2 : 1;
    return point;
  }

  private take(pattern: RegExp, accepts: (match: RegExpExecArray) => boolean = () => true): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.source);
    if (match === null || !accepts(match)) return null;
    this.at += match[0].length;
    return match;
  }

  private fail(what: string, at = this.at): never {
    throw new SyntaxError(`${what} at ${at} of ${JSON.stringify(this.source.slice(0, 200))}`);
  }
}

function inClass(point: number): string {
  const character = String.fromCodePoint(point);
  return /[!-/:-@[-^`{-~]/.test(character) && !/["']/.test(character) ? `\\${character}` : character;
}

/** Characters that are equal where case does not count, by simple case folding; itself first. */
function folded(point: number): number[] {
  const character = String.fromCodePoint(point);
  const all = new Set([character, character.toLowerCase(), character.toUpperCase()]);
  for (const equal of ["sS\u017F", "kK\u212A", "σςΣ", "μµΜ", "åÅ\u212B"]) {
    if (equal.includes(character)) for (const each of equal) all.add(each);
  }
  return [...all].filter((each) => Array.from(each).length === 1).map((each) => each.codePointAt(0)!);
}
