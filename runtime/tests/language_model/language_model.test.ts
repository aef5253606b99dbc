// Proves what a page sees of LanguageModel, row by row of the Prompt API's rules: conversions, errors with their order and
// types, events, signals, queueing, eviction, constraints, and tools in both forms. On the echo model, through the engine's
// own protocol and sessions. Needs nothing.
import { beforeAll, describe, expect, it, vi } from "vitest";
import { LlmError } from "../../src/internal/errors";
import { defineLanguageModel, type LanguageModelPort, type PageFacts } from "../../src/language_model/index";
import { echoPort, openEcho } from "../fixtures/echo_engine";

// biome-ignore lint/suspicious/noExplicitAny: pages give and get anything
type Any = any;

beforeAll(() => {
  // Node has none.
  vi.stubGlobal(
    "ProgressEvent",
    class extends Event {
      readonly loaded: number;
      readonly total: number;
      constructor(type: string, { loaded, total }: { loaded: number; total: number }) {
        super(type);
        this.loaded = loaded;
        this.total = total;
      }
    },
  );
});

interface Settings {
  readonly contextLength?: number;
  readonly pause?: () => Promise<void>;
  readonly port?: Partial<LanguageModelPort>;
  readonly page?: Partial<PageFacts>;
}

function open({ contextLength = 5000, pause, port = {}, page = {} }: Settings = {}) {
  const echo = openEcho(contextLength, pause);
  const facts = { fullyActive: () => true, policyAllows: () => true, languages: null, ...page };
  const globals = defineLanguageModel(echoPort(echo, port), facts);
  return { echo, facts, ...globals, LanguageModel: globals.LanguageModel as Any };
}
const create = (options?: unknown, settings?: Settings): Promise<Any> => open(settings).LanguageModel.create(options);
const tick = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
const tokensOf = (...texts: string[]) => texts.reduce((sum, text) => sum + text.length + 2, 0);

const name = (error: string) => expect.objectContaining({ name: error });
const TYPE_ERROR = expect.any(TypeError);
const user = (content: unknown) => ({ role: "user", content });
const text = (value: unknown) => ({ type: "text", value });
const tool = (more: object = {}) => ({
  name: "dice",
  description: "rolls a die",
  inputSchema: { type: "object", properties: { n: { type: "integer", minimum: 6 } }, required: ["n"] },
  ...more,
});
const OPEN = { expectedOutputs: [{ type: "tool-call" }] };
const circular: Any = { type: "object" };
circular.properties = { a: circular };
const boom = new Error("boom");
const throwing = () => {
  throw boom;
};

describe("the class", () => {
  it("cannot be constructed, and looks like the platform's", async () => {
    const { LanguageModel } = open();
    expect(() => new LanguageModel()).toThrow(new TypeError("Illegal constructor"));
    const session = await LanguageModel.create();
    expect(session).toBeInstanceOf(EventTarget);
    expect(String(session)).toBe("[object LanguageModel]");
    expect([LanguageModel.length, LanguageModel.create.length, LanguageModel.availability.length]).toEqual([0, 0, 0]);
    expect([session.prompt.length, session.promptStreaming.length, session.append.length]).toEqual([1, 1, 1]);
    expect([session.measureContextUsage.length, session.clone.length, session.destroy.length]).toEqual([1, 0, 0]);
    expect(session.samplingMode).toBe("balanced");
    expect([session.contextUsage, session.contextWindow]).toEqual([0, 5000]);
    const keys: string[] = [];
    for (const key in session) keys.push(key);
    expect(keys).toEqual(expect.arrayContaining(["prompt", "contextUsage", "oncontextoverflow", "destroy"]));
  });
});

