/** Tool calls of every family: found in the template, parsed however the text is cut, forced by Formats. Needs nothing. */
import { describe, expect, test } from "vitest";
import { LlmError } from "../../src/internal/errors";
import { type ChatMessage, ChatTemplate } from "../../src/text/template";
import { templateTools } from "../../src/text/tool_calls/index";
import type { Delta, Tool, ToolFormat } from "../../src/text/tool_calls/types";
import { templateInput } from "../../src/text/tool_prompt";
import { matches } from "./format_matcher";
import { SPECIALS, STOPS, TEMPLATES } from "./tool_templates";

const tool = (name: string, properties: Record<string, object>, required: string[] = []): Tool => ({
  type: "function",
  function: { name, description: `About ${name}.`, parameters: { type: "object", properties, required } },
});
const TOOLS = [
  tool(
    "get_weather",
    {
      city: { type: "string", description: "A city" },
      days: { type: "integer" },
      units: { enum: ["C", "F"] },
      where: { type: "object" },
    },
    ["city"],
  ),
  tool("now", {}),
];

interface Answer {
  content: string;
  calls: { name: string; arguments: string; id: string }[];
}

const formats = new Map<string, ToolFormat>();

function found(family: string): ToolFormat {
  const known = formats.get(family);
  if (known !== undefined) return known;
  const template = new ChatTemplate(TEMPLATES[family]!, { bos_token: "<s>", eos_token: "</s>" });
  const { format } = templateTools(template, SPECIALS[family] ?? [], STOPS);
  if (format === null) throw new Error(`${family} was not recognized`);
  formats.set(family, format);
  return format;
}

function joined(deltas: readonly Delta[]): Answer {
  const answer: Answer = { content: "", calls: [] };
  for (const delta of deltas) {
    if (delta.type !== "tool_call") answer.content += delta.text;
    else if (delta.id !== undefined) {
      expect(delta.index).toBe(answer.calls.length);
      answer.calls.push({ id: delta.id, name: delta.name!, arguments: delta.arguments ?? "" });
    } else answer.calls[delta.index]!.arguments += delta.arguments;
  }
  return answer;
}

function parsed(format: ToolFormat, pieces: readonly string[], tools: readonly Tool[] = TOOLS): Answer {
  const parser = format.parser(tools);
  return joined([...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]);
}

const withoutIds = ({ content, calls }: Answer) => ({ content, calls: calls.map(({ id: _, ...call }) => call) });

