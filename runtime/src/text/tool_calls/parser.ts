/**
 * The streaming parser of every Syntax: text as generated in, OpenAI's deltas out.
 *
 * It reads as if all characters were there (generators, which wait where the text ends), so that where the text is cut
 * makes no difference. Until a call's name and the beginning of its arguments are known nothing of it is given out, and
 * what then turns out to be no call is content; afterwards arguments are given out as they come. Nothing is lost.
 */
import { partOf } from "../reasoning_splitter";
import { pythonToJson } from "./python_literals";
import { ID, INDEX, isBareAllowed, type Syntax, type Tags, trigger } from "./syntax";
import type { Delta, Tool, ToolCallParser } from "./types";
import { isText, parsedValue } from "./values";

type Reading<T> = Generator<undefined, T, undefined>;
type Schema = Tool["function"]["parameters"];

/** So much may come before a name: bounds what a text full of false beginnings costs. */
const MOST_BEFORE_NAME = 4096;
const NAME = /[\w.-]/;
const SPACE = /\s/;

export class CallParser implements ToolCallParser {
  private text = "";
  private at = 0;
  private hasEnded = false;
  private deltas: Delta[] = [];
  private calls = 0;
  /** Where the call began that is being read; its name has been given out. */
  private begun = 0;
  private isOpen = false;
  private foundId: string | null = null;
  private readonly trigger: string;
  private readonly schemas: ReadonlyMap<string, Schema>;
  private readonly reading: Reading<void>;

  /** Without `tools` every name is one. */
  constructor(
    private readonly syntax: Syntax,
    tools: readonly Tool[],
    private readonly newId: () => string,
  ) {
    this.trigger = trigger(syntax);
    this.schemas = new Map(tools.map(({ function: { name, parameters } }) => [name, parameters]));
    this.reading = this.answer();
    if (syntax.opened) this.text = syntax.start + syntax.open;
  }

  push(text: string): readonly Delta[] {
    this.text += text;
    return this.go();
  }

  end(): readonly Delta[] {
    this.hasEnded = true;
    return this.go();
  }

  private go(): readonly Delta[] {
    this.reading.next();
    const { deltas } = this;
    this.deltas = [];
    return deltas;
  }

  private *answer(): Reading<void> {
    const { syntax } = this;
    if (isBareAllowed(syntax) && (this.trigger === "" || this.schemas.size > 0)) yield* this.bare();
    while (yield* this.content()) {
      if (yield* this.section(syntax.also ?? syntax.start + syntax.open)) continue;
      this.giveContent(this.trigger);
      this.at = this.trigger.length;
    }
  }

  /**
   * An object says too little to be a call wherever it stands; at the beginning of an answer it counts. Where the
   * family has marks, small models forget them, and write the object alone or as a block of code.
   */
  private *bare(): Reading<void> {
    const isBlock = this.trigger !== "" && ((yield* this.marker("```json")) || (yield* this.marker("```")));
    if ((yield* this.isNext("{")) && (yield* this.section("", true))) {
      if (isBlock) yield* this.marker("```", true);
    } else this.at = 0;
  }

  /** Gives text out up to a trigger, where the text then begins. False: the answer has ended. */
  private *content(): Reading<boolean> {
    for (;;) {
      this.text = this.text.slice(this.at);
      this.at = 0;
      const found = this.trigger === "" ? -1 : this.text.indexOf(this.trigger);
      if (found < 0 && this.hasEnded) {
        if (this.calls === 0 || this.text.trim() !== "") this.giveContent(this.text);
        return false;
      }
      const end = found >= 0 ? found : this.text.length - partOf(this.trigger, this.text);
      const piece = this.text.slice(0, end).trimEnd(); // The whitespace before a call is the template's.
      this.giveContent(piece);
      this.at = found >= 0 ? found : piece.length;
      if (found >= 0) break;
      yield;
    }
    this.text = this.text.slice(this.at);
    this.at = 0;
    return true;
  }

  private giveContent(text: string): void {
    if (text !== "") this.deltas.push({ type: "content", text });
  }

  /** Calls one after the other. False: there is none, nor other content of the format's own. */
  private *section(marker: string, isBare = false): Reading<boolean> {
    const { close, between, open, end } = this.syntax;
    this.begun = this.at;
    if (!(yield* this.marker(marker)) || !(yield* this.call())) return false;
    while (this.isOpen) {
      this.isOpen = false;
      yield* this.marker(close, true);
      const after = this.at;
      if (end.trim() !== "" && (yield* this.marker(end, true))) return true;
      this.at = this.begun = after;
      // Where one call an answer is the rule, models still write several, one after the other or with semicolons.
      const goesOn =
        between !== null && !isBare
          ? yield* this.marker(between + open)
          : (yield* this.marker(`;${isBare ? "" : open}`)) || isBare || (yield* this.marker(open));
      if (goesOn && (yield* this.call())) continue;
      this.at = after;
    }
    return true;
  }

