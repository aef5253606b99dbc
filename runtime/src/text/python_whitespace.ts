/**
 * Lets JavaScript's trim, which the template library uses for trim and strip, decide as Python's strip does.
 *
 * The two languages disagree on six characters. While a template runs, these are replaced at the ends of message
 * contents by characters that occur in no content and on which JavaScript decides as Python does. Inside a content
 * they stay, so that a tojson sees them.
 */

/** Whitespace for Python's str.strip and not for JavaScript's trim: U+001C to U+001F, U+0085. */
const ONLY_PYTHON = [0x1c, 0x1d, 0x1e, 0x1f, 0x85].map((code) => String.fromCharCode(code));
/** Whitespace for trim and not for strip. */
const ONLY_JAVASCRIPT = "\ufeff";
/** Whitespace in both languages, and so rare that some of it is free. */
const RARE = [
  0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x205f,
].map((code) => String.fromCharCode(code));

export class PythonWhitespace {
  private readonly to = new Map<string, string>();
  private readonly from = new Map<string, string>();

  constructor(contents: readonly string[]) {
    const all = contents.join("");
    const free = RARE.filter((character) => !all.includes(character));
    for (const character of ONLY_PYTHON) if (all.includes(character)) this.exchange(character, free.pop());
    if (all.includes(ONLY_JAVASCRIPT)) {
      const used = new Set(all);
      let code = 0xf8ff; // downwards, away from where chat.ts begins to take private characters
      while (code > 0xe000 && used.has(String.fromCharCode(code))) code--;
      this.exchange(ONLY_JAVASCRIPT, String.fromCharCode(code));
    }
  }

  enter(content: string): string {
    if (this.to.size === 0) return content;
    let start = 0;
    while (start < content.length && isEither(content[start]!)) start++;
    let end = content.length;
    while (end > start && isEither(content[end - 1]!)) end--;
    return replace(content.slice(0, start), this.to) + content.slice(start, end) + replace(content.slice(end), this.to);
  }

  leave(rendered: string): string {
    return this.from.size === 0 ? rendered : replace(rendered, this.from);
  }

  private exchange(character: string, stand: string | undefined): void {
    if (stand === undefined) return;
    this.to.set(character, stand);
    this.from.set(stand, character);
  }
}

function isEither(character: string): boolean {
  return /\s/.test(character) || ONLY_PYTHON.includes(character);
}

function replace(value: string, table: ReadonlyMap<string, string>): string {
  return value.replace(/[^!-~]/g, (character) => table.get(character) ?? character);
}