describe("create()", () => {
  it.each([
    ["no object", 5, TYPE_ERROR],
    ["a bad sampling mode", { samplingMode: "wild" }, TYPE_ERROR],
    ["a monitor that is no function", { monitor: {} }, TYPE_ERROR],
    ["a signal that is none", { signal: {} }, TYPE_ERROR],
    ["prompts that are no sequence", { initialPrompts: "hello" }, TYPE_ERROR],
    ["a prompt that is no object", { initialPrompts: ["hello"] }, TYPE_ERROR],
    ["a prompt without role", { initialPrompts: [{ content: "x" }] }, TYPE_ERROR],
    ["a prompt without content", { initialPrompts: [{ role: "user" }] }, TYPE_ERROR],
    ["a bad role", { initialPrompts: [{ role: "robot", content: "x" }] }, TYPE_ERROR],
    ["a symbol as content", { initialPrompts: [user(Symbol("x"))] }, TYPE_ERROR],
    ["a bad type of content", { initialPrompts: [user([{ type: "smell", value: "x" }])] }, TYPE_ERROR],
    ["a content without value", { initialPrompts: [user([{ type: "text" }])] }, TYPE_ERROR],
    ["a late system message", { initialPrompts: [user("x"), { role: "system", content: "y" }] }, TYPE_ERROR],
    ["two system messages", { initialPrompts: ["a", "b"].map((content) => ({ role: "system", content })) }, TYPE_ERROR],
    ["a prefix", { initialPrompts: [{ role: "assistant", content: "x", prefix: true }] }, name("SyntaxError")],
    ["an image", { initialPrompts: [user([{ type: "image", value: {} }])] }, name("NotSupportedError")],
    ["a bad expected type", { expectedInputs: [{ type: "smell" }] }, TYPE_ERROR],
    ["expected without type", { expectedInputs: [{}] }, TYPE_ERROR],
    ["an expected image", { expectedInputs: [{ type: "image" }] }, name("NotSupportedError")],
    ["an expected audio output", { expectedOutputs: [{ type: "audio" }] }, name("NotSupportedError")],
    ["a bad language tag", { expectedInputs: [{ type: "text", languages: ["not a tag"] }] }, expect.any(RangeError)],
    ["an unsupported language", { expectedOutputs: [{ type: "text", languages: ["xh"] }] }, name("NotSupportedError")],
    [
      "what a getter throws",
      {
        get expectedInputs() {
          return throwing();
        },
      },
      boom,
    ],
    ["tools that are no sequence", { tools: {}, ...OPEN }, TYPE_ERROR],
    ["open tools without expectedOutputs", { tools: [tool()] }, TYPE_ERROR],
    ["a tool without name", { tools: [tool({ name: undefined })], ...OPEN }, TYPE_ERROR],
    ["a tool with an empty name", { tools: [tool({ name: "" })], ...OPEN }, TYPE_ERROR],
    ["a tool without description", { tools: [tool({ description: undefined })], ...OPEN }, TYPE_ERROR],
    ["a tool with an empty description", { tools: [tool({ description: "" })], ...OPEN }, TYPE_ERROR],
    ["two tools of one name", { tools: [tool(), tool()], ...OPEN }, TYPE_ERROR],
    ["a tool without inputSchema", { tools: [tool({ inputSchema: undefined })], ...OPEN }, TYPE_ERROR],
    ["a null inputSchema", { tools: [tool({ inputSchema: null })], ...OPEN }, TYPE_ERROR],
    ["an inputSchema that is a string", { tools: [tool({ inputSchema: "{}" })], ...OPEN }, TYPE_ERROR],
    ["an inputSchema without type", { tools: [tool({ inputSchema: {} })], ...OPEN }, TYPE_ERROR],
    ["an inputSchema of an array", { tools: [tool({ inputSchema: { type: "array" } })], ...OPEN }, TYPE_ERROR],
    [
      "bad properties",
      { tools: [tool({ inputSchema: { type: "object", properties: { a: 1 } } })], ...OPEN },
      TYPE_ERROR,
    ],
    [
      "properties in a list",
      { tools: [tool({ inputSchema: { type: "object", properties: [] } })], ...OPEN },
      TYPE_ERROR,
    ],
    ["bad required", { tools: [tool({ inputSchema: { type: "object", required: [1] } })], ...OPEN }, TYPE_ERROR],
    ["a circular inputSchema", { tools: [tool({ inputSchema: circular })], ...OPEN }, TYPE_ERROR],
    ["what toJSON throws", { tools: [tool({ inputSchema: { toJSON: throwing } })], ...OPEN }, boom],
    ["what a proxy throws", { tools: [tool({ inputSchema: new Proxy({}, { ownKeys: throwing }) })], ...OPEN }, boom],
    ["an execute that is no function", { tools: [tool({ execute: 5 })] }, TYPE_ERROR],
    ["one tool among good ones", { tools: [tool(), tool({ name: "x", inputSchema: 5 })], ...OPEN }, TYPE_ERROR],
    [
      "initial prompts longer than the window",
      { initialPrompts: [user("x".repeat(6000))] },
      name("QuotaExceededError"),
    ],
  ])("rejects %s", async (_, options, error) => {
    await expect(create(options, { page: { languages: ["en", "de"] } })).rejects.toEqual(error);
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["every sampling mode", { samplingMode: "slightly-creative" }],
    ["what it does not know", { topK: 3, temperature: 9, color: "red" }],
    ["a language that is known", { expectedInputs: [{ type: "text", languages: ["en-GB", "de"] }] }],
    ["an iterable", { initialPrompts: new Set([user("x")]) }],
    ["open tools", { tools: [tool()], ...OPEN }],
    ["closed tools", { tools: [tool({ execute: () => "" })] }],
  ])("takes %s", async (_, options) => {
    const session = await create(options, { page: { languages: ["en", "de"] } });
    expect(session.contextWindow).toBe(5000);
    expect(session.samplingMode).toBe((options as Any)?.samplingMode ?? "balanced");
  });

  it("keeps the order: active, options, signal, policy, monitor", async () => {
    const seen: string[] = [];
    const bad = { samplingMode: "wild" };
    const aborted = { signal: AbortSignal.abort(boom), monitor: () => seen.push("monitor") };
    const inactive = { fullyActive: () => false };
    const denied = { policyAllows: () => false };
    await expect(create({ ...bad }, { page: { ...inactive, ...denied } })).rejects.toEqual(name("InvalidStateError"));
    await expect(create({ ...bad, ...aborted }, { page: denied })).rejects.toEqual(TYPE_ERROR);
    await expect(create(aborted, { page: denied })).rejects.toBe(boom);
    await expect(create({ monitor: aborted.monitor }, { page: denied })).rejects.toEqual(name("NotAllowedError"));
    expect(seen).toEqual([]);
    const unavailable = { availability: async () => "unavailable" as const };
    await expect(create({ monitor: aborted.monitor }, { port: unavailable })).rejects.toEqual(
      name("NotSupportedError"),
    );
    expect(seen).toEqual(["monitor"]);
  });

  it("calls the monitor before it returns, and rejects with what that throws", async () => {
    let monitor: unknown = null;
    const pending = create({ monitor: (given: unknown) => (monitor = given) });
    expect(monitor).toBeInstanceOf(EventTarget);
    await pending;
    await expect(create({ monitor: throwing })).rejects.toBe(boom);
  });

  it.each([
    ["not_allowed", "NotAllowedError"],
    ["model_not_found", "NotSupportedError"],
    ["network", "NetworkError"],
    ["device_lost", "OperationError"],
    ["out_of_memory", "OperationError"],
    ["invalid_package", "OperationError"],
    ["unsupported_device", "NotSupportedError"],
  ] as const)("rejects what fails with %s as %s", async (code, expected) => {
    const prepare = async () => {
      throw new LlmError(code, "It failed.");
    };
    const thrown = await create({}, { port: { prepare } }).catch((error) => error);
    expect(thrown).toBeInstanceOf(DOMException);
    expect([thrown.name, thrown.message]).toEqual([expected, "It failed."]);
  });

  it("tells a monitor at least 0 and 1, ascending, in steps of 1/65536, seldom, and nothing after the end", async () => {
    vi.useFakeTimers({ toFake: ["performance"] });
    try {
      let progress: (fraction: number) => void = () => undefined;
      const prepare: LanguageModelPort["prepare"] = async ({ onProgress }) => {
        progress = onProgress;
        for (const fraction of [0, 0.1, 0.12345, 0.12345, 0.05, 0.5, 0.7, 1]) {
          vi.advanceTimersByTime(fraction === 0.7 ? 10 : 60);
          onProgress(fraction);
        }
      };
      const events: [number, number][] = [];
      const byHandler: number[] = [];
      const monitor = (given: Any) => {
        given.addEventListener("downloadprogress", ({ loaded, total }: Any) => events.push([loaded, total]));
        given.ondownloadprogress = ({ loaded }: Any) => byHandler.push(loaded);
      };
      await create({ monitor }, { port: { prepare } });
      progress(0.9);
      const step = (fraction: number) => Math.floor(fraction * 65536) / 65536;
      expect(byHandler).toEqual([0, step(0.1), step(0.12345), 0.5, 1]);
      expect(events).toEqual(byHandler.map((loaded) => [loaded, 1]));
    } finally {
      vi.useRealTimers();
    }
  });

  it("is aborted while it waits, with the signal's reason, and tells no monitor any more", async () => {
    const controller = new AbortController();
    let progress: (fraction: number) => void = () => undefined;
    const prepare: LanguageModelPort["prepare"] = ({ onProgress }) => {
      progress = onProgress;
      return new Promise(() => undefined);
    };
    const events: unknown[] = [];
    const monitor = (given: Any) => given.addEventListener("downloadprogress", (event: unknown) => events.push(event));
    const pending = create({ signal: controller.signal, monitor }, { port: { prepare } });
    await tick();
    controller.abort(boom);
    await expect(pending).rejects.toBe(boom);
    progress(0.5);
    expect(events.length).toBe(1);
  });
});

