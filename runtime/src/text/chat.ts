/**
 * Messages → prompt text and the parts of it that users wrote.
 *
 * "<|im_end|>" typed by a user must not become a control token. So the tokenizer has to know which characters of the
 * rendered prompt came from message content, although a template may trim, split or quote it. Three ways, each
 * checked against the plain rendering, which always decides the text:
 * 1. render with an unguessable word in place of each content (its outer whitespace kept) and put the contents back;
 * 2. render with the first and last characters of control tokens in contents replaced by private characters; where
 *    they come out is user text;
 * 3. neither gives the same text: then no content may hold a control token at all, else `invalid_request`.
 */
import { LlmError } from "../internal/errors";
import { edgeCharacters, type Guard, veilText } from "./added-tokens";
import type { ChatMessage, ChatTemplate } from "./template";
import type { AddedToken } from "./tokenizer-json";

export interface Prompt {
  readonly text: string;
  readonly guard: Guard;
}

/** `controls`: the tokens that are always control tokens; any other added token counts where the template writes it. */
export function renderChat(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  addedTokens: readonly AddedToken[],
  isAlwaysControl: (token: AddedToken) => boolean,
): Prompt {
  const text = template.render(messages);
  const words = messages.map(() => unguessableWord());
  const outline = tryRender(template, messages, (content, index) => withCore(content, words[index]!));
  const own = (outline ?? "").split(new RegExp(words.join("|") || "(?!)", "u"));
  const isControl = (token: AddedToken): boolean =>
    isAlwaysControl(token) || (outline !== null && own.some((part) => part.includes(token.content)));

  const spans =
    (outline === null ? null : spansOfWords(text, outline, messages, words)) ??
    spansOfVeil(template, text, messages, edgeCharacters(addedTokens.filter(isControl)));
  if (spans !== null) return { text, guard: { spans, isControl } };

  refuseControlTokens(messages, outline === null ? addedTokens : addedTokens.filter(isControl));
  return { text, guard: { spans: [], isControl } };
}

function unguessableWord(): string {
  const values = crypto.getRandomValues(new Uint8Array(16));
  return `x${Array.from(values, (value) => value.toString(16).padStart(2, "0")).join("")}x`;
}

/** The content without outer whitespace, replaced; whitespace alone stays. */
function withCore(content: string, core: string): string {
  const trimmed = content.trim();
  if (trimmed === "") return content;
  const start = content.indexOf(trimmed);
  return content.slice(0, start) + core + content.slice(start + trimmed.length);
}

/** A template may refuse a content that it does not know how to handle; the plain rendering has succeeded before. */
function tryRender(
  template: ChatTemplate,
  messages: readonly ChatMessage[],
  change: (content: string, index: number) => string,
): string | null {
  try {
    return template.render(messages.map(({ role, content }, index) => ({ role, content: change(content, index) })));
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
  const contents = new Map(words.map((word, index) => [word, messages[index]!.content.trim()]));
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
  text: string,
  messages: readonly ChatMessage[],
  veiled: ReadonlySet<string>,
): [number, number][] | null {
  // One veil over all contents and the text, so that the private characters mean the same in every message.
  const joined = messages.map(({ content }) => content).join("") + text;
  const length = joined.length - text.length;
  const veil = veilText(joined, 0, [[0, length]], veiled);
  let position = 0;
  const parts = messages.map(({ content }) => {
    const start = position;
    for (const character of content) position += veiled.has(character) ? 2 : character.length;
    return veil.text.slice(start, position);
  });
  const outline = tryRender(template, messages, (_, index) => parts[index]!);
  if (outline === null || veil.lift(outline) !== text) return null;
  const spans: [number, number][] = [];
  let written = 0;
  for (const character of outline) {
    const shown = veil.lift(character);
    if (shown !== character) spans.push([written, written + shown.length]);
    written += shown.length;
  }
  return spans;
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
