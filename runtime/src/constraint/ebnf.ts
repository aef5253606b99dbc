/**
 * Grammars as text: rules `name ::= expression`, the first called root. As llama.cpp's GBNF and XGrammar read them:
 *
 *     root   ::= "yes" | "no" reason?      # a comment
 *     reason ::= ": " [^\n]{1,80}
 *
 * Literals in double quotes, classes in brackets, `.` for any character, groups in parentheses, and * + ? {n} {n,} {n,m}
 * behind any of them. Escapes: \n \r \t \\ \" \' \[ \] \- \^ \/ \xHH \uHHHH \UHHHHHHHH.
 */
import type { Work } from "./automaton/dfa";
import { LAST_CODE_POINT, type Range } from "./automaton/utf8";
import type { Grammar } from "./grammar";
import { LIMITS, malformed, notSupported, tooLarge } from "./limits";
import { inverted, normalized } from "./regex/classes";
import { compilePattern } from "./regex/compile";
import type { Pattern } from "./regex/syntax";

const NAME = /[A-Za-z0-9_-]/;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** The rules by name; `root` is one of them. */
export function parseEbnf(source: string, work: Work, path: string): Map<string, Grammar> {
  if (source.length > LIMITS.sourceLength) throw tooLarge(path, "the grammar is too long");
  return new EbnfParser(source, work, path).parse();
}

class EbnfParser {
  private readonly text: readonly string[];
  private at = 0;
  private depth = 0;
  private readonly used = new Set<string>();

  constructor(
    source: string,
    private readonly work: Work,
    private readonly path: string,
  ) {
    this.text = Array.from(source);
  }

  parse(): Map<string, Grammar> {
    const rules = new Map<string, Grammar>();
    for (this.space(true); this.next !== undefined; this.space(true)) {
      const name = this.name();
      this.space(true);
      if (!this.takes("::=")) this.fail(`::= behind the name ${name}`);
      if (rules.has(name)) this.fail(`one rule ${name}`);
      rules.set(name, this.choice());
    }
    if (!rules.has("root")) throw malformed(this.path, "a grammar with a rule root");
    for (const name of this.used)
      if (!rules.has(name)) throw malformed(this.path, `a grammar that has the rule ${name}, which it uses`);
    return rules;
  }

  private get next(): string | undefined {
    return this.text[this.at];
  }

  private takes(expected: string): boolean {
    for (const [i, character] of Array.from(expected).entries()) if (this.text[this.at + i] !== character) return false;
    this.at += expected.length;
    return true;
  }

  private fail(expected: string): never {
    const line = this.text.slice(0, this.at).filter((character) => character === "\n").length + 1;
    throw malformed(this.path, `a grammar with ${expected} in line ${line}`);
  }

  /** Skips white space and comments; `lines`: line ends too. */
  private space(lines: boolean): void {
    for (;;) {
      const { next } = this;
      if (next === "#") while (this.next !== undefined && this.next !== "\n") this.at += 1;
      else if (next === " " || next === "\t" || (lines && (next === "\n" || next === "\r"))) this.at += 1;
      else return;
    }
  }

  private name(): string {
    let name = "";
    while (this.next !== undefined && NAME.test(this.next)) name += this.text[this.at++];
    if (name === "") this.fail("the name of a rule");
    return name;
  }

  private choice(): Grammar {
    if (++this.depth > LIMITS.depth) throw tooLarge(this.path, "its groups are nested too deeply");
    const items = [this.sequence()];
    for (this.blank(); this.takes("|"); this.blank()) items.push(this.sequence());
    this.depth -= 1;
    return items.length === 1 ? items[0]! : { kind: "choice", items };
  }

  /** White space inside of a rule: a line end too, unless a new rule begins behind it, or we are not in a group. */
  private blank(): void {
    this.space(false);
    const back = this.at;
    this.space(true);
    if (this.at === back || this.depth > 1 || this.next === "|") return;
    if (this.next !== undefined && NAME.test(this.next)) {
      const begin = this.at;
      this.name();
      this.space(true);
      const isRule = this.takes("::=");
      this.at = isRule ? back : begin;
    }
  }