describe("availability()", () => {
  it.each([
    ["what the port says", {}, {}, "downloadable"],
    ["unavailable where the policy denies it", {}, { policyAllows: () => false }, "unavailable"],
    ["unavailable for images", { expectedInputs: [{ type: "image" }] }, {}, "unavailable"],
    [
      "unavailable for a language",
      { expectedInputs: [{ type: "text", languages: ["xh"] }] },
      { languages: ["en"] },
      "unavailable",
    ],
    [
      "for a language",
      { expectedInputs: [{ type: "text", languages: ["en-US"] }] },
      { languages: ["en"] },
      "downloadable",
    ],
    ["for tools", { tools: [tool()], ...OPEN }, {}, "downloadable"],
  ] as const)("is %s", async (_, options, page, expected) => {
    const { LanguageModel } = open({ page, port: { availability: async () => "downloadable" } });
    expect(await LanguageModel.availability(options)).toBe(expected);
  });

  it.each([
    ["not active", {}, { fullyActive: () => false }, name("InvalidStateError")],
    ["bad options", { samplingMode: "x" }, {}, TYPE_ERROR],
    ["a bad tag", { expectedInputs: [{ type: "text", languages: [""] }] }, {}, expect.any(RangeError)],
    ["bad tools", { tools: [tool()] }, {}, TYPE_ERROR],
  ] as const)("rejects when %s", async (_, options, page, error) => {
    await expect(open({ page }).LanguageModel.availability(options)).rejects.toEqual(error);
  });
});

