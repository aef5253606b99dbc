// Proves that sessions remember, count their tokens as the template writes them, keep the order of their prompts, forget the
// oldest of them where the context is full, and leave no trace of what was aborted: by the echo model's rules through the
// whole protocol, and on the toy model by what it would generate alone. Needs nothing.
import { describe, expect, it, onTestFinished } from "vitest";
import { createInProcessEngine } from "../../src/api/in_process";
import { SessionClient } from "../../src/api/session";
import type { Message, Model, Session } from "../../src/api/types";
import { openEcho } from "../fixtures/echo_engine";
import { fakeDevices } from "../fixtures/fake_executor";
import { CONTEXT, greedy } from "../fixtures/toy_model";
import { idsOf, textOf, toyPackage, toyStore } from "../fixtures/toy_package";

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });
const system = (content: string): Message => ({ role: "system", content });
/** Of the echo model: each message has a beginning and an end. */
const tokensOf = (...texts: string[]) => texts.reduce((sum, text) => sum + text.length + 2, 0);

interface Options {
  readonly contextLength?: number;
  readonly initialPrompts?: readonly Message[];
  readonly options?: object;
  readonly pause?: () => Promise<void>;
}

async function open({ contextLength = 1000, initialPrompts = [], options = {}, pause }: Options = {}) {
  const echo = openEcho(contextLength, pause);
  const created = await echo.connection.call("createSession", { initialPrompts, options });
  const session: Session = new SessionClient(echo.connection, created, () => undefined);
  let overflows = 0;
  session.oncontextoverflow = () => overflows++;
  return { echo, session, overflows: () => overflows };
}

