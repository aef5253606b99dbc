/**
 * Messages → prompt text and the parts of it that users wrote.
 *
 * "<|im_end|>" typed by a user must not become a control token. So the tokenizer has to know which characters of the
 * rendered prompt came from message content, although a template may trim, split or quote it. Four ways, tried in
 * order and each checked against the plain rendering, which always decides the text:
 * 1. render with an unguessable word in place of each content (its outer whitespace kept) and put the contents back;
 * 2. render with the characters at which any control token could begin or end replaced by private ones in contents;
 * 3. the same for whole control tokens in contents only, for templates that look for other markup in contents;
 *    here a control token half written by the template and half by a user would not be noticed;
 * 4. none gives the same text: then no content may hold a control token at all, else `invalid_request`.
 */
import { LlmError } from "../internal/errors";
import { edgeCharacters, type Guard, veilText } from "./added_tokens";
import { strip } from "./jinja/text_methods";
import type { ChatMessage, ChatTemplate, Json } from "./template";
import type { AddedToken } from "./tokenizer_json";

export interface Prompt {
  readonly text: string;
  readonly guard: Guard;
}

/** What a template sees beside the messages. */
export type Variables = Readonly<Record<string, Json>>;

/** `controls`: the tokens that are always control tokens; any other added token counts where the template writes it. */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  addedTokens: readonly AddedToken[],
  isAlwaysControl: (token: AddedToken) => boolean,
  variables: Variables = {},
): Prompt {
  const text = template.render(messages, variables);
  const words = messages.map(() => unguessableWord());
  const outline = tryRender(template, variables, messages, (content, index) => withCore(content, words[index]!));
  const own = (outline ?? "").split(new RegExp(words.join("|") || "(?!)", "u"));
  // Without an outline it is not known what the template writes, so every added token counts.
  const isControl = (token: AddedToken): boolean =>
    isAlwaysControl(token) || outline === null || own.some((part) => part.includes(token.content));

  const controls = addedTokens.filter(isControl);
  const spans =
    (outline === null ? null : spansOfWords(text, outline, messages, words)) ??
    spansOfVeil(template, variables, text, messages, controls, (content) => [[0, content.length]]) ??
    spansOfVeil(template, variables, text, messages, controls, (content) => occurrences(content, controls));
  if (spans !== null) return { text, guard: { spans, isControl } };

  refuseControlTokens(messages, controls);
  return { text, guard: { spans: [], isControl } };
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

/** A template may refuse a content that it does not know how to handle; the plain rendering has succeeded before. */
function tryRender(
  template: ChatTemplate,
  variables: Variables,
  messages: readonly ChatMessage[],
  change: (content: string, index: number) => string,
): string | null {
  try {
    return template.render(
      messages.map((message, index) => ({ ...message, content: change(message.content, index) })),
      variables,
    );
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
  const contents = new Map(words.map((word, index) => [word, strip(messages[index]!.content)]));
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

function spansOfVeil(
  template: ChatTemplate,
  variables: Variables,
  text: string,
  messages: readonly ChatMessage[],
  controls: readonly AddedToken[],
  veiledRanges: (content: string) => readonly (readonly [number, number])[],
): [number, number][] | null {
  // One veil over all contents and the text, so that the private characters mean the same in every message.
  const ranges: [number, number][] = [];
  let joined = "";
  for (const { content } of messages) {
    for (const [start, end] of veiledRanges(content)) ranges.push([joined.length + start, joined.length + end]);
    joined += content;
  }
  const veil = veilText(joined + text, 0, ranges, edgeCharacters(controls));
  if (veil === null) return null;
  let position = 0;
  const parts = messages.map(({ content }) => {
    position += content.length;
    return veil.text.slice(position - content.length, position);
  });
  const outline = tryRender(template, variables, messages, (_, index) => parts[index]!);
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

function refuseControlTokens(messages: readonly ChatMessage[], controls: readonly AddedToken[]): void {
  messages.forEach(({ content }, index) => {
    const lower = content.toLowerCase();
    const token = controls.find((candidate) => lower.includes(candidate.content.toLowerCase()));
    if (token === undefined) return;
    throw new LlmError(
      "invalid_request",
      `Message ${index + 1} holds the control token ${JSON.stringify(token.content)}, and this model's chat template ` +
        "changes message text in a way that cannot be followed. Remove it from the message.",
      { message: index, token: token.content },
    );
  });
}
