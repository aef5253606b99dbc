/**
 * How a model writes tool calls, as data. One shape serves every family:
 *
 *     start  open head NAME separator ARGUMENTS tail close  between  open head ... close  end
 *
 * Markers are compared without their whitespace, since models are not exact about it. `ID` and `INDEX` in a
 * marker stand for what differs from call to call.
 */

/** Stands for an id in a marker: a character that no template writes. */
export const ID = "\uf8f0";
/** Stands for a number or word that is counted from call to call. */
export const INDEX = "\uf8f1";

/** Arguments one by one, each as open KEY middle VALUE close; text as it is, everything else as JSON. */
export interface Tags {
  readonly open: string;
  readonly middle: string;
  readonly close: string;
  readonly between: string;
}

export interface Syntax {
  readonly start: string;
  readonly open: string;
  readonly head: string;
  readonly separator: string;
  readonly tail: string;
  readonly close: string;
  /** Null: one call an answer. */
  readonly between: string | null;
  readonly end: string;
  /** The call is a JSON object with these keys, in whatever order the model writes them. */
  readonly json: { readonly name: string; readonly arguments: string } | null;
  /** `python`: key=value, ... with Python's literals. */
  readonly arguments: "json" | "python" | Tags;
  /** A call of this name is no call: what follows it is content (Functionary 3.2). */
  readonly contentName?: string;
  /** The generation prompt has already written `open`. */
  readonly opened?: boolean;
  /** What may stand before a first call beside `start` (Llama 3's <|python_tag|>). */
  readonly also?: string;
}

/** The text that begins a call wherever it stands; empty where only the beginning of an answer tells. */
export function trigger({ start, open, also }: Syntax): string {
  return also ?? /^\s*((?:(?![>\]\s]).)*[>\]]*)/su.exec(start + open)![1]!;
}

/** Whether a call without its marks, at the beginning of an answer, is one as well. */
export function isBareAllowed({ json, start, open, also }: Syntax): boolean {
  return json !== null && (also !== undefined || start === "" || (start + open).trim() === "");
}

/** The calls as the model writes them. `arguments` must be JSON text of an object. */
export function write(syntax: Syntax, calls: readonly { name: string; arguments: string; id: string }[]): string {
  const { start, open, head, separator, tail, close, between, end } = syntax;
  const written = calls.map(({ name, arguments: text, id }, index) => {
    const mark = (marker: string): string => marker.replaceAll(ID, () => id).replaceAll(INDEX, String(index));
    return mark(open + head) + name + mark(separator) + argumentsText(syntax, text) + mark(tail + close);
  });
  return start + written.join(between ?? "\n") + end;
}

function argumentsText({ arguments: form }: Syntax, text: string): string {
  if (form === "json") return text;
  const entries = Object.entries(JSON.parse(text) as object);
  if (form === "python") return entries.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(", ");
  const { open, middle, close, between } = form;
  const plain = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  return entries.map(([key, value]) => open + key + middle + plain(value) + close).join(between);
}
