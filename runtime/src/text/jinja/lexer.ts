/**
 * Template text → tokens, by the rules of Jinja's lexer with trim_blocks and lstrip_blocks, as transformers sets them.
 *
 * CR LF and CR are line feeds, and one line feed at the end is dropped.
 */
import { fail } from "./failure";
import { hexEscape } from "./print";
import { SPACE, strip } from "./text_methods";

export interface Token {
  /** data is text outside of tags; end closes a tag; eof is the last. */
  readonly type: "data" | "variable" | "block" | "end" | "name" | "string" | "number" | "operator" | "eof";
  readonly text: string;
  readonly value?: bigint | number;
  readonly line: number;
}

const BLOCK_END = `\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`;
const sticky = (pattern: string): RegExp => new RegExp(pattern, "suy");
const TAG = /\{([{%#])([-+]?)/g;
const RAW = sticky(`\\{%[-+]?[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\})`);
const RAW_END = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:${BLOCK_END})`, "gsu");
const COMMENT_END = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, "gsu");
const VARIABLE_CLOSES = sticky(`-\\}\\}[${SPACE}]*|\\}\\}`);
const BLOCK_CLOSES = sticky(BLOCK_END);
const GAP = sticky(`[${SPACE}]+`);
const DIGITS = "(?:\\d+_)*\\d+";
const EXPONENT = `[eE][-+]?${DIGITS}`;
const FLOAT = sticky(`(?<!\\.)${DIGITS}(?:(?:\\.${DIGITS})?${EXPONENT}|\\.${DIGITS})`);
const INTEGER = sticky("0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\\da-fA-F])+|[1-9](?:_?\\d)*|0(?:_?0)*");
const NAME = sticky("[\\p{ID_Start}_]\\p{ID_Continue}*");
const STRING = sticky(`'([^'\\\\]*(?:\\\\.[^'\\\\]*)*)'|"([^"\\\\]*(?:\\\\.[^"\\\\]*)*)"`);
const OPERATOR = sticky("\\*\\*|//|==|!=|>=|<=|[-+/*%~[\\](){}><=.:|,;]");
const CLOSING: Record<string, string> = { "(": ")", "[": "]", "{": "}" };

export function tokenize(template: string): Token[] {
  const source = template.replace(/\r\n?/g, "\n").replace(/\n$/, "");
  const tokens: Token[] = [];
  let at = 0;
  let [lineStart, line] = [0, 1];
  const push = (type: Token["type"], text: string, value?: bigint | number): void => {
    for (; lineStart < at; lineStart++) if (source[lineStart] === "\n") line++;
    if (type !== "data" || text !== "") tokens.push({ type, text, line, ...(value === undefined ? {} : { value }) });
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(source);
    if (found !== null) at = found.index + found[0].length;
    return found;
  };
  /** Text before a tag, without what the tag's sign and lstrip_blocks take of it. */
  const data = (start: number, end: number, sign: string, isVariable: boolean): void => {
    const text = source.slice(start, end);
    const lastLine = text.lastIndexOf("\n") + 1;
    const isLineStart = lastLine > 0 || start === 0 || source[start - 1] === "\n";
    const isStripped = sign !== "+" && !isVariable && isLineStart && strip(text.slice(lastLine)) === "";
    push("data", sign === "-" ? strip(text, null, "right") : isStripped ? text.slice(0, lastLine) : text);
  };

  for (;;) {
    const start = at;
    const tag = match(TAG);
    if (tag === null) {
      push("data", source.slice(start));
      push("eof", "");
      return tokens;
    }
    const [, kind, sign] = tag as unknown as [string, string, string];
    data(start, tag.index, sign, kind === "{");
    const inside = at;
    at = tag.index;
    if (kind === "%" && match(RAW) !== null) {
      const from = at;
      const end = match(RAW_END) ?? fail("a raw block has no end");
      data(from, end.index, end[1]!, false);
      continue;
    }
    at = inside;
    if (kind === "#") {
      if (match(COMMENT_END) === null) fail("a comment has no end");
      continue;
    }
    push(kind === "{" ? "variable" : "block", "");
    tagTokens(kind === "{" ? VARIABLE_CLOSES : BLOCK_CLOSES);
  }

  function tagTokens(closes: RegExp): void {
    const open: string[] = [];
    for (;;) {
      if (open.length === 0 && match(closes) !== null) break;
      if (match(GAP) !== null) continue;
      const float = match(FLOAT);
      const integer = float ?? match(INTEGER);
      if (integer !== null) {
        const digits = integer[0].replaceAll("_", "");
        push("number", digits, float === null ? BigInt(digits) : Number(digits));
        continue;
      }
      const name = match(NAME);
      if (name !== null) {
        push("name", name[0]);
        continue;
      }
      const string = match(STRING);
      if (string !== null) {
        push("string", withoutEscapes(string[1] ?? string[2]!));
        continue;
      }
      const operator =
        match(OPERATOR)?.[0] ??
        fail(`line ${line}: ${at < source.length ? "unexpected character" : "a tag has no end"}`);
      if (CLOSING[operator] !== undefined) open.push(CLOSING[operator]);
      else if (")]}".includes(operator) && open.pop() !== operator) fail(`line ${line}: unexpected ${operator}`);
      push("operator", operator);
    }
    push("end", "");
  }
}

const ESCAPES: Record<string, string> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\n": "" };

/** Python's escapes in a string literal; one that is not known stays as it is. */
function withoutEscapes(text: string): string {
  const sequence = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|(.)|$)/gsu;
  return text.replace(sequence, (all, octal?: string, x?: string, u?: string, long?: string, other?: string) => {
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const hex = x ?? u ?? long;
    if (hex !== undefined) {
      const code = Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : fail("an escape is no character");
    }
    if (other === undefined || "xuUN".includes(other)) return fail(`the escape ${all} is not complete`);
    if ("\\'\"".includes(other)) return other;
    // Jinja escapes what is not ASCII before it unescapes, so a backslash before it makes the escape visible.
    return ESCAPES[other] ?? `\\${other > "\x7f" ? hexEscape(other).slice(1) : other}`;
  });
}
