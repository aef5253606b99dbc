/**
 * Template → Syntax: calls of known names and values are rendered, and what the template writes around them is read off.
 *
 * Also how a template wants its messages, which is found by the same renderings: arguments as an object or as JSON text,
 * content "" or null beside calls, ids of nine characters (Mistral).
 */
import type { Json } from "../template";
import { completed, knownSyntax } from "./known";
import { ID, INDEX, type Syntax, type Tags } from "./syntax";
import type { Tool } from "./types";

export interface Traits {
  /** Null: the template's calls, if it has any, are of no form that can be parsed. */
  readonly syntax: Syntax | null;
  readonly argumentsAs: "object" | "text";
  readonly emptyContent: "" | null;
  readonly hasShortIds: boolean;
  /** Calls of earlier turns are written by the template; else they must be put into the content. */
  readonly writesCalls: boolean;
  /** The prompt shows the tools to the model. */
  readonly showsTools: boolean;
}

/** Renders messages as the template would; null where it refuses or fails. */
export type Render = (messages: readonly Json[], tools: boolean, addGenerationPrompt: boolean) => string | null;

export const PROBE_TOOLS: readonly Tool[] = ["zqfirst", "zqsecond"].map((name) => ({
  type: "function" as const,
  function: {
    name,
    description: "zqabout",
    parameters: {
      type: "object",
      properties: {
        zqkeya: { type: "string", description: "zqtext" },
        zqkeyb: { type: "integer", description: "zqnumber" },
      },
      required: ["zqkeya"],
    },
  },
}));

const FIRST = "zqfirst";
const SECOND = "zqsecond";
const KEYS = ["zqkeya", "zqkeyb"] as const;
const TEXT = "zqvalue";
const NUMBER = 90417;
const IDS = ["zqid00001", "zqid00002"] as const;
const CONTENT = "zqcontent";
const USER = { role: "user", content: "zquser" };

/**
 * `stops`: tokens that end an answer, which a template writes after a call without their being part of it. `words`: the
 * source and the special tokens, where a format is looked for that the template does not write itself.
 */
export function probe(words: string, render: Render, stops: readonly string[]): Traits {
  const prompt = render([USER], true, true) ?? "";
  const plain = render([USER, { role: "assistant", content: CONTENT }], true, false);
  const showsTools = prompt.includes(FIRST);
  let traits: Traits = {
    syntax: null,
    argumentsAs: "object",
    emptyContent: "",
    hasShortIds: false,
    writesCalls: false,
    showsTools,
  };
  for (const argumentsAs of ["object", "text"] as const) {
    for (const emptyContent of ["", null] as const) {
      const turn = (count: 1 | 2, ids: readonly string[] = IDS): string | null => {
        const tool_calls = calls(argumentsAs, ids).slice(0, count);
        return render([USER, { role: "assistant", content: emptyContent, tool_calls }], true, false);
      };
      const one = turn(1);
      if (one === null || plain === null || !one.slice(one.indexOf(USER.content)).includes(FIRST)) continue;
      traits = { ...traits, writesCalls: true };
      const read = syntaxOf(one, turn(2), plain, stops);
      if (read === null) {
        // Objects that are written in a way of their own are not asked for as text as well.
        if (argumentsAs === "object" && one.includes(TEXT) && !one.includes("{'")) return traits;
        continue;
      }
      const begin = read.start + read.open;
      const syntax = { ...completed(words, read), ...(begin !== "" && prompt.endsWith(begin) ? { opened: true } : {}) };
      const hasShortIds = turn(1, ["call_zq0000000000001", IDS[1]]) === null;
      return { ...traits, syntax, argumentsAs, emptyContent, hasShortIds };
    }
  }
  return traits.writesCalls ? traits : { ...traits, syntax: knownSyntax(words) };
}

function calls(argumentsAs: "object" | "text", ids: readonly string[]): Json[] {
  const both = [{ [KEYS[0]]: TEXT, [KEYS[1]]: NUMBER }, { [KEYS[0]]: TEXT }];
  return both.map((values, index) => ({
    id: ids[index]!,
    type: "function",
    function: { name: [FIRST, SECOND][index]!, arguments: argumentsAs === "object" ? values : JSON.stringify(values) },
  }));
}

