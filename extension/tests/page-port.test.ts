/** Proves that nothing but the five requests of a page passes the message edge. Needs nothing. */
import { describe, expect, it } from "vitest";
import { parseFrameFacts, parseRequest } from "../protocol/page-port";

describe("parseRequest", () => {
  it("passes the five methods", () => {
    for (const method of ["models", "abort"] as const) {
      expect(parseRequest({ id: 1, method })).toEqual({ id: 1, value: { id: 1, method } });
    }
    const availability = { id: 1, method: "availability", options: { model: "m" } };
    expect(parseRequest(availability)).toEqual({ id: 1, value: availability });
    const chat = { id: 3, method: "chat", request: { messages: [{ role: "user", content: "x" }] } };
    expect(parseRequest(chat)).toEqual({ id: 3, value: chat });
    const generate = { id: 2, method: "generate", prompt: "x", options: {} };
    expect(parseRequest(generate)).toEqual({ id: 2, value: generate });
  });

  it.each([
    [null],
    [undefined],
    ["text"],
    [1],
    [[]],
    [{}],
    [{ id: 0, method: "models" }],
    [{ id: -1, method: "models" }],
    [{ id: 1.5, method: "models" }],
    [{ id: "1", method: "models" }],
    [{ id: Number.MAX_SAFE_INTEGER + 1, method: "models" }],
    [{ id: 1, method: "site.set" }],
    [{ id: 1, method: "model.install", params: { url: "https://evil.example/" } }],
    [{ id: 1, method: "storage.read" }],
    [{ id: 1, method: "constructor" }],
    [{ id: 1, method: "models", extra: 1 }],
    [{ id: 1, method: "generate" }],
    [{ id: 1, method: "chat" }],
    [{ id: 1, method: "chat", request: { messages: [] } }],
    [{ id: 1, method: "chat", request: { messages: [{ role: "user", content: "x" }] }, options: {} }],
    [{ id: 1, method: "availability", options: { adapter: "x" } }],
    [{ id: 1, method: "generate", prompt: "x", options: {}, origin: "https://bank.example" }],
    [{ id: 1, method: "generate", prompt: "x", options: { partition: "y" } }],
  ])("refuses %j", (value) => {
    expect(parseRequest(value)).toHaveProperty("problem");
  });
});

describe("parseFrameFacts", () => {
  const facts = { userActivation: true, policyAllows: true, secureContext: true, ancestorOrigins: [] };

  it("passes what the content script sends", () => {
    expect(parseFrameFacts(facts)).toEqual(facts);
  });

  it.each([
    [null],
    [{}],
    [{ ...facts, userActivation: 1 }],
    [{ ...facts, policyAllows: "true" }],
    [{ ...facts, ancestorOrigins: "https://a.example" }],
    [{ ...facts, ancestorOrigins: [1] }],
    [{ ...facts, ancestorOrigins: new Array(65).fill("https://a.example") }],
  ])("refuses %j", (value) => {
    expect(parseFrameFacts(value)).toBeNull();
  });
});
