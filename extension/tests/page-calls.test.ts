/**
 * Proves that sessions, decide() and embed() take what they should, and that no message that a page could make gets
 * through as anything else than its declaration. Needs nothing.
 */
import { describe, expect, it } from "vitest";
import { PAGE_LIMITS } from "../protocol/page-contract";
import { type PageRequest, parseRequest } from "../protocol/page-port";

const message = { role: "user", content: "x" };
const question = { id: "q", prompt: "Is it?", type: "boolean" };
const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } };
const VALID: readonly { readonly method: string; readonly params: object }[] = [
  { method: "prepareModel", params: {} },
  { method: "modelAvailability", params: {} },
  { method: "createSession", params: { options: {} } },
  {
    method: "createSession",
    params: {
      options: { initialPrompts: [message], tools: [tool], samplingMode: "creative", maxTokens: 5, model: "m" },
    },
  },
  { method: "promptSession", params: { session: 1, input: "x", options: {} } },
  {
    method: "promptSession",
    params: {
      session: 1,
      input: [message, { role: "assistant", content: "y" }],
      options: { prefix: true, describeFormat: true, responseFormat: { type: "regex", pattern: "a", flags: "" } },
    },
  },
  { method: "appendSession", params: { session: 1, input: [] } },
  { method: "measureSession", params: { session: 1, input: "x", options: { temperature: 1 } } },
  { method: "cloneSession", params: { session: 1 } },
  { method: "destroySession", params: { session: Number.MAX_SAFE_INTEGER } },
  { method: "decide", params: { input: "x", questions: [question], options: { calibrate: false, model: "m" } } },
  {
    method: "decide",
    params: {
      input: "x",
      questions: [
        { id: "a", prompt: "?", type: "choice", options: ["x", "y"] },
        { id: "b", prompt: "?", type: "score", options: [0, 10] },
      ],
      options: {},
    },
  },
  { method: "embed", params: { input: ["a", "b"], options: { model: "m" } } },
  { method: "memory", params: { method: "add", input: ["a", { text: "b", tags: ["t"] }], options: {} } },
  { method: "memory", params: { method: "search", input: "a", options: { limit: 3, tags: ["t"] } } },
  { method: "memory", params: { method: "forget", input: { ids: [1] }, options: {} } },
];

const parsed = (given: { readonly method: string; readonly params: unknown }) => parseRequest({ id: 1, ...given });

describe("what is accepted", () => {
  it.each(VALID)("$method %#", (given) => {
    const found = parsed(given);
    expect(found).toEqual({ id: 1, value: { id: 1, ...given } });
    expect("value" in found && (found.value as { params: object }).params).not.toBe(given.params);
  });
});