const WEATHER = { name: "get_weather", arguments: '{"city": "Oslo", "days": 2}' };
const NOW = { name: "now", arguments: "{}" };
/** Family, what the model writes, content, calls. */
const TRANSCRIPTS: readonly (readonly [string, string, string, readonly { name: string; arguments: string }[]])[] = [
  ["hermes", "Just text, with <tool> and {braces} \n", "Just text, with <tool> and {braces} \n", []],
  [
    "hermes",
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}\n</tool_call>',
    "",
    [WEATHER],
  ],
  [
    "hermes",
    'Let me see.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}\n</tool_call>\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>\nThere.',
    "Let me see.\nThere.",
    [WEATHER, NOW],
  ],
  // Other whitespace, the arguments first, arguments as text, no arguments.
  [
    "hermes",
    '<tool_call>{"arguments":{"city":"O}\\"{"},"name":"get_weather"}</tool_call>',
    "",
    [{ name: "get_weather", arguments: '{"city":"O}\\"{"}' }],
  ],
  [
    "hermes",
    '<tool_call>{"name": "now", "arguments": "{}"}</tool_call><tool_call>{"name": "now"}</tool_call>',
    "",
    [NOW, NOW],
  ],
  // The answer was cut: what is there is given.
  [
    "hermes",
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Os',
    "",
    [{ name: "get_weather", arguments: '{"city": "Os' }],
  ],
  ["hermes", '<tool_call>\n{"name": "now", "arguments": {}}\n</tool', "", [NOW]],
  // No calls: broken JSON, a name that is not there, a marker alone. And a call after them.
  ["hermes", "<tool_call>\n{nothing}\n</tool_call>", "<tool_call>\n{nothing}\n</tool_call>", []],
  [
    "hermes",
    '<tool_call>{"name": "rm", "arguments": {}}</tool_call>',
    '<tool_call>{"name": "rm", "arguments": {}}</tool_call>',
    [],
  ],
  [
    "hermes",
    '<tool_call>{"name": "now", "arguments": [1]}</tool_call>',
    '<tool_call>{"name": "now", "arguments": [1]}</tool_call>',
    [],
  ],
  ["hermes", '<tool_call> <tool_call>{"name": "now", "arguments": {}}</tool_call>', "<tool_call>", [NOW]],
  ["hermes", "a <tool_call>", "a<tool_call>", []],
  ["hermes", "a <tool_c", "a <tool_c", []],
  // Without marks at the beginning of an answer, alone or as a block.
  ["hermes", '{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}', "", [WEATHER]],
  ["hermes", '```json\n{\n  "name": "now",\n  "arguments": {}\n}\n```', "", [NOW]],
  ["hermes", '{"name": "now", "arguments": {}}\n{"name": "now", "arguments": {}}\nDone.', "\nDone.", [NOW, NOW]],
  ["hermes", '```json\n{"city": "Oslo"}\n```', '```json\n{"city": "Oslo"}\n```', []],
  ["hermes", 'So: {"name": "now", "arguments": {}}', 'So: {"name": "now", "arguments": {}}', []],
  [
    "qwen3-coder",
    "I look.\n<tool_call>\n<function=get_weather>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
    "I look.",
    [WEATHER, NOW],
  ],
  [
    "qwen3-coder",
    '<tool_call>\n<function=get_weather>\n<parameter=city>\n12 "a"\n</para\n\n</parameter>\n<parameter=where>\n{"x": [1]}\n</parameter>\n</function>\n</tool_call>',
    "",
    [{ name: "get_weather", arguments: '{"city": "12 \\"a\\"\\n</para\\n", "where": {"x":[1]}}' }],
  ],
  ["qwen3-coder", "<tool_call>\n<function=get_weather>\nOslo", "<tool_call>\n<function=get_weather>\nOslo", []],
  ["llama3", '{"name": "get_weather", "parameters": {"city": "Oslo", "days": 2}}', "", [WEATHER]],
  [
    "llama3",
    '\n{"type": "function", "name": "now", "parameters": {}}; {"name": "now", "parameters": {}}',
    "",
    [NOW, NOW],
  ],
  ["llama3", 'Use {"name": "now", "parameters": {}} here.', 'Use {"name": "now", "parameters": {}} here.', []],
  ["llama3", '{"name": "nowhere"} is JSON.', '{"name": "nowhere"} is JSON.', []],
  ["llama3 with python_tag", '<|python_tag|>{"name": "now", "parameters": {}}', "", [NOW]],
  ["llama3 with python_tag", '{"name": "now", "parameters": {}}', "", [NOW]],
  ["llama3 with python_tag", '<|python_tag|>print("hi")', '<|python_tag|>print("hi")', []],
  [
    "mistral",
    '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}, {"name": "now", "arguments": {}}]',
    "",
    [WEATHER, NOW],
  ],
  [
    "mistral-args",
    '[TOOL_CALLS]get_weather[CALL_ID]aB3456789[ARGS]{"city": "Oslo", "days": 2}[TOOL_CALLS]now[CALL_ID]123456789[ARGS]{}',
    "",
    [WEATHER, NOW],
  ],
  ["mistral-args", "Text[TOOL_CALLS]now[ARGS]", "Text[TOOL_CALLS]now[ARGS]", []],
  [
    "functionary-v3.1",
    'Yes. <function=get_weather>{"city": "Oslo", "days": 2}</function><function=now>{}</function>',
    "Yes.",
    [WEATHER, NOW],
  ],
  ["functionary-v3.2", 'get_weather\n{"city": "Oslo", "days": 2}>>>now\n{}', "", [WEATHER, NOW]],
  ["functionary-v3.2", "all\nHello >> you>>>now\n{}", "Hello >> you", [NOW]],
  [
    "deepseek",
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{"city": "Oslo", "days": 2}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>now\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "",
    [WEATHER, NOW],
  ],
  [
    "granite",
    '<|tool_call|>[{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}, {"name": "now", "arguments": {}}]',
    "",
    [WEATHER, NOW],
  ],
  ["phi-4-mini", '<|tool_call|>[{"name": "now", "arguments": {}}]<|/tool_call|>', "", [NOW]],
  [
    "lfm2",
    "<|tool_call_start|>[get_weather(city='Oslo', days=2), now()]<|tool_call_end|>Checking.",
    "Checking.",
    [WEATHER, NOW],
  ],
  [
    "lfm2",
    "<|tool_call_start|>[get_weather(city=\"O'slo\\n\", where={'a': [True, None, 1.5], \"b\": 'c)'})]<|tool_call_end|>",
    "",
    [{ name: "get_weather", arguments: '{"city": "O\'slo\\n", "where": {"a": [true, null, 1.5], "b": "c)"}}' }],
  ],
  ["firefunction", 'functools[{"name": "now", "arguments": {}}]', "", [NOW]],
  [
    "command-r7b",
    '<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "now", "parameters": {}}\n]<|END_ACTION|>',
    "",
    [NOW],
  ],
  [
    "glm",
    "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>\n<tool_call>now\n</tool_call>",
    "",
    [WEATHER, NOW],
  ],
];

