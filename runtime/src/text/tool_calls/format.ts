/** Syntax → the Format under which nothing but valid calls can be written. */
import type { Format } from "../../constraint/format";
import { LlmError } from "../../internal/errors";
import { markerFormat, sequence } from "../marker_format";
import { ID, INDEX, isBareAllowed, type Syntax, type Tags, trigger } from "./syntax";
import type { Tool, ToolChoice } from "./types";
import { isText } from "./values";

type Schema = { readonly [key: string]: unknown };

/** Of a tool that says nothing of them, as OpenAI has it. */
const NO_PARAMETERS: Schema = { properties: {}, additionalProperties: false };

const NOTHING: Format = { type: "literal", text: "" };

export function toolsFormat(
  syntax: Syntax,
  tools: readonly Tool[],
  choice: ToolChoice,
  parallel: boolean,
  specials: readonly string[],
  idPattern: string,
): Format | null {
  if (choice === "none" || tools.length === 0) return null;
  const named = typeof choice === "object" ? choice.function.name : null;
  const wanted = named === null ? tools : tools.filter((tool) => tool.function.name === named);
  if (wanted.length === 0) {
    throw new LlmError(
      "invalid_request",
      `tool_choice: must be the name of one of the tools, not ${JSON.stringify(named)}.`,
    );
  }

  const { start, open, head, separator, tail, close, between, end } = syntax;
  const mark = (text: string): Format => {
    const parts = text.split(/([\uf8f0\uf8f1])/).map((part): Format => {
      if (part === ID) return { type: "regex", pattern: idPattern };
      return part === INDEX ? { type: "regex", pattern: "[0-9]{1,2}" } : markerFormat(part, specials);
    });
    return sequence(parts);
  };
  const call = (ending: string): Format => {
    const items = wanted.map(({ function: { name, parameters = NO_PARAMETERS } }) =>
      sequence([mark(head + name + separator), argumentsFormat(syntax, parameters, mark), mark(tail + ending)]),
    );
    return items.length === 1 ? items[0]! : { type: "choice", items };
  };
  const one = call(close);
  const isSeveral = parallel && named === null && between !== null;
  const more: Format = isSeveral
    ? { type: "repeat", item: sequence([mark(between + open), one]), min: 0, max: null }
    : NOTHING;
  const all = (begin: string): Format => sequence([mark(begin), one, more, mark(end)]);

  // What the generation prompt has written is not written again.
  const forced = all(syntax.opened ? "" : (start + open).trimStart());
  if (choice !== "auto") return forced;
  const begin = trigger(syntax);
  // Without a marker an answer that begins as an object does is a call, and any other is none.
  if (syntax.also !== undefined || begin === "") {
    return { type: "choice", items: [forced, { type: "regex", pattern: "(?:[^{\\s][\\s\\S]*)?" }] };
  }
  const text: Format = { type: "text", without: [begin] };
  const called: Format = { type: "choice", items: [NOTHING, all(start + open)] };
  const free = sequence([text, called]);
  if (syntax.contentName !== undefined) {
    return { type: "choice", items: [forced, sequence([mark(syntax.contentName + separator), free])] };
  }
  if (!isBareAllowed(syntax)) return free;
  // What the parser takes for a call without marks must be a valid one too.
  const bare = call("");
  const block = sequence([{ type: "literal", text: "```json\n" }, bare, { type: "literal", text: "\n```" }]);
  const other = sequence([{ type: "regex", pattern: notACall(begin) }, text, called]);
  return { type: "choice", items: [NOTHING, forced, bare, block, other] };
}

/** The first characters of an answer that begins with neither an object nor a block of JSON nor the marker. */
function notACall(marker: string): string {
  const [first, second] = Array.from(marker, (character) => character.replace(/[\\\]^[-]/, "\\$&"));
  return `(?:[^{\`\\s${first}]|${first}[^${second}]|\`[^\`]|\`\`[^\`]|\`\`\`(?:[^j\\s{]|j[^s]|js[^o]))`;
}