describe("a session of the echo model", () => {
  it("answers, remembers and counts", async () => {
    const { session } = await open({ initialPrompts: [system("be brief")] });
    expect([session.contextUsage, session.contextWindow]).toEqual([tokensOf("be brief"), 1000]);
    expect(await session.measure("hello")).toBe(tokensOf("hello") + 1);
    expect(await session.prompt("hello you")).toBe("hello you");
    expect(session.contextUsage).toBe(tokensOf("be brief", "hello you", "hello you"));
    const usage = await session.prompt([user("a"), assistant("b"), user("again")]).usage;
    expect(usage.promptTokens).toBe(tokensOf("be brief", "hello you", "hello you", "a", "b", "again") + 1);
  });

  it("streams pieces", async () => {
    const { session } = await open();
    const pieces: string[] = [];
    for await (const piece of session.promptStreaming("one two three")) pieces.push(piece);
    expect(pieces).toEqual(["one", " two", " three"]);
  });

  it("begins a session without messages at nothing, and answers an empty one", async () => {
    const { session } = await open();
    expect(session.contextUsage).toBe(0);
    expect(await session.prompt("")).toBe("");
    expect(session.contextUsage).toBe(tokensOf("", ""));
  });

  it("goes on with the beginning of an answer, which is part of the history and not of the text", async () => {
    const { session } = await open();
    const input = [user("more"), assistant("no ")];
    expect(await session.measure(input)).toBe(tokensOf("more") + 1 + "no ".length);
    expect(await session.prompt(input)).toBe("more");
    expect(session.contextUsage).toBe(tokensOf("more", "no more"));
    // A finished answer of the assistant, and another one.
    expect(await session.prompt([user("x"), assistant("y")], { prefix: false })).toBe("x");
    expect(session.contextUsage).toBe(tokensOf("more", "no more", "x", "y", "x"));
  });

  it("appends without an answer", async () => {
    const { session } = await open();
    await session.append([user("one"), user("two")]);
    expect(session.contextUsage).toBe(tokensOf("one", "two"));
    expect(await session.prompt("three")).toBe("three");
  });

  it("runs prompts, appends and clones in the order in which they were asked for", async () => {
    const { session } = await open({ pause: () => new Promise((resolve) => setTimeout(resolve, 1)) });
    const ended: string[] = [];
    const note = (name: string) => () => void ended.push(name);
    const first = session.prompt("a b c d").then(note("first"));
    const appended = session.append("x").then(note("append"));
    const clone = session.clone();
    const second = session.prompt("e").then(note("second"));
    await Promise.all([first, appended, clone.then(note("clone")), second]);
    expect(ended).toEqual(["first", "append", "clone", "second"]);
    expect((await clone).contextUsage).toBe(tokensOf("a b c d", "a b c d", "x"));
    expect(session.contextUsage).toBe(tokensOf("a b c d", "a b c d", "x", "e", "e"));
  });

  it("forgets what was aborted, running or waiting, and stops computing", async () => {
    const { session, echo } = await open({ pause: () => new Promise((resolve) => setTimeout(resolve, 1)) });
    await session.prompt("kept");
    const running = new AbortController();
    const waiting = new AbortController();
    const first = session.prompt("word ".repeat(100), { signal: running.signal });
    const second = session.prompt("never", { signal: waiting.signal });
    const third = session.prompt("then");
    for await (const _ of first) break; // leaving the loop aborts
    waiting.abort();
    await expect(first).rejects.toMatchObject({ code: "aborted" });
    await expect(second).rejects.toMatchObject({ code: "aborted" });
    expect(await third).toBe("then");
    expect(session.contextUsage).toBe(tokensOf("kept", "kept", "then", "then"));
    expect(echo.model.seen).toEqual({ begun: 3, stopped: 1 });
  });

  it("clones: both go on by themselves, and outlive each other", async () => {
    const { session } = await open({ initialPrompts: [user("p")] });
    await session.prompt("a");
    const clone = await session.clone();
    expect(clone.contextUsage).toBe(session.contextUsage);
    await clone.prompt("longer");
    expect(session.contextUsage).toBe(tokensOf("p", "a", "a"));
    session.destroy();
    expect(await clone.prompt("b")).toBe("b");
    await expect(session.prompt("c")).rejects.toMatchObject({ code: "aborted" });
  });

  it("ends what runs when it is destroyed", async () => {
    const { session } = await open({ pause: () => new Promise((resolve) => setTimeout(resolve, 1)) });
    const running = session.prompt("word ".repeat(100));
    const waiting = session.prompt("x");
    session.destroy();
    session.destroy();
    await expect(running).rejects.toMatchObject({ code: "aborted" });
    await expect(waiting).rejects.toMatchObject({ code: "aborted" });
  });

  it("evicts the oldest prompts with their answers, never what it began with, and says so", async () => {
    const { session, overflows } = await open({
      contextLength: 54,
      initialPrompts: [system("sys"), user("u"), assistant("v")],
    });
    const pinned = tokensOf("sys", "u", "v");
    await session.prompt("first");
    await session.append("more");
    await session.prompt("second");
    expect(overflows()).toBe(0);
    expect(session.contextUsage).toBe(pinned + tokensOf("first", "first", "more", "second", "second"));
    expect(await session.prompt("third")).toBe("third");
    expect(overflows()).toBe(1);
    // The first prompt went with its answer; the appended message belongs to the second.
    expect(session.contextUsage).toBe(pinned + tokensOf("more", "second", "second", "third", "third"));
    await session.append("0123456789012345");
    expect(overflows()).toBe(2);
    expect(session.contextUsage).toBe(pinned + tokensOf("third", "third", "0123456789012345"));
  });

  it.each([
    ["prompt", 61 - 5 - 3],
    ["append", 61 - 5 - 2],
  ] as const)("refuses a %s that is too long by itself, and removes nothing", async (method, length) => {
    const { session, overflows } = await open({ contextLength: 60, initialPrompts: [system("sys")] });
    await session.prompt("first");
    const before = session.contextUsage;
    const error = { code: "context_overflow", detail: { requested: 61, limit: 60 } };
    await expect(session[method]("x".repeat(length))).rejects.toMatchObject(error);
    expect([session.contextUsage, overflows()]).toEqual([before, 0]);
    await session[method]("x".repeat(length - 1));
    expect(overflows()).toBe(1);
  });

  it("refuses to begin with more than the context", async () => {
    const error = { code: "context_overflow", detail: { requested: 102, limit: 100 } };
    await expect(open({ contextLength: 100, initialPrompts: [user("x".repeat(100))] })).rejects.toMatchObject(error);
  });

  it("tells the model of a format where it is asked to", async () => {
    const { session } = await open();
    const responseFormat = { type: "schema", schema: { type: "boolean" } } as const;
    expect(await session.prompt("a", { responseFormat })).toBe("false");
    const told = await session.measure("a", { responseFormat, describeFormat: true });
    expect(told).toBeGreaterThan(
      (await session.measure("a", { responseFormat })) + JSON.stringify(responseFormat.schema).length,
    );
    expect(await session.prompt("a", { responseFormat, describeFormat: true })).toBe("false");
    expect(session.contextUsage).toBe(tokensOf("a", "false", "false") + told - 1);
  });

  it("gives calls of tools and takes their results", async () => {
    const parameters = { type: "object", properties: { n: { type: "integer", minimum: 3 } }, required: ["n"] };
    const tools = [{ type: "function", function: { name: "dice", description: "rolls", parameters } }] as const;
    const { session } = await open({ options: { tools } });
    const calls: unknown[] = [];
    session.ontoolcall = (call) => calls.push(call);
    expect(await session.prompt("roll")).toBe("");
    expect(calls).toEqual([{ id: "call_0", type: "function", function: { name: "dice", arguments: '{"n":3}' } }]);
    expect(await session.prompt([{ role: "tool", content: "six", tool_call_id: "call_0" }])).toBe("six");
  });

  const noTools = { name: "x", description: "", parameters: [] };
  it.each([
    [{ initialPrompts: 5 }],
    [{ initialPrompts: [{ role: "user" }] }],
    [{ initialPrompts: [{ role: "robot", content: "" }] }],
    [{ initialPrompts: [{ role: "user", content: 5 }] }],
    [{ initialPrompts: [{ role: "user", content: "", more: 1 }] }],
    [{ initialPrompts: [user("a"), system("b")] }],
    [{ initialPrompts: [{ role: "tool", content: "a" }] }],
    [{ initialPrompts: [{ role: "assistant", content: "a", tool_calls: [{}] }] }],
    [{ options: { samplingMode: "wild" } }],
    [{ options: { raw: true } }],
    [{ options: { system: "a" } }],
    [{ options: { tools: [{ type: "function" }] } }],
    [{ options: { tools: [{ type: "function", function: noTools }] } }],
  ] as Options[][])("refuses %j", async (given) => {
    await expect(open(given)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it.each([
    [5, {}],
    [[system("late")], {}],
    ["x", { prefix: true }],
    ["x", { prefix: 1 }],
    ["x", { describeFormat: 1 }],
    ["x", { describeFormat: true, responseFormat: { type: "poem" } }],
  ])("refuses to prompt with %j and %j", async (input, options) => {
    const { session } = await open();
    await session.append("before");
    await expect(session.prompt(input as string, options as object)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("is at an end when the engine holds too many", async () => {
    const { echo } = await open();
    const create = () => echo.connection.call("createSession", { initialPrompts: [], options: {} });
    const made = await Promise.all(Array.from({ length: 255 }, create));
    await expect(create()).rejects.toMatchObject({ code: "invalid_request" });
    await echo.connection.call("destroySession", { session: made[7]!.session });
    await create();
    await expect(
      echo.connection.call("promptSession", { session: made[7]!.session, input: "x", options: {} }),
    ).rejects.toMatchObject({ code: "invalid_request" });
  });
});

describe.each([0, 4])("a session of a loaded model with %d slots for states", (stateSlots) => {
  async function load(): Promise<Model> {
    const devices = fakeDevices({ adapter: { software: false }, stateSlots });
    const engine = createInProcessEngine({ gpu: undefined, devices, openStore: async () => toyStore(toyPackage) });
    onTestFinished(() => engine.close());
    return engine.load({ id: "toy" });
  }
  const answerTo = (chat: string, count: number) => textOf(greedy(idsOf(chat), count));
  const GREEDY = { temperature: 0, maxTokens: 4 };

  it("answers as the model would the whole chat, and reuses what it computed", async () => {
    const model = await load();
    const session = await model.createSession({ initialPrompts: [system("hi")], ...GREEDY });
    expect(session.contextUsage).toBe("s,hi.".length);
    const first = session.prompt("you");
    expect(await first).toBe(answerTo("s,hi.u,you.", 4));
    expect((await first.usage).cachedTokens).toBe("s,hi.".length);
    const chat = `s,hi.u,you.a,${await first}.`;
    expect(session.contextUsage).toBe(chat.length);
    const clone = await session.clone();
    const [second, other] = [session.prompt("b"), clone.prompt("c")];
    expect(await second).toBe(answerTo(`${chat}u,b.`, 4));
    expect(await other).toBe(answerTo(`${chat}u,c.`, 4));
    expect((await second.usage).cachedTokens).toBeGreaterThanOrEqual("s,hi.u,you".length);
    expect(await clone.prompt([user("d"), assistant("so")])).toBe(answerTo(`${chat}u,c.a,${await other}.u,d.a,so`, 4));
  });

  it("is over when another model is loaded", async () => {
    const model = await load();
    const session = await model.createSession();
    await model.unload();
    await expect(session.prompt("x")).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("evicts where the context is full", async () => {
    const model = await load();
    const session = await model.createSession(GREEDY);
    let overflows = 0;
    session.oncontextoverflow = () => overflows++;
    for (let i = 0; i < 6; i++) await session.prompt("0123456789012345678");
    expect(overflows).toBeGreaterThan(0);
    expect(session.contextUsage).toBeLessThanOrEqual(CONTEXT);
  });

  it("refuses options that no answer takes, when it is made and when it is used", async () => {
    const model = await load();
    await expect(model.createSession({ topQ: 1 } as object)).rejects.toMatchObject({ code: "invalid_request" });
    await expect(model.createSession({ adapter: "none" })).rejects.toMatchObject({ code: "model_not_found" });
    const session = await model.createSession();
    await expect(session.prompt("a", { temperature: -1 })).rejects.toMatchObject({ code: "invalid_request" });
    await expect(session.prompt("a", { samplingMode: "creative" } as object)).rejects.toMatchObject({
      code: "invalid_request",
    });
  });
});