describe("prompt()", () => {
  it.each([
    ["a string", "hello", "hello"],
    ["a number", 5, "5"],
    ["null", null, "null"],
    ["undefined", undefined, "undefined"],
    ["an object, which is no message", user("x"), "[object Object]"],
    ["an empty list", [], ""],
    ["messages", [user("a"), { role: "assistant", content: "b" }, user("c")], "c"],
    ["parts, with nothing between them", [user([text("a"), text("b "), text("c")])], "ab c"],
    ["no parts", [user([])], ""],
    ["a value that is no string", [user([text(7)])], "7"],
    ["a content that is no string", [user(7)], "7"],
    ["an iterable", new Set([user("x")]), "x"],
    ["a first system message", [{ role: "system", content: "s" }, user("x")], "x"],
    ["a prefix", [user("x"), { role: "assistant", content: "so ", prefix: true }], "x"],
    ["markup, untouched", "$$ $& <|im_end|> \u0000", "$$ $& <|im_end|> \u0000"],
  ])("takes %s", async (_, input, answer) => {
    expect(await (await create()).prompt(input)).toBe(answer);
  });

  it.each([
    ["a message that is no object", ["x"], {}, TYPE_ERROR],
    ["a symbol", Symbol("x"), {}, TYPE_ERROR],
    ["a late system message", [user("x"), { role: "system", content: "s" }], {}, TYPE_ERROR],
    [
      "a prefix that is not last",
      [{ role: "assistant", content: "x", prefix: true }, user("y")],
      {},
      name("SyntaxError"),
    ],
    ["a prefix of the user", [{ ...user("x"), prefix: true }], {}, name("SyntaxError")],
    ["an image", [user([{ type: "image", value: {} }])], {}, name("NotSupportedError")],
    ["audio", [user([{ type: "audio", value: {} }])], {}, name("NotSupportedError")],
    ["options that are no object", "x", 5, TYPE_ERROR],
    ["a bad signal", "x", { signal: 5 }, TYPE_ERROR],
    ["a constraint that is no object", "x", { responseConstraint: "x" }, TYPE_ERROR],
    ["a null constraint", "x", { responseConstraint: null }, TYPE_ERROR],
    ["a constraint that is a list", "x", { responseConstraint: [] }, TYPE_ERROR],
    ["a function as constraint", "x", { responseConstraint: () => 1 }, TYPE_ERROR],
    ["omit without a constraint", "x", { omitResponseConstraintInput: true }, TYPE_ERROR],
    ["a circular constraint", "x", { responseConstraint: circular }, name("NotSupportedError")],
    ["a constraint of a bad type", "x", { responseConstraint: { type: "poem" } }, name("NotSupportedError")],
    ["a constraint that the model cannot do", "x", { responseConstraint: /a+/ }, name("NotSupportedError")],
    [
      "what a getter throws",
      "x",
      {
        get signal() {
          return throwing();
        },
      },
      boom,
    ],
    [
      "a tool call that nobody expects",
      [{ role: "assistant", content: [{ type: "tool-call", value: { callId: "1", name: "x" } }] }],
      {},
      name("NotSupportedError"),
    ],
    ["a tool call of the user", [user([{ type: "tool-call", value: { callId: "1", name: "x" } }])], {}, TYPE_ERROR],
    [
      "a tool response of the assistant",
      [{ role: "assistant", content: [{ type: "tool-response", value: {} }] }],
      {},
      TYPE_ERROR,
    ],
  ])("rejects %s, and leaves the session as it was", async (_, input, options, error) => {
    const session = await create();
    await expect(session.prompt(input, options)).rejects.toEqual(error);
    expect(session.contextUsage).toBe(0);
    expect(await session.prompt("x")).toBe("x");
  });

  it("needs an input", async () => {
    const session = await create();
    for (const method of ["prompt", "append", "measureContextUsage"])
      await expect(session[method]()).rejects.toEqual(TYPE_ERROR);
    expect(() => session.promptStreaming()).toThrow(TypeError);
  });

  it("has no system message after others", async () => {
    const session = await create();
    await session.prompt("x");
    await expect(session.prompt([{ role: "system", content: "late" }, user("y")])).rejects.toEqual(TYPE_ERROR);
  });

  it("is refused where the document is not active any more, and promptStreaming throws", async () => {
    const { LanguageModel, facts } = open();
    const session = await LanguageModel.create();
    facts.fullyActive = () => false;
    for (const method of ["prompt", "append", "measureContextUsage", "clone"])
      await expect(session[method]("x")).rejects.toEqual(name("InvalidStateError"));
    expect(() => session.promptStreaming("x")).toThrow(name("InvalidStateError"));
  });

  it("passes constraints on, and tells the model of them unless it must not", async () => {
    const session = await create();
    const responseConstraint = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
    expect(JSON.parse(await session.prompt("x", { responseConstraint }))).toEqual({ ok: false });
    const [told, omitted, none] = await Promise.all([
      session.measureContextUsage("x", { responseConstraint }),
      session.measureContextUsage("x", { responseConstraint, omitResponseConstraintInput: true }),
      session.measureContextUsage("x"),
    ]);
    expect(omitted).toBe(none);
    expect(told).toBeGreaterThan(none + JSON.stringify(responseConstraint).length);
    const calls: Any[] = [];
    const call = ((method: string, params: Any) => {
      calls.push([method, params]);
      return Promise.resolve({ session: 1, contextUsage: 0, contextWindow: 9 });
    }) as LanguageModelPort["call"];
    await (await create({}, { port: { call } })).prompt("x", { responseConstraint: /^a+$/iu });
    expect(calls[1][1].options.responseFormat).toEqual({ type: "regex", pattern: "^a+$", flags: "iu" });
  });

  it("rejects with the signal's reason, before and while it runs, and stops the computation", async () => {
    const { LanguageModel, echo } = open({ pause: tick });
    const session = await LanguageModel.create();
    await expect(session.prompt("x", { signal: AbortSignal.abort(boom) })).rejects.toBe(boom);
    const controller = new AbortController();
    const running = session.prompt("word ".repeat(200), { signal: controller.signal });
    const next = session.prompt("next");
    await tick();
    controller.abort(boom);
    await expect(running).rejects.toBe(boom);
    expect(await next).toBe("next");
    expect(session.contextUsage).toBe(tokensOf("next", "next"));
    expect(echo.model.seen).toEqual({ begun: 2, stopped: 1 });
    await expect(session.prompt("x", { signal: AbortSignal.abort() })).rejects.toEqual(name("AbortError"));
  });

  it("runs one prompt after the other", async () => {
    const session = await create({}, { pause: tick });
    const order: string[] = [];
    await Promise.all(["a b c", "d", "e f"].map(async (input) => order.push(await session.prompt(input))));
    expect(order).toEqual(["a b c", "d", "e f"]);
  });
});