describe("families", () => {
  test.each(Object.keys(TEMPLATES))("%s is recognized by what its template does", (family) => {
    expect(family.startsWith(found(family).name)).toBe(family !== "phi-4-mini");
  });

  test("a template without tools has none", () => {
    const bare = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
    expect(templateTools(new ChatTemplate(bare, {}), [], STOPS).format).toBeNull();
  });

  test("calls that cannot be parsed are none", () => {
    const odd = TEMPLATES.hermes!.replace('{"name": "{{ c.function.name }}"', "{{ c.function.name }}{");
    expect(templateTools(new ChatTemplate(odd, {}), [], STOPS).format).toBeNull();
  });

  test("ids are as the family wants them", () => {
    const id = (family: string, text: string) => parsed(found(family), [text]).calls[0]!.id;
    expect(id("hermes", '<tool_call>{"name": "now"}</tool_call>')).toMatch(/^call_[a-zA-Z0-9]{24}$/);
    expect(id("mistral", '[TOOL_CALLS][{"name": "now", "arguments": {}}]')).toMatch(/^[a-zA-Z0-9]{9}$/);
    expect(id("mistral-args", "[TOOL_CALLS]now[CALL_ID]abc456789[ARGS]{}")).toBe("abc456789");
  });
});

describe("parsing", () => {
  test.each(TRANSCRIPTS)("%s: %s", (family, text, content, calls) => {
    const format = found(family);
    const whole = withoutIds(parsed(format, [text]));
    expect(whole).toEqual({ content, calls });
    const characters = Array.from(text);
    expect(withoutIds(parsed(format, characters))).toEqual(whole);
    for (let at = 1; at < characters.length; at++) {
      const pieces = [characters.slice(0, at).join(""), characters.slice(at).join("")];
      expect(withoutIds(parsed(format, pieces))).toEqual(whole);
    }
  });

  test("arguments come while they are written, and the name before them", () => {
    const parser = found("hermes").parser(TOOLS);
    const deltas = Array.from('<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}', (piece) =>
      parser.push(piece),
    );
    const times = deltas.flatMap((list, at) => (list.length > 0 ? [at] : []));
    expect(times.length).toBeGreaterThan(10);
    expect(deltas[times[0]!]![0]).toMatchObject({ type: "tool_call", index: 0, name: "get_weather" });
  });

  test("without tools every name is one", () => {
    expect(parsed(found("hermes"), ['<tool_call>{"name": "x", "arguments": {}}</tool_call>'], []).calls).toHaveLength(
      1,
    );
  });

  test("a text full of beginnings costs no more than its length times a bound", () => {
    const text = '<tool_call>{"a": "'.repeat(5_000);
    expect(parsed(found("hermes"), [text]).content).toBe(text);
  });
});