/** An empty list of properties and no more means none: a model that is free there writes whatever comes to it. */
function hasNone(parameters: Schema): boolean {
  const { type: _, title: __, description: ___, required = [], properties, ...others } = parameters;
  const isEmpty = typeof properties === "object" && properties !== null && Object.keys(properties).length === 0;
  return isEmpty && Array.isArray(required) && required.length === 0 && Object.keys(others).length === 0;
}

function argumentsFormat(syntax: Syntax, parameters: Schema, mark: (text: string) => Format): Format {
  const form = syntax.arguments;
  if (form === "json")
    return { type: "schema", schema: { type: "object", ...(hasNone(parameters) ? NO_PARAMETERS : parameters) } };
  const python: Tags = { open: "", middle: "=", close: "", between: ", " };
  return listed(parameters, form === "python" ? python : form, form === "python", mark);
}

/** Arguments one by one, in the schema's order, the optional ones or not. Others are not written. */
function listed(parameters: Schema, tags: Tags, isQuoted: boolean, mark: (text: string) => Format): Format {
  const {
    properties = {},
    required = [],
    $defs,
    definitions,
  } = parameters as {
    properties?: Schema;
    required?: readonly string[];
    $defs?: unknown;
    definitions?: unknown;
  };
  const items = Object.entries(properties).map(([name, schema]) => {
    const closed = { ...(schema as Schema), ...($defs ? { $defs } : {}), ...(definitions ? { definitions } : {}) };
    const value: Format =
      !isQuoted && isText(schema) ? plainText(name, closed, tags) : { type: "schema", schema: closed };
    return {
      isRequired: required.includes(name),
      format: sequence([mark(tags.open + name + tags.middle), value, mark(tags.close)]),
    };
  });
  // What stands between two arguments depends on whether one has come: `after` is the rest then, `first` otherwise.
  let after: Format = NOTHING;
  let first: Format = NOTHING;
  for (const { isRequired, format } of items.reverse()) {
    const [here, onward] = [sequence([format, after]), sequence([mark(tags.between), format, after])];
    first = isRequired ? here : { type: "choice", items: [here, first] };
    after = isRequired ? onward : { type: "choice", items: [onward, after] };
  }
  return first;
}

/** A string without quotes, up to the mark that ends it. */
function plainText(name: string, schema: Schema, { close }: Tags): Format {
  const { enum: values, const: constant, pattern, minLength, maxLength, format, $ref } = schema;
  const options = Array.isArray(values) ? values : constant === undefined ? null : [constant];
  if (options !== null)
    return { type: "choice", items: options.map((text) => ({ type: "literal", text: String(text) })) };
  const unknown = Object.entries({ format, $ref }).find(([, value]) => value !== undefined)?.[0];
  if (unknown !== undefined || (pattern !== undefined && (minLength ?? maxLength) !== undefined)) {
    throw new LlmError(
      "not_supported",
      `tools: this model writes strings without quotes, and there ${unknown ?? "pattern with a length"} of the argument ` +
        `${JSON.stringify(name)} cannot be forced. Leave it out.`,
    );
  }
  if (typeof pattern === "string") return { type: "regex", pattern: searched(pattern) };
  if ((minLength ?? maxLength) !== undefined) {
    return {
      type: "regex",
      pattern: `[^<]{${Number(minLength ?? 0)},${maxLength === undefined ? "" : Number(maxLength)}}`,
    };
  }
  return { type: "text", without: [close.trim()] };
}

/** JSON Schema's patterns are found anywhere in the text. */
function searched(pattern: string): string {
  const isWhole = pattern.startsWith("^") && pattern.endsWith("$") && !/[|\\]\$$|\|/.test(pattern);
  return isWhole ? pattern.slice(1, -1) : `[\\s\\S]*(?:${pattern})[\\s\\S]*`;
}