describe("what is refused", () => {
  it.each([
    ["createSession", {}],
    ["createSession", { options: null }],
    ["createSession", { options: { partition: "another site" } }],
    ["createSession", { options: { raw: true } }],
    ["createSession", { options: { system: "x" } }],
    ["createSession", { options: { samplingMode: "wild" } }],
    ["createSession", { options: { tools: Array(129).fill(tool) } }],
    ["createSession", { options: { initialPrompts: "x" } }],
    ["createSession", { options: { initialPrompts: Array(PAGE_LIMITS.messages + 1).fill(message) } }],
    ["createSession", { options: { maxTokens: PAGE_LIMITS.maxTokens + 1 } }],
    ["createSession", { options: {}, session: 1 }],
    ["promptSession", { session: 0, input: "x", options: {} }],
    ["promptSession", { session: "1", input: "x", options: {} }],
    ["promptSession", { session: 2 ** 53, input: "x", options: {} }],
    ["promptSession", { session: 1, input: { role: "user" }, options: {} }],
    ["promptSession", { session: 1, input: "x", options: { partition: "y" } }],
    ["promptSession", { session: 1, input: "x", options: { model: "y" } }],
    ["promptSession", { session: 1, input: "x", options: { adapter: "y" } }],
    ["promptSession", { session: 1, input: "x".repeat(PAGE_LIMITS.textBytes + 1), options: {} }],
    ["appendSession", { session: 1, input: [{ role: "root", content: "x" }] }],
    ["cloneSession", { session: -1 }],
    ["destroySession", {}],
    ["decide", { input: "x", questions: [], options: {} }],
    ["decide", { input: "x", questions: [question], options: { partition: "y" } }],
    ["decide", { input: "x", questions: [{ ...question, type: "essay" }], options: {} }],
    ["embed", { input: [], options: {} }],
    ["embed", { input: Array(257).fill("x"), options: {} }],
    ["embed", { input: "x", options: { partition: "y" } }],
    ["memory", { method: "add", input: Array(257).fill("x"), options: {} }],
    ["memory", { method: "add", input: "x".repeat(PAGE_LIMITS.textBytes + 1), options: {} }],
    ["memory", { method: "search", input: "x", options: { name: "another site" } }],
    ["memory", { method: "export", options: {}, site: { origin: "https://a.example" } }],
    ["memory", { method: "remove", options: {} }],
    ["prepareModel", { url: "https://evil.example/" }],
  ])("%s %#", (method, params) => {
    expect(parsed({ method, params })).toHaveProperty("problem");
  });

  it("administrative verbs, whatever comes with them", () => {
    for (const method of [
      "site.set",
      "site.languageModel",
      "settings.set",
      "model.install",
      "storage.write",
      "toString",
    ])
      for (const params of [undefined, {}, { origin: "https://a.example", on: true }])
        expect(parsed({ method, params })).toHaveProperty("problem");
  });
});

/**
 * Every way to break a valid message in one place: values of other types, keys that are unknown, taken away or of the
 * prototype, in each object and array. What still parses must parse to itself, made of new objects; nothing may throw.
 */
describe("messages with one thing changed", () => {
  const FOREIGN: readonly unknown[] = [
    undefined,
    null,
    true,
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    "",
    "\ud800",
    10n,
    Symbol("s"),
    () => 1,
    [],
    {},
    new Date(0),
    new Map(),
    Object.create({ session: 1 }),
    new Proxy({}, { ownKeys: () => ["x"] }),
    Object.assign([], { length: 2 ** 31 }),
  ];

  /** Getters only where a page's own objects are read: a message itself was cloned. */
  function* changed(value: unknown, cloned = true): Generator<unknown> {
    yield* FOREIGN;
    if (typeof value !== "object" || value === null) return;
    const copy = (): Record<string, unknown> => (Array.isArray(value) ? [...value] : { ...value }) as never;
    for (const key of ["unknown", "partition", "toString"]) yield Object.assign(copy(), { [key]: 1 });
    yield Object.defineProperty(copy(), "__proto__", { value: {}, enumerable: true });
    yield Object.assign(copy(), { [Symbol("s")]: 1 });
    for (const key of Object.keys(value)) {
      const without = copy();
      delete without[key];
      yield without;
      const throwing = {
        enumerable: true,
        get: () => {
          throw new Error("secret");
        },
      };
      if (!cloned) yield Object.defineProperty(copy(), key, throwing);
      for (const inner of changed((value as Record<string, unknown>)[key], cloned && key !== "params"))
        yield Object.assign(copy(), { [key]: inner });
    }
  }

  /** As JSON would have it: without what is undefined. */
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, inner]) => inner !== undefined)
        .map(([key, inner]) => [key, plain(inner)]),
    );
  };

  it.each(VALID)("$method %#", (given) => {
    let refused = 0;
    let count = 0;
    for (const message of changed({ id: 1, ...given })) {
      count++;
      const found = parseRequest(message);
      if ("problem" in found) {
        refused++;
        expect(found.problem).toMatch(/^.{1,300}$/s);
        expect(found.problem).not.toContain("secret");
        continue;
      }
      const value: PageRequest = found.value;
      // Accepted: then what goes on is JSON of the declared keys only, and parses again to the same.
      expect(plain(JSON.parse(JSON.stringify(value)))).toEqual(plain(value));
      expect(parseRequest(value)).toEqual(found);
      expect(Object.keys(value).sort()).toEqual(["id", "method", "params"]);
    }
    expect(refused).toBeGreaterThan(count / 2);
  });
});
