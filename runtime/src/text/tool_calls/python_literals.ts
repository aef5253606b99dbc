/** Python's literals, as models write arguments with them, made JSON. */

/** JSON text of the literal; null where it is none. Words of JSON (true, null) count as well. */
export function pythonToJson(text: string): string | null {
  let at = 0;
  const peek = (): string => {
    while (/\s/.test(text[at] ?? "")) at++;
    return text[at] ?? "";
  };
  const fail = (): never => {
    throw new SyntaxError("no literal");
  };
  const list = (closing: string, item: () => string): string[] => {
    const items: string[] = [];
    at++;
    while (peek() !== closing) {
      items.push(item());
      if (peek() === ",") at++;
      else if (peek() !== closing) fail();
    }
    at++;
    return items;
  };
  const value = (): string => {
    const next = peek();
    if (next === "'" || next === '"') return string(next);
    if (next === "[" || next === "(") return `[${list(next === "[" ? "]" : ")", value).join(", ")}]`;
    if (next === "{") {
      const entry = (): string => {
        const quote = peek();
        const key = quote === "'" || quote === '"' ? string(quote) : fail();
        if (peek() !== ":") fail();
        at++;
        return `${key}: ${value()}`;
      };
      return `{${list("}", entry).join(", ")}}`;
    }
    const word = /^[\w.+-]+/.exec(text.slice(at))?.[0] ?? fail();
    at += word.length;
    const constant = { True: "true", False: "false", None: "null" }[word] ?? word;
    JSON.parse(constant);
    return constant;
  };
  const string = (quote: string): string => {
    let raw = "";
    for (at++; text[at] !== quote; at++) {
      if (at >= text.length) fail();
      if (text[at] === "\\") raw += text[at++];
      raw += text[at];
    }
    at++;
    const escaped = raw.replace(/\\x([0-9a-fA-F]{2})|\\([\s\S])|["\n\t\r]/g, (all, hex?: string, mark?: string) => {
      if (hex !== undefined) return `\\u00${hex}`;
      if (mark === undefined) return JSON.stringify(all).slice(1, -1);
      return '"\\/bfnrtu'.includes(mark) ? all : mark === "'" ? "'" : `\\\\${mark}`;
    });
    return JSON.stringify(JSON.parse(`"${escaped}"`));
  };
  try {
    const json = value();
    return peek() === "" ? json : null;
  } catch {
    return null;
  }
}