/** The prompt after the user's question: an assistant turn with these calls, and what the tools answered. */
function history(
  family: string,
  calls: readonly { name: string; arguments: string }[],
  id = "call_0123456789",
): string {
  const source = TEMPLATES[family]!;
  const template = new ChatTemplate(source, { bos_token: "<s>", eos_token: "</s>" });
  const tools = templateTools(template, SPECIALS[family] ?? [], STOPS);
  const tool_calls = calls.map((call, index) => ({ id: id + index, type: "function" as const, function: call }));
  const messages: ChatMessage[] = [
    { role: "user", content: "Weather?" },
    { role: "assistant", content: null, tool_calls },
    ...tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: "Cold." })),
  ];
  const input = templateInput(source, tools.messages(messages, TOOLS), TOOLS);
  const text = template.render(input.messages, { ...input.variables, add_generation_prompt: false });
  for (const { function: called } of TOOLS) expect(text).toContain(called.description);
  return text.slice(text.indexOf("Weather?") + "Weather?".length);
}

/** The calls alone, as the template writes them. */
function written(family: string, calls: readonly { name: string; arguments: string }[]): string {
  const turn = history(family, calls);
  const begin = /assistant(?:\|>|\n(?:>>>)?)\s*/.exec(turn)!;
  const body = turn.slice(begin.index + begin[0].length);
  const end = Math.min(...STOPS.map((stop) => body.indexOf(stop)).filter((at) => at >= 0));
  // Mistral's templates write ids that the model never writes.
  return body
    .slice(0, end)
    .replace(/, "id": "\w+"/g, "")
    .trim();
}

describe("history", () => {
  test.each(Object.keys(TEMPLATES))("%s: calls of earlier turns stand there as the model writes them", (family) => {
    expect(withoutIds(parsed(found(family), [written(family, [WEATHER])]))).toEqual({ content: "", calls: [WEATHER] });
  });

  test("ids of other shapes become the family's, the same one each time", () => {
    const tools = templateTools(new ChatTemplate(TEMPLATES.mistral!, {}), [], STOPS);
    const [call, result] = tools.messages(
      [
        { role: "assistant", content: "", tool_calls: [{ id: "call_1", type: "function", function: NOW }] },
        { role: "tool", tool_call_id: "call_1", content: "" },
      ],
      TOOLS,
    );
    expect(call!.tool_calls![0]!.id).toMatch(/^[a-z0-9]{9}$/);
    expect(result!.tool_call_id).toBe(call!.tool_calls![0]!.id);
  });

  test("arguments that are no object are the caller's error", () => {
    const tools = templateTools(new ChatTemplate(TEMPLATES.hermes!, {}), [], STOPS);
    const call = { id: "1", type: "function" as const, function: { name: "now", arguments: "[1" } };
    expect(() => tools.messages([{ role: "assistant", content: "", tool_calls: [call] }], TOOLS)).toThrow(LlmError);
  });
});