describe("promptStreaming()", () => {
  const read = async (stream: ReadableStream) => {
    const chunks: unknown[] = [];
    for await (const chunk of stream as Any) chunks.push(chunk);
    return chunks;
  };

  it("streams what is new", async () => {
    expect(await read((await create()).promptStreaming("one two three"))).toEqual(["one", " two", " three"]);
  });

  it.each([
    ["a conversion", Symbol("x"), {}, TypeError],
    ["a check", [user("x"), { role: "system", content: "s" }], {}, TypeError],
    ["a constraint", "x", { responseConstraint: 5 }, TypeError],
  ])("throws what is wrong with %s", async (_, input, options, error) => {
    const session = await create();
    expect(() => session.promptStreaming(input, options)).toThrow(error);
  });

  it("errors the stream with the signal's reason", async () => {
    const session = await create({}, { pause: tick });
    await expect(read(session.promptStreaming("x", { signal: AbortSignal.abort(boom) }))).rejects.toBe(boom);
    const controller = new AbortController();
    const stream = session.promptStreaming("word ".repeat(100), { signal: controller.signal });
    const reader = stream.getReader();
    expect((await reader.read()).value).toBe("word");
    controller.abort(boom);
    await expect(
      reader
        .read()
        .then(() => reader.read())
        .then(() => reader.read()),
    ).rejects.toBe(boom);
    expect(await session.prompt("x")).toBe("x");
  });

  it("stops when the page cancels, and leaves no trace", async () => {
    const { LanguageModel, echo } = open({ pause: tick });
    const session = await LanguageModel.create();
    const reader = session.promptStreaming("word ".repeat(100)).getReader();
    await reader.read();
    await reader.cancel();
    expect(await session.prompt("x")).toBe("x");
    expect(session.contextUsage).toBe(tokensOf("x", "x"));
    expect(echo.model.seen.stopped).toBe(1);
  });
});

