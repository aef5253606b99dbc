/** Proves that a site is asked about in one window at a time, and that every waiting request gets an outcome. */
import { LlmError } from "@nomoat/runtime";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConsentDesk } from "../offscreen/consent";
import type { Site } from "../offscreen/site";
import type { ConsentQuestion } from "../protocol/consent-port";

const site = (documentId = "1", origin = "https://a.example"): Site => ({
  origin,
  topOrigin: origin,
  documentId,
  tabId: 1,
  incognito: false,
});
const live = () => new AbortController().signal;

function setUp() {
  const opened: number[] = [];
  const shown: ConsentQuestion[] = [];
  const desk = new ConsentDesk(async (id) => void opened.push(id));
  const attach = (id: number) => desk.attach(id, { postMessage: (question) => void shown.push(question) });
  return { desk, opened, shown, attach };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("ConsentDesk", () => {
  it("opens one window for requests of one document, which share the answer", async () => {
    const { desk, opened, shown, attach } = setUp();
    const answers = [desk.ask(site(), live()), desk.ask(site(), live())];
    expect(opened).toEqual([1]);
    expect(attach(1)).toBe(true);
    expect(shown).toEqual([{ question: { origin: "https://a.example", topOrigin: "https://a.example" } }]);
    desk.answer(1, "once");
    expect(await Promise.all(answers)).toEqual(["once", "once"]);
    expect(shown.at(-1)).toEqual({ question: null });
  });

  it("asks about two sites in two windows", () => {
    const { desk, opened } = setUp();
    void desk.ask(site(), live());
    void desk.ask(site("1", "https://b.example"), live());
    expect(opened).toEqual([1, 2]);
  });

  it("gives another document of the site a lasting answer, but its own question after a once", async () => {
    const lasting = setUp();
    const both = [lasting.desk.ask(site("1"), live()), lasting.desk.ask(site("2"), live())];
    lasting.desk.answer(1, "always");
    expect(await Promise.all(both)).toEqual(["always", "always"]);
    expect(lasting.opened).toEqual([1]);

    const once = setUp();
    const first = once.desk.ask(site("1"), live());
    const second = once.desk.ask(site("2"), live());
    once.desk.answer(1, "once");
    expect(await first).toBe("once");
    await expect.poll(() => once.opened).toEqual([1, 2]);
    once.desk.answer(2, "deny");
    expect(await second).toBe("deny");
  });

  it("takes a closed window as closed, and asks again the next time", async () => {
    const { desk, opened, attach } = setUp();
    const asked = desk.ask(site(), live());
    attach(1);
    desk.answer(1, "closed");
    expect(await asked).toBe("closed");
    void desk.ask(site(), live());
    expect(opened).toEqual([1, 2]);
  });

  it("does not wait for a window that never comes", async () => {
    const { desk } = setUp();
    const asked = desk.ask(site(), live());
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await asked).toBe("closed");
  });

  it("waits for the user as long as the window is open", async () => {
    const { desk, attach } = setUp();
    const asked = desk.ask(site(), live());
    attach(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    desk.answer(1, "always");
    expect(await asked).toBe("always");
  });

  it("says closed where no window can be opened", async () => {
    const desk = new ConsentDesk(() => Promise.reject(new LlmError("internal", "no windows")));
    expect(await desk.ask(site(), live())).toBe("closed");
  });

  it("still takes the answer when the service worker died before it could say that the window is open", async () => {
    const desk = new ConsentDesk(() => Promise.reject(new Error("the message port closed")));
    const asked = desk.ask(site(), live());
    await vi.advanceTimersByTimeAsync(100);
    expect(desk.attach(1, { postMessage: () => {} })).toBe(true);
    desk.answer(1, "always");
    expect(await asked).toBe("always");
  });

  it("closes the window when every request has gone, not before", async () => {
    const { desk, shown, attach } = setUp();
    const [one, two] = [new AbortController(), new AbortController()];
    const asked = [desk.ask(site(), one.signal), desk.ask(site(), two.signal)].map((promise) =>
      promise.catch(() => "aborted"),
    );
    attach(1);
    one.abort();
    expect(shown).toHaveLength(1);
    two.abort();
    expect(await Promise.all(asked)).toEqual(["aborted", "aborted"]);
    expect(shown.at(-1)).toEqual({ question: null });
  });

  it("shows an unknown or second window nothing", () => {
    const { desk, shown, attach } = setUp();
    expect(attach(7)).toBe(false);
    void desk.ask(site(), live());
    expect(attach(1)).toBe(true);
    expect(attach(1)).toBe(false);
    expect(shown.map(({ question }) => question?.origin ?? null)).toEqual([null, "https://a.example", null]);
  });
});