/** One call as it stands in a text: half-open ranges. */
interface Found {
  /** Of the object or, without one, of the name. */
  readonly start: number;
  readonly end: number;
  readonly name: number;
  /** Of JSON arguments; else of the first key. */
  readonly values: number;
  readonly valuesEnd: number;
  readonly json: Syntax["json"];
  readonly form: "json" | "python" | "tags";
}

function syntaxOf(one: string, two: string | null, plain: string, stops: readonly string[]): Syntax | null {
  const body = answerOf(one, plain, stops);
  const found = find(body, FIRST);
  if (found === null) return null;
  const { json, form } = found;
  let tags: Tags | null = null;
  let { end } = found;
  let separator = body.slice(found.name + FIRST.length, found.values);
  if (form === "tags") {
    const first = body.indexOf(TEXT, found.values);
    const second = body.indexOf(KEYS[1], first);
    const number = body.indexOf(String(NUMBER), second);
    if (first < 0 || second < 0 || number < 0) return null;
    end = number + String(NUMBER).length;
    const middle = body.slice(found.values + KEYS[0].length, first);
    if (middle === "" || body.slice(second + KEYS[1].length, number) !== middle) return null;
    const parts = split(separator, body.slice(end), body.slice(first + TEXT.length, second));
    tags = { open: parts.open, middle, close: parts.close, between: parts.between ?? "" };
    separator = parts.start;
    end += parts.close.length;
    if (tags.open.trim() === "" || tags.close.trim() === "") return null;
  }
  const before = body.slice(0, found.start);
  const after = body.slice(end);
  let head = body.slice(found.start, found.name);
  const tail = form === "python" ? "" : body.slice(found.valuesEnd, found.end);

  let parts: Parts = { start: "", open: before, close: after, between: null, end: "" };
  const other = two === null ? null : answerOf(two, plain, stops);
  const next = other === null ? null : find(other, SECOND);
  const atFirst = other === null ? null : find(other, FIRST);
  if (other !== null && next !== null && atFirst !== null) {
    const firstEnd =
      form === "tags" ? other.indexOf(tags!.close, other.indexOf(String(NUMBER))) + tags!.close.length : atFirst.end;
    if (firstEnd > next.start || other.slice(0, atFirst.start) !== before) return null;
    parts = split(withoutId(before), after, withoutId(other.slice(firstEnd, next.start)));
    head = common(head, other.slice(next.start, next.name));
    if (form === "json") separator = common(separator, other.slice(next.name + SECOND.length, next.values));
  }
  if (json === null && (parts.start + parts.open).trim() === "" && parts.between) {
    // The turn's beginning, which `plain` has too, opens the first call.
    parts = { ...parts, open: parts.between, between: "" };
  }
  const content = plain.slice(0, plain.indexOf(CONTENT) - separator.length);
  const contentName =
    parts.open.trim() === "" ? "" : content.slice(content.lastIndexOf(parts.open) + parts.open.length);
  const syntax: Syntax = {
    ...parts,
    ...(/^\w+$/.test(contentName) && plain.includes(parts.open + contentName + separator) ? { contentName } : {}),
    open: withoutId(parts.open),
    head: withoutId(head),
    separator: withoutId(separator),
    // The id of a call in the history is none of the model's words.
    tail: IDS.some((id) => tail.includes(id)) ? "}" : tail,
    json,
    arguments: tags ?? (form === "python" ? "python" : "json"),
  };
  // A name that is written twice, or an id that is made of it, is not of this form.
  const words = [syntax.start, syntax.open, syntax.separator, syntax.close, syntax.end].join(" ");
  return [FIRST, SECOND, ...KEYS, TEXT, CONTENT].some((word) => words.includes(word)) ? null : syntax;
}