  /** One call without its `open` and `close`. */
  private *call(): Reading<boolean> {
    this.foundId = null;
    return yield* this.syntax.json === null ? this.named() : this.object(this.syntax.json);
  }

  private *object(keys: { name: string; arguments: string }): Reading<boolean> {
    if (!(yield* this.marker("{"))) return false;
    let name: string | null = null;
    let held: string | null = null;
    while (!(yield* this.marker("}"))) {
      const key = yield* this.string();
      if (key === null || !(yield* this.marker(":"))) return this.isOpen;
      if (key === keys.name && name === null) {
        name = yield* this.string();
        if (name === null || !this.isKnown(name)) return false;
      } else if ([keys.arguments, "arguments", "parameters"].includes(key) && !this.isOpen && held === null) {
        if (name !== null) {
          if (!(yield* this.jsonArguments(name))) return this.isOpen;
        } else {
          held = yield* this.value(false);
          if (held?.[0] !== "{") return false;
        }
      } else if ((yield* this.value(false)) === null) return this.isOpen;
      yield* this.marker(",");
    }
    if (this.isOpen) return true;
    if (name === null) return false;
    this.open(name);
    this.give(held ?? "{}");
    return true;
  }

  private *named(): Reading<boolean> {
    const { separator, arguments: form, contentName } = this.syntax;
    yield* this.space();
    const name = yield* this.name();
    if (name === contentName) {
      if (SPACE.test(yield* this.peek())) this.at++;
      return true;
    }
    if (name === "" || !this.isKnown(name) || !(yield* this.marker(separator))) return false;
    if (form === "json") return yield* this.jsonArguments(name);
    return yield* form === "python" ? this.pythonArguments(name) : this.taggedArguments(name, form);
  }

  private *name(): Reading<string> {
    const start = this.at;
    while (NAME.test(yield* this.peek())) this.at++;
    return this.text.slice(start, this.at);
  }

  private isKnown(name: string): boolean {
    return this.schemas.size === 0 || this.schemas.has(name);
  }

  private open(name: string): void {
    this.isOpen = true;
    this.deltas.push({ type: "tool_call", index: this.calls++, id: this.foundId ?? this.newId(), name, arguments: "" });
  }

  private give(text: string): void {
    const index = this.calls - 1;
    const last = this.deltas.at(-1);
    if (last?.type === "tool_call") this.deltas[this.deltas.length - 1] = { ...last, arguments: last.arguments + text };
    else this.deltas.push({ type: "tool_call", index, arguments: text });
  }

  /** An object, or JSON text of one in quotes. Opens the call. */
  private *jsonArguments(name: string): Reading<boolean> {
    if (yield* this.isNext('"')) {
      const text = yield* this.string();
      if (text === null || typeof parsedValue(text) !== "object") return false;
      this.open(name);
      this.give(text);
      return true;
    }
    const start = (yield* this.isNext("{")) ? this.at : -1;
    this.at++;
    if (start < 0 || !((yield* this.isNext('"')) || (yield* this.isNext("}")))) return false;
    this.at = start;
    this.open(name);
    yield* this.value(true);
    return true;
  }

  private *taggedArguments(name: string, tags: Tags): Reading<boolean> {
    const { properties } = (this.schemas.get(name) ?? {}) as { properties?: Record<string, unknown> };
    const before = this.at;
    const isEmpty = !(yield* this.marker(tags.open));
    // Something must follow that belongs to a call.
    if (isEmpty && !(yield* this.marker(this.syntax.close + this.syntax.end))) return false;
    this.at = before;
    this.open(name);
    this.give("{");
    for (let isFirst = true; yield* this.marker(tags.open); isFirst = false) {
      const key = yield* this.upTo(tags.middle);
      if (key === null || !(yield* this.marker(tags.middle))) return true;
      this.give(`${isFirst ? "" : ", "}${JSON.stringify(key.trim())}: `);
      if (!(yield* this.taggedValue(tags, properties?.[key.trim()]))) return true;
      yield* this.marker(tags.close, true);
      const after = this.at;
      if (!(yield* this.marker(tags.between, true))) this.at = after;
    }
    this.give("}");
    return true;
  }

  /** Up to the value's end, which stays. The whitespace of the marks around is theirs and no more of it. */
  private *taggedValue({ middle, close }: Tags, schema: unknown): Reading<boolean> {
    const lead = /\s*$/.exec(middle)![0];
    const trail = /^\s*/.exec(close)![0];
    if (lead !== "" && (yield* this.peek()) === "\n") this.at++;
    const asText = isText(schema);
    // MiniCPM 5 writes text with markup so.
    const isWrapped = asText && (yield* this.marker("<![CDATA["));
    const mark = isWrapped ? "]]>" : firstWord(close);
    if (asText) this.give('"');
    let given = this.at;
    for (;;) {
      const found = this.text.indexOf(mark, given);
      const rest = this.text.slice(given, found < 0 ? undefined : found);
      const isWhole = found >= 0 || this.hasEnded;
      const held = isWhole ? Number(found >= 0 && rest.endsWith(trail)) * trail.length : partOf(trail + mark, rest);
      const piece = rest.slice(0, rest.length - Math.max(held, isWhole ? 0 : partOf(mark, rest)));
      if (asText) {
        this.give(JSON.stringify(piece).slice(1, -1));
        given += piece.length;
      }
      if (isWhole) {
        this.at = found < 0 ? this.text.length : found + (isWrapped ? mark.length : 0);
        if (found >= 0) this.give(asText ? '"' : JSON.stringify(parsedValue(piece, schema)));
        return found >= 0;
      }
      yield;
    }
  }