describe("the context", () => {
  it("is measured with the tokens of the template", async () => {
    const session = await create({ initialPrompts: [{ role: "system", content: "s" }, user("u")] });
    expect(session.contextUsage).toBe(tokensOf("s", "u"));
    expect(await session.measureContextUsage("hello")).toBe(tokensOf("hello") + 1);
    expect(session.contextUsage).toBe(tokensOf("s", "u"));
    await session.append([user("a"), { role: "assistant", content: "b" }]);
    expect(session.contextUsage).toBe(tokensOf("s", "u", "a", "b"));
    await session.append("c");
    await session.append([]);
    expect(session.contextUsage).toBe(tokensOf("s", "u", "a", "b", "c"));
  });

  it.each(["prompt", "append"])(
    "refuses a %s that is too long by itself with QuotaExceededError, and removes nothing",
    async (method) => {
      const { LanguageModel, QuotaExceededError } = open({ contextLength: 50 });
      const session = await LanguageModel.create();
      await session.prompt("kept");
      const error = await session[method]("x".repeat(60)).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(QuotaExceededError);
      expect(error).toBeInstanceOf(DOMException);
      expect([error.name, error.requested, error.quota]).toEqual([
        "QuotaExceededError",
        method === "prompt" ? 63 : 62,
        50,
      ]);
      expect(session.contextUsage).toBe(tokensOf("kept", "kept"));
    },
  );

  it("overflows: an event, the oldest prompts go, initialPrompts stay, the prompt succeeds", async () => {
    const session = await create({ initialPrompts: [user("pin")] }, { contextLength: 50 });
    const events: string[] = [];
    session.oncontextoverflow = (event: Event) => events.push(`handler ${event.type}`);
    session.addEventListener("contextoverflow", () => events.push("listener"));
    await session.prompt("0123456789");
    await session.prompt("a");
    expect(events).toEqual([]);
    expect(await session.prompt("abcdefghijklmnopq")).toBe("abcdefghijklmnopq");
    expect(events).toEqual(["handler contextoverflow", "listener"]);
    expect(session.contextUsage).toBe(tokensOf("pin", "a", "a", "abcdefghijklmnopq", "abcdefghijklmnopq"));
    session.oncontextoverflow = 5;
    expect(session.oncontextoverflow).toBeNull();
  });
});