  private sequence(): Grammar {
    const items: Grammar[] = [];
    for (this.blank(); this.isItem(); this.blank()) items.push(this.repeated());
    return items.length === 1 ? items[0]! : { kind: "sequence", items };
  }

  private isItem(): boolean {
    const { next } = this;
    if (next === undefined || next === "|" || next === ")" || next === "\n" || next === "\r") return false;
    return true;
  }

  private repeated(): Grammar {
    let item = this.item();
    for (;;) {
      const max = Number.POSITIVE_INFINITY;
      if (this.takes("*")) item = { kind: "repeat", item, min: 0, max };
      else if (this.takes("+")) item = { kind: "repeat", item, min: 1, max };
      else if (this.takes("?")) item = { kind: "repeat", item, min: 0, max: 1 };
      else if (this.next === "{") item = { kind: "repeat", item, ...this.bounds() };
      else return item;
    }
  }

  private bounds(): { min: number; max: number } {
    const end = this.text.indexOf("}", this.at);
    const found = /^\{\s*(\d+)\s*(?:(,)\s*(\d*)\s*)?$/.exec(this.text.slice(this.at, end < 0 ? this.at : end).join(""));
    if (!found) this.fail("{n}, {n,} or {n,m}");
    this.at = end + 1;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === "" ? Number.POSITIVE_INFINITY : Number(found[3]);
    if (max < min) this.fail("a repetition whose first number is not above the second");
    if (min > LIMITS.count || (max > LIMITS.count && max !== Number.POSITIVE_INFINITY))
      throw tooLarge(this.path, `more than ${LIMITS.count} repetitions`);
    return { min, max };
  }

  private item(): Grammar {
    if (this.takes('"')) return this.literal();
    if (this.takes("[")) return this.one(this.bracket());
    if (this.takes("(")) {
      const inner = this.choice();
      this.space(true);
      if (!this.takes(")")) this.fail("a closing parenthesis");
      return inner;
    }
    if (this.takes(".")) return this.one([[0, LAST_CODE_POINT]]);
    if (this.next !== undefined && !NAME.test(this.next)) {
      if ("!&@<~-/'".includes(this.next))
        throw notSupported(this.path, this.next, `${this.next} of a grammar is not supported.`);
      this.fail("a literal, a class, a name or a group");
    }
    const name = this.name();
    this.used.add(name);
    return { kind: "rule", name };
  }

  private one(ranges: readonly Range[]): Grammar {
    return { kind: "automaton", dfa: compilePattern({ kind: "class", ranges }, this.work, this.path) };
  }

  private literal(): Grammar {
    const items: Pattern[] = [];
    while (!this.takes('"')) {
      const code = this.character();
      items.push({ kind: "class", ranges: [[code, code]] });
    }
    return { kind: "automaton", dfa: compilePattern({ kind: "sequence", items }, this.work, this.path) };
  }

  private bracket(): Range[] {
    const negated = this.takes("^");
    const ranges: Range[] = [];
    while (!this.takes("]")) {
      const low = this.character();
      const isRange = this.next === "-" && this.text[this.at + 1] !== "]";
      if (isRange) this.at += 1;
      const high = isRange ? this.character() : low;
      if (high < low) this.fail("a range that ascends");
      ranges.push([low, high]);
    }
    return negated ? inverted(ranges) : normalized(ranges);
  }

  private character(): number {
    const character = this.text[this.at++];
    if (character === undefined) this.fail("a closing quote or bracket");
    if (character !== "\\") return character.codePointAt(0)!;
    const escaped = this.text[this.at++];
    if (escaped === undefined) this.fail("something behind the backslash");
    const digits = HEX_DIGITS[escaped];
    if (digits === undefined) {
      if (/[A-Za-z0-9]/.test(escaped) && !(escaped in ESCAPES)) this.fail(`a known escape and not \\${escaped}`);
      return (ESCAPES[escaped] ?? escaped).codePointAt(0)!;
    }
    const hex = this.text.slice(this.at, this.at + digits).join("");
    const code = /^[0-9A-Fa-f]+$/.test(hex) && hex.length === digits ? Number.parseInt(hex, 16) : Number.NaN;
    if (!(code <= LAST_CODE_POINT)) this.fail(`${digits} hexadecimal digits of a code point`);
    this.at += digits;
    return code;
  }
}
