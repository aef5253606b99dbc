/**
 * Messages → prompt text and the parts of it that users wrote.
 *
 * "<|im_end|>" typed by a user must not become a control token. So the tokenizer has to know which characters of the
 * rendered prompt came from callers (contents, calls, tools), although a template may trim, split or quote them. Four
 * ways, tried in order and each checked against the plain rendering, which always decides the text:
 * 1. where contents are all that callers wrote, render with an unguessable word in place of each content (its outer
 *    whitespace kept) and put the contents back;
 * 2. render with the characters at which any control token could begin or end replaced by private ones in their texts;
 * 3. the same for whole control tokens in their texts only, for templates that look for other markup in them;
 *    here a control token half written by the template and half by a caller would not be noticed;
 * 4. none gives the same text: then no text may hold a control token at all, else `invalid_request`.
 */
import { type ErrorDetail, LlmError } from "../internal/errors";
import { edgeCharacters, type Guard, veilText } from "./added_tokens";
import { strip } from "./jinja/text_methods";
import type { ChatMessage, ChatTemplate, Json } from "./template";
import type { AddedToken } from "./tokenizer_json";

export interface Prompt {
  readonly text: string;
  readonly guard: Guard;
}

export interface ChatOptions {
  readonly variables?: Readonly<Record<string, Json>>;
  /** The last message, the assistant's, goes on: nothing comes after its content. */
  readonly continueFinal?: boolean;
}

/** What a template is given, all of which comes from the caller. */
interface Given {
  readonly messages: readonly ChatMessage[];
  readonly variables: Readonly<Record<string, Json>>;
}

/**
 * `controls`: the tokens that are always control tokens; any other added token counts where the template writes it.
 * Errors: `invalid_request` where the template refuses or leaves out a message, or where step 4 does.
 */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  addedTokens: readonly AddedToken[],
  isAlwaysControl: (token: AddedToken) => boolean,
  { variables = {}, continueFinal = false }: ChatOptions = {},
): Prompt {
  const mark = unguessableWord();
  const render = (given: Given): string => {
    if (!continueFinal) return template.render(given.messages, given.variables);
    const last = given.messages.at(-1)!;
    const marked = [...given.messages.slice(0, -1), { ...last, content: `${last.content ?? ""}${mark} ` }];
    const text = template.render(marked, { ...given.variables, add_generation_prompt: false });
    const end = text.lastIndexOf(mark);
    if (end < 0) throw refusal("cannot let the final message go on: it changes or leaves out the message's content");
    // As transformers does: a template that trims the message trims it at the mark.
    return text.startsWith(`${mark} `, end) ? text.slice(0, end) : text.slice(0, end).trimEnd();
  };
  const given: Given = { messages, variables };
  const text = render(given);
  const words = messages.map(() => unguessableWord());
  const outlined = messages.map((message, index) => ({
    ...message,
    content: message.content === null ? null : withCore(message.content, words[index]!),
  }));
  const outline = tryRender(render, { messages: outlined, variables });
  if (outline !== null) refuseMissing(messages, words, outline);
  const own = (outline ?? "").split(new RegExp(words.join("|") || "(?!)", "u"));
  // Without an outline it is not known what the template writes, so every added token counts.
  const isControl = (token: AddedToken): boolean =>
    isAlwaysControl(token) || outline === null || own.some((part) => part.includes(token.content));

  const controls = addedTokens.filter(isControl);
  const isPlain =
    Object.values(variables).every((value) => value === null || !["string", "object"].includes(typeof value)) &&
    messages.every((message) => Object.keys(message).length === 2);
  const spans =
    (outline === null || !isPlain ? null : spansOfWords(text, outline, messages, words)) ??
    spansOfVeil(render, text, given, controls, (content) => [[0, content.length]]) ??
    spansOfVeil(render, text, given, controls, (content) => occurrences(content, controls));
  if (spans !== null) return { text, guard: { spans, isControl } };

  refuseControlTokens(given, controls);
  return { text, guard: { spans: [], isControl } };
}

function refusal(what: string, detail?: ErrorDetail): LlmError {
  return new LlmError("invalid_request", `The model's chat template ${what}.`, detail);
}

function unguessableWord(): string {
  const values = crypto.getRandomValues(new Uint8Array(16));
  return `x${Array.from(values, (value) => value.toString(16).padStart(2, "0")).join("")}x`;
}