describe("clone() and destroy()", () => {
  it("clones with history and options, both independent", async () => {
    const session = await create({ samplingMode: "creative" });
    await session.prompt("a");
    const clone = await session.clone();
    expect(clone).not.toBe(session);
    expect([clone.samplingMode, clone.contextUsage, clone.contextWindow]).toEqual([
      "creative",
      tokensOf("a", "a"),
      5000,
    ]);
    await clone.prompt("b");
    session.destroy();
    expect(await clone.prompt("c")).toBe("c");
    await expect(clone.clone({ signal: AbortSignal.abort(boom) })).rejects.toBe(boom);
    await expect(clone.clone({ signal: 5 })).rejects.toEqual(TYPE_ERROR);
  });

  it("rejects everything with AbortError after destroy, running or new, and errors streams", async () => {
    const { LanguageModel, echo } = open({ pause: tick });
    const session = await LanguageModel.create();
    const running = session.prompt("word ".repeat(100));
    const reader = session.promptStreaming("x").getReader();
    await tick();
    expect(session.destroy()).toBeUndefined();
    session.destroy();
    await expect(running).rejects.toEqual(name("AbortError"));
    await expect(reader.read()).rejects.toEqual(name("AbortError"));
    for (const method of ["prompt", "append", "measureContextUsage", "clone"])
      await expect(session[method]()).rejects.toBeDefined();
    for (const method of ["prompt", "append", "measureContextUsage"])
      await expect(session[method]("x")).rejects.toEqual(name("AbortError"));
    await expect(session.clone()).rejects.toEqual(name("AbortError"));
    await tick();
    expect(echo.called.filter((method) => method === "destroySession").length).toBe(1);
  });

  it("lets the signal of create() and of clone() live on: aborted later, it ends the session", async () => {
    for (const from of ["create", "clone"]) {
      const controller = new AbortController();
      const { signal } = controller;
      const session = from === "create" ? await create({ signal }) : await (await create()).clone({ signal });
      expect(await session.prompt("x")).toBe("x");
      controller.abort(boom);
      await expect(session.prompt("y")).rejects.toBe(boom);
    }
  });
});

