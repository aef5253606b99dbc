/** The Format of a template's own words: special tokens as tokens, the rest as it is spelt. */
import type { Format } from "../constraint/format";

export function markerFormat(text: string, specials: readonly string[]): Format {
  const items: Format[] = [];
  let at = 0;
  while (at < text.length) {
    let next = text.length;
    let token = "";
    for (const special of specials) {
      const found = text.indexOf(special, at);
      if (found >= 0 && (found < next || (found === next && special.length > token.length))) {
        next = found;
        token = special;
      }
    }
    if (next > at) items.push({ type: "literal", text: text.slice(at, next) });
    if (token !== "") items.push({ type: "token", text: token });
    at = next + token.length;
  }
  return sequence(items);
}

/** Nothing is an empty literal, one item is itself, sequences in sequences are joined. */
export function sequence(items: readonly Format[]): Format {
  const flat = items
    .flatMap((item) => (item.type === "sequence" ? item.items : [item]))
    .filter((item) => item.type !== "literal" || item.text !== "");
  return flat.length === 1
    ? flat[0]!
    : flat.length === 0
      ? { type: "literal", text: "" }
      : { type: "sequence", items: flat };
}