/** What the model would have written: without the turn's beginning and end, which `plain` has too, and without reasoning. */
function answerOf(turn: string, plain: string, stops: readonly string[]): string {
  const begin = plain.slice(0, plain.indexOf(CONTENT));
  const end = plain.slice(plain.indexOf(CONTENT) + CONTENT.length);
  const prefix = commonPrefix(turn, begin).replace(/[<[][^<>[\]]*$/, "").length;
  const body = turn.slice(
    prefix,
    turn.length - commonSuffix(turn.slice(prefix), end).replace(/^[^<[]*?[>\]]/, "").length,
  );
  const name = body.indexOf(FIRST);
  const thought = /^[\s\S]*(?:<\/[\w:]*think[\w:]*>|\[\/THINK\]|<\|END_THINKING\|>)/.exec(
    body.slice(0, Math.max(name, 0)),
  );
  const answer = body.slice(thought?.[0].length ?? 0);
  const stop = Math.min(...stops.map((text) => answer.indexOf(text)).filter((at) => at > 0), answer.length);
  return answer.slice(0, stop).trim();
}

function find(body: string, name: string): Found | null {
  const at = body.lastIndexOf(name, body.indexOf(KEYS[0], body.indexOf(name)));
  if (at < 0) return null;
  const end = at + name.length;
  for (let brace = body.lastIndexOf("{", at); brace >= 0; brace = brace > 0 ? body.lastIndexOf("{", brace - 1) : -1) {
    const found = objectAt(body, brace);
    const entries = Object.entries(found?.value ?? {});
    const nameKey = entries.find(([, value]) => value === name)?.[0];
    const argumentsKey = entries.find(([, value]) => isArguments(value))?.[0];
    if (found === null || nameKey === undefined || argumentsKey === undefined) continue;
    const values = body.indexOf("{", end);
    const valuesEnd = objectAt(body, values)?.end;
    if (valuesEnd === undefined) return null;
    return {
      start: brace,
      end: found.end,
      name: at,
      values,
      valuesEnd,
      form: "json",
      json: { name: nameKey, arguments: argumentsKey },
    };
  }
  const brace = body.indexOf("{", end);
  const values = brace < 0 ? null : objectAt(body, brace);
  const named = { start: at, name: at, json: null };
  if (values !== null && isArguments(values.value)) {
    return { ...named, end: values.end, values: brace, valuesEnd: values.end, form: "json" };
  }
  const key = body.indexOf(KEYS[0], end);
  const form = body.slice(key).startsWith(`${KEYS[0]}=`) && body.slice(end, key) === "(" ? "python" : "tags";
  const close = form === "python" ? body.indexOf(")", key) : key;
  return key < 0 || close < 0 ? null : { ...named, end: close, values: key, valuesEnd: key, form };
}

function isArguments(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as Record<string, unknown>)[KEYS[0]] === TEXT;
}

/** The JSON object that begins at `start`; probes hold no brackets inside of text. */
function objectAt(body: string, start: number): { value: object; end: number } | null {
  let depth = 0;
  for (let at = start; at >= 0 && at < body.length; at++) {
    if (body[at] === "{") depth++;
    else if (body[at] === "}" && --depth === 0) {
      try {
        return { value: JSON.parse(body.slice(start, at + 1)) as object, end: at + 1 };
      } catch {
        return null;
      }
    }
  }
  return null;
}

type Parts = Pick<Syntax, "start" | "open" | "close" | "between" | "end">;

/** `before` the first of two, `after` the last, `middle` between them: what belongs to each and what to the whole. */
function split(before: string, after: string, middle: string): Parts {
  let open = commonSuffix(before, middle);
  // What both end with may begin inside of a tag.
  open = open.replace(/^[^<[]*[>\]](?=[^<[]*[<[])/, "");
  const rest = middle.slice(0, middle.length - open.length);
  let close = commonPrefix(after, rest);
  if (close.length < after.length) close = close.replace(/[<[][^<>[\]]*$/, "");
  return {
    start: before.slice(0, before.length - open.length),
    open,
    close,
    between: rest.slice(close.length),
    end: after.slice(close.length),
  };
}

function withoutId(text: string): string {
  return text.replace(IDS[0], ID).replace(IDS[1], ID);
}

/** Where the two differ, as ids and indexes do. */
function common(before: string, after: string): string {
  const [first, second] = [withoutId(before), withoutId(after)];
  if (first === second) return first;
  const start = commonPrefix(first, second);
  const end = commonSuffix(first.slice(start.length), second.slice(start.length));
  return start + INDEX + end;
}

function commonPrefix(first: string, second: string): string {
  let length = 0;
  while (length < first.length && first[length] === second[length]) length++;
  return first.slice(0, length);
}

function commonSuffix(first: string, second: string): string {
  let length = 0;
  while (length < Math.min(first.length, second.length) && first.at(-1 - length) === second.at(-1 - length)) length++;
  return first.slice(first.length - length);
}