describe("tools in the open form", () => {
  it("answers with lists, also for text alone", async () => {
    const session = await create(OPEN);
    expect(await session.prompt("hello you")).toEqual([text("hello you")]);
    const chunks: unknown[] = [];
    for await (const chunk of session.promptStreaming("a b")) chunks.push(chunk);
    expect(chunks).toEqual([text("a"), text(" b")]);
  });

  it("gives calls, and goes on with what the page answers", async () => {
    const { LanguageModel, LanguageModelToolCall, LanguageModelToolSuccess, LanguageModelToolError } = open();
    const session = await LanguageModel.create({ tools: [tool()], ...OPEN });
    const [call] = await session.prompt("roll");
    expect(call.type).toBe("tool-call");
    expect(call.value).toBeInstanceOf(LanguageModelToolCall);
    expect({ ...call.value }).toEqual({ callId: "call_0", name: "dice", arguments: { n: 6 } });
    const { callId } = call.value;
    const respond = (value: unknown) => session.prompt([user([{ type: "tool-response", value }])]);
    expect(await respond(new LanguageModelToolSuccess({ callId, name: "dice", result: "six" }))).toEqual([text("six")]);
    expect(await respond({ callID: callId, name: "dice", result: [text("a"), text("b")] })).toEqual([text("ab")]);
    expect(await respond({ callId, name: "dice", result: { n: [1, null] } })).toEqual([text('{"n":[1,null]}')]);
    const failed = new LanguageModelToolError({ callId, name: "dice", errorMessage: "it fell" });
    expect(await respond(failed)).toEqual([text("Error: it fell")]);
  });

  const response = (value: unknown) => [user([{ type: "tool-response", value }])];
  const result = (value: unknown) => response({ callId: "1", name: "x", result: value });
  const call = (value: unknown) => [{ role: "assistant", content: [{ type: "tool-call", value }] }, user("x")];
  it.each([
    ["a function in a result", result({ f: () => 1 }), name("DataError")],
    ["a BigInt", result({ n: 1n }), name("DataError")],
    ["a cycle", result(circular), name("DataError")],
    ["an image in a result", result([{ type: "image", value: {} }]), name("NotSupportedError")],
    ["audio in a result", result([{ type: "audio", value: {} }]), name("NotSupportedError")],
    ["a response without result", response({ callId: "1", name: "x" }), TYPE_ERROR],
    ["a response without id", response({ name: "x", result: "" }), TYPE_ERROR],
    ["a call without name", call({ callId: "1" }), TYPE_ERROR],
    ["arguments that are no dictionary", call({ callId: "1", name: "x", arguments: [1] }), name("DataError")],
    ["circular arguments", call({ callId: "1", name: "x", arguments: circular }), name("DataError")],
    [
      "what a getter throws",
      result({
        get a() {
          return throwing();
        },
      }),
      boom,
    ],
  ])("rejects %s", async (_, input, error) => {
    const session = await create({ ...OPEN, expectedInputs: [{ type: "tool-call" }] });
    await expect(session.prompt(input)).rejects.toEqual(error);
  });

  it("takes calls into a history where they are expected", async () => {
    const { LanguageModel, LanguageModelToolCall } = open();
    const session = await LanguageModel.create({ ...OPEN, expectedInputs: [{ type: "tool-call" }] });
    const value = new LanguageModelToolCall({ callID: "1", name: "x" });
    expect({ ...value }).toEqual({ callId: "1", name: "x", arguments: {} });
    expect(await session.prompt(call(value))).toEqual([text("x")]);
    expect(() => new LanguageModelToolCall({ callId: "1" })).toThrow(TypeError);
    expect(() => new LanguageModelToolCall({ callId: "1", name: "x", arguments: 5 })).toThrow(TypeError);
  });
});

describe("tools in the closed form", () => {
  it("are called, and the answer is what the model says then", async () => {
    const given: unknown[] = [];
    const execute = async (input: unknown) => {
      given.push(input);
      return "six";
    };
    const session = await create({ tools: [tool({ execute })] });
    expect(await session.prompt("roll")).toBe("six");
    expect(given).toEqual([{ n: 6 }]);
    expect(session.contextUsage).toBe(tokensOf("roll", "", "six", "six"));
    // The history has it.
    const chunks: unknown[] = [];
    for await (const chunk of session.promptStreaming("again")) chunks.push(chunk);
    expect(chunks.join("")).toBe("six");
  });

  it("tell the model what they throw", async () => {
    const session = await create({ tools: [tool({ execute: throwing })] });
    expect(await session.prompt("roll")).toBe("Error: boom");
  });

  it("leave the history as it was when the prompt is aborted on the way", async () => {
    const { LanguageModel, echo } = open();
    const controller = new AbortController();
    const execute = () => {
      controller.abort(boom);
      return "six";
    };
    const session = await LanguageModel.create({ tools: [tool({ execute })] });
    await expect(session.prompt("roll", { signal: controller.signal })).rejects.toBe(boom);
    await tick();
    expect(session.contextUsage).toBe(0);
    expect(await session.measureContextUsage("x")).toBe(tokensOf("x") + 1);
    expect(echo.called.filter((method) => method === "destroySession").length).toBe(1);
  });
});
