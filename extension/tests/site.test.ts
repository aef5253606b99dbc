/** Proves who may ask: origins, frames and documents, from what the browser says. Needs nothing. */
import { LlmError } from "@nomoat/runtime";
import { describe, expect, it } from "vitest";
import { isUsableOrigin, type Sender, siteOf } from "../offscreen/site";
import { frame, sender } from "./page-sender";

describe("isUsableOrigin", () => {
  it.each([
    "https://a.example",
    "https://a.example:8443",
    "http://localhost",
    "http://localhost:3000",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
  ])("allows %s", (origin) => expect(isUsableOrigin(origin)).toBe(true));

  it.each([
    "null",
    "",
    "file://",
    "data:text/html,x",
    "about:blank",
    "http://a.example",
    "http://localhost.evil.example",
    "http://127.0.0.2",
    "ftp://localhost",
    "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    "https://a.example/path",
    "https://a.example/",
    "HTTPS://a.example",
    "blob:https://a.example/uuid",
  ])("denies %s", (origin) => expect(isUsableOrigin(origin)).toBe(false));
});

describe("siteOf", () => {
  it("takes origin, document and tab from the sender", () => {
    expect(siteOf(sender(), frame())).toEqual({
      origin: "https://a.example",
      topOrigin: "https://a.example",
      documentId: "document-1",
      tabId: 1,
      incognito: false,
    });
  });

  it("takes the outermost embedding origin as the top", () => {
    const ancestorOrigins = ["https://middle.example", "https://top.example"];
    expect(siteOf(sender(), frame({ ancestorOrigins }))).toMatchObject({ topOrigin: "https://top.example" });
  });

  const refused: [string, Sender, ReturnType<typeof frame>][] = [
    ["a sandboxed frame", sender({ origin: "null" }), frame()],
    ["no origin", { tab: sender().tab! }, frame()],
    ["an insecure context", sender(), frame({ secureContext: false })],
    ["a frame that the policy denies", sender(), frame({ policyAllows: false })],
    ["an opaque top", sender(), frame({ ancestorOrigins: ["null"] })],
    ["an insecure top", sender(), frame({ ancestorOrigins: ["http://a.example"] })],
    ["a prerendered page", sender({ documentLifecycle: "prerender" }), frame()],
    ["no tab", { origin: "https://a.example", documentId: "d" }, frame()],
  ];
  it.each(refused)("refuses %s", (_name, from, facts) => {
    const answer = siteOf(from, facts);
    expect(answer).toBeInstanceOf(LlmError);
    expect(answer).toMatchObject({ code: "not_allowed" });
  });
});