  private *pythonArguments(name: string): Reading<boolean> {
    yield* this.space();
    const next = yield* this.peek();
    if (!/[\w)]/.test(next)) return false;
    this.open(name);
    this.give("{");
    for (let isFirst = true; !(yield* this.isNext(")")); isFirst = false) {
      const key = yield* this.upTo("=");
      if (key === null) return true;
      this.at++;
      const value = pythonToJson(yield* this.pythonValue());
      if (value === null) return true;
      this.give(`${isFirst ? "" : ", "}${JSON.stringify(key.trim())}: ${value}`);
      yield* this.marker(",");
    }
    this.give("}");
    return true;
  }

  /** The text up to a comma or closing bracket that is not inside of the value. */
  private *pythonValue(): Reading<string> {
    const start = this.at;
    let depth = 0;
    let quote = "";
    for (let next = yield* this.peek(); next !== ""; next = yield* this.peek()) {
      if (quote !== "") {
        if (next === "\\") this.at++;
        else if (next === quote) quote = "";
      } else if (next === "'" || next === '"') quote = next;
      else if ("([{".includes(next)) depth++;
      else if (depth === 0 && (next === "," || next === ")")) break;
      else if (")]}".includes(next)) depth--;
      this.at++;
    }
    return this.text.slice(start, this.at);
  }

  /** The characters before the first one of `mark`; null where the answer ends before. */
  private *upTo(mark: string): Reading<string | null> {
    const start = this.at;
    const first = firstWord(mark)[0];
    for (let next = yield* this.peek(); next !== first; next = yield* this.peek()) {
      if (next === "") return null;
      this.at++;
    }
    return this.text.slice(start, this.at);
  }

  /** One JSON value as it is written, given out as it comes where `isStreamed`. Null: there is none. */
  private *value(isStreamed: boolean): Reading<string | null> {
    yield* this.space();
    const start = this.at;
    const closing: string[] = [];
    let isInText = false;
    for (;;) {
      const next = yield* this.peek();
      if (next === "") return null;
      if (!isInText && closing.length === 0 && this.at > start && /[\s,}\]:]/.test(next)) break;
      this.at++;
      if (isStreamed) this.give(next);
      if (isInText) {
        if (next === "\\") {
          const escaped = yield* this.peek();
          this.at++;
          if (isStreamed) this.give(escaped);
        } else if (next === '"') isInText = false;
        if (isInText || closing.length > 0) continue;
        break;
      }
      if (next === '"') isInText = true;
      else if (next === "{" || next === "[") closing.push(next === "{" ? "}" : "]");
      else if (next === "}" || next === "]") {
        if (closing.pop() !== next) return null;
        if (closing.length === 0) break;
      }
    }
    return this.text.slice(start, this.at);
  }

  private *string(): Reading<string | null> {
    if (!(yield* this.isNext('"'))) return null;
    const parsed = parsedValue((yield* this.value(false)) ?? "");
    return typeof parsed === "string" ? parsed : null;
  }

  /** Whether `mark` comes, whitespace aside, and takes it. With `mayEnd`, as much of it as there is at the end. */
  private *marker(mark: string, mayEnd = false): Reading<boolean> {
    const start = this.at;
    for (const wanted of mark.replace(/\s+/g, "").split("")) {
      yield* this.space();
      if (wanted === ID || wanted === INDEX) {
        const word = yield* this.name();
        if (wanted === ID && word !== "") this.foundId = word;
        continue;
      }
      const next = yield* this.peek();
      if (next === "" && mayEnd && this.hasEnded) return true;
      if (next !== wanted) {
        this.at = start;
        return false;
      }
      this.at++;
    }
    return true;
  }

  private *isNext(character: string): Reading<boolean> {
    yield* this.space();
    return (yield* this.peek()) === character;
  }

  private *space(): Reading<void> {
    while (SPACE.test(yield* this.peek())) this.at++;
  }

  /** The next UTF-16 unit; empty where the answer ends, or where a name should have come long ago. */
  private *peek(): Reading<string> {
    if (!this.isOpen && this.at - this.begun > MOST_BEFORE_NAME) return "";
    while (this.at >= this.text.length) {
      if (this.hasEnded) return "";
      yield;
    }
    return this.text[this.at]!;
  }
}

function firstWord(mark: string): string {
  return /\S+/.exec(mark)?.[0] ?? "";
}