/** The content without outer whitespace, replaced; whitespace alone stays. */
function withCore(content: string, core: string): string {
  const trimmed = strip(content);
  if (trimmed === "") return content;
  const start = content.indexOf(trimmed);
  return content.slice(0, start) + core + content.slice(start + trimmed.length);
}

/** What templates drop without a word would be missed by whoever wrote it. Of answers they drop the reasoning. */
function refuseMissing(messages: readonly ChatMessage[], words: readonly string[], outline: string): void {
  messages.forEach(({ role, content }, index) => {
    if (role === "assistant" || strip(content ?? "") === "" || outline.includes(words[index]!)) return;
    const detail = { message: index, role };
    throw refusal(`leaves out message ${index + 1}: it knows no message of role ${JSON.stringify(role)} there`, detail);
  });
}

/** A template may refuse a content that it does not know how to handle; the plain rendering has succeeded before. */
function tryRender(render: (given: Given) => string, given: Given): string | null {
  try {
    return render(given);
  } catch (error) {
    if (error instanceof LlmError) return null;
    throw error;
  }
}

function spansOfWords(
  text: string,
  outline: string,
  messages: readonly ChatMessage[],
  words: readonly string[],
): [number, number][] | null {
  const contents = new Map(words.map((word, index) => [word, strip(messages[index]!.content ?? "")]));
  const spans: [number, number][] = [];
  let rebuilt = "";
  for (const part of outline.split(new RegExp(`(${words.join("|") || "(?!)"})`, "u"))) {
    const content = contents.get(part);
    if (content === undefined) rebuilt += part;
    else {
      spans.push([rebuilt.length, rebuilt.length + content.length]);
      rebuilt += content;
    }
  }
  return rebuilt === text ? spans : null;
}

/** Every text in a value, keys as well, changed by `change`; roles are the template's. */
export function mapTexts<T>(given: T, change: (text: string) => string): T {
  const map = (value: unknown, key = ""): unknown => {
    if (typeof value === "string") return key === "role" ? value : change(value);
    if (Array.isArray(value)) return value.map((item) => map(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [change(name), map(item, name)]));
  };
  return map(given) as T;
}

function spansOfVeil(
  render: (given: Given) => string,
  text: string,
  given: Given,
  controls: readonly AddedToken[],
  veiledRanges: (content: string) => readonly (readonly [number, number])[],
): [number, number][] | null {
  // One veil over all that is given and the text, so that the private characters mean the same everywhere.
  const ranges: [number, number][] = [];
  let joined = "";
  mapTexts(given, (content) => {
    for (const [start, end] of veiledRanges(content)) ranges.push([joined.length + start, joined.length + end]);
    joined += content;
    return content;
  });
  const veil = veilText(joined + text, 0, ranges, edgeCharacters(controls));
  if (veil === null) return null;
  let position = 0;
  const veiled = mapTexts(given, (content) => {
    position += content.length;
    return veil.text.slice(position - content.length, position);
  });
  const outline = tryRender(render, veiled);
  if (outline === null || veil.lift(outline) !== text) return null;
  const spans: [number, number][] = [];
  for (let index = 0; index < outline.length; index++) {
    if (outline[index] !== text[index]) spans.push([index, index + 1]);
  }
  return spans;
}

/** Where control tokens are, ascending and joined where they overlap. */
function occurrences(content: string, controls: readonly AddedToken[]): [number, number][] {
  const found: [number, number][] = [];
  for (const token of controls) {
    for (let at = content.indexOf(token.content); at >= 0; at = content.indexOf(token.content, at + 1)) {
      found.push([at, at + token.content.length]);
    }
  }
  found.sort(([left], [right]) => left - right);
  const joined: [number, number][] = [];
  for (const range of found) {
    const last = joined.at(-1);
    if (last !== undefined && range[0] < last[1]) last[1] = Math.max(last[1], range[1]);
    else joined.push(range);
  }
  return joined;
}

function refuseControlTokens(given: Given, controls: readonly AddedToken[]): void {
  const refuse = (place: string) => (text: string) => {
    const lower = text.toLowerCase();
    const token = controls.find((candidate) => lower.includes(candidate.content.toLowerCase()));
    if (token === undefined) return text;
    throw new LlmError(
      "invalid_request",
      `${place} holds the control token ${JSON.stringify(token.content)}, and this model's chat template ` +
        "changes text in a way that cannot be followed. Remove it.",
      { token: token.content },
    );
  };
  given.messages.forEach((message, index) => {
    mapTexts(message, refuse(`Message ${index + 1}`));
  });
  mapTexts(given.variables, refuse("A tool or a template variable"));
}