describe("formats", () => {
  const choose = (name: string) => ({ type: "function" as const, function: { name } });

  test.each(Object.keys(TEMPLATES))("%s: what the template writes is what is forced, free text is not", (family) => {
    const { format } = found(family);
    const one = written(family, [WEATHER]);
    for (const choice of ["auto", "required", choose("get_weather")] as const) {
      expect([choice, matches(format(TOOLS, choice, true)!, one)]).toEqual([choice, true]);
    }
    expect(matches(format(TOOLS, choose("now"), true)!, one)).toBe(false);
    expect(matches(format(TOOLS, "required", true)!, one.replace("city", "town"))).toBe(false);

    const text = family === "functionary-v3.2" ? "all\nHello." : "Hello.";
    expect(matches(format(TOOLS, "auto", true)!, text)).toBe(true);
    expect(matches(format(TOOLS, "required", true)!, text)).toBe(false);
    expect(format(TOOLS, "none", true)).toBeNull();
    expect(() => format(TOOLS, choose("x"), true)).toThrow(/tool_choice/);
  });

  test.each(Object.keys(TEMPLATES).filter((family) => !family.startsWith("llama3")))("%s: parallel calls", (family) => {
    const { format } = found(family);
    const two = written(family, [WEATHER, NOW]);
    expect(matches(format(TOOLS, "required", true)!, two)).toBe(true);
    expect(matches(format(TOOLS, "auto", false)!, two)).toBe(false);
  });

  test("a call without marks is a valid one too", () => {
    const format = found("hermes").format(TOOLS, "auto", true)!;
    for (const [text, isMatch] of [
      ['{"name": "now", "arguments": {}}', true],
      ['```json\n{"name": "now", "arguments": {}}\n```', true],
      ['{"name": "get_weather", "arguments": {"days": 1}}', false],
      ['```json\n{"name": "other"}\n```', false],
      ["```js\nnow()\n```", true],
      ["<b>Now</b>", true],
      ["`now`", true],
      ["", true],
      ["7", true],
    ] as const) {
      expect([text, matches(format, text)]).toEqual([text, isMatch]);
    }
  });

  test("text before a call under auto, where a marker tells them apart", () => {
    const call = written("hermes", [NOW]);
    expect(matches(found("hermes").format(TOOLS, "auto", true)!, `Yes.\n${call}`)).toBe(true);
    expect(matches(found("hermes").format(TOOLS, "auto", true)!, "Yes.\n<tool_call>\n{}")).toBe(false);
    expect(matches(found("llama3").format(TOOLS, "auto", true)!, '{"name": "now", "parameters": {"x": ')).toBe(false);
  });

  test("arguments one by one: required ones, optional ones, strings up to their mark", () => {
    const format = found("qwen3-coder").format(TOOLS, "required", false)!;
    const call = (inner: string) => `<tool_call>\n<function=get_weather>${inner}\n</function>\n</tool_call>`;
    const city = "\n<parameter=city>\nOslo\n</parameter>";
    expect(matches(format, call(city))).toBe(true);
    expect(matches(format, call(`${city}\n<parameter=units>\nC\n</parameter>`))).toBe(true);
    expect(matches(format, call(`${city}\n<parameter=units>\nK\n</parameter>`))).toBe(false);
    expect(matches(format, call("\n<parameter=days>\n1\n</parameter>"))).toBe(false);
  });

  test("what cannot be forced without quotes is refused by name", () => {
    const at = tool("meet", { when: { type: "string", format: "date" } });
    expect(() => found("qwen3-coder").format([at], "required", false)).toThrow(/format of the argument "when"/);
    expect(found("hermes").format([at], "required", false)).not.toBeNull();
  });
});

test("an empty list of properties means that there are none, and a schema without a list leaves them free", () => {
  const schemaOf = (parameters: object): string => {
    const tool: Tool = {
      type: "function",
      function: { name: "now", parameters: parameters as Record<string, unknown> },
    };
    return JSON.stringify(found("hermes").format([tool], "required", false));
  };
  expect(schemaOf({ type: "object", properties: {}, required: [] })).toContain('"additionalProperties":false');
  expect(schemaOf({ type: "object" })).not.toContain("additionalProperties");
  expect(schemaOf({ properties: {}, patternProperties: { a: true } })).not.toContain("additionalProperties");
});
