/**
 * Isolated world of every frame: checks what the page asks, adds what only this world knows about the frame, and
 * carries it to the offscreen document and back. The browser ends it with the frame.
 */
import { LlmError } from "@nomoat/runtime";
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { EnginePort } from "../bridge/engine-port";
import { frameFacts } from "../bridge/frame-facts";
import { receivePrivatePort } from "../bridge/private-port";
import { type PageAnswer, parseRequest, WHO_IS_HERE } from "../protocol/page-port";

/** Requests of one frame that wait for an answer. The offscreen document has its own, lower limit per site. */
const MAX_PENDING = 16;

export default defineUnlistedScript(() => {
  if (window === window.top) tellPopupWhoIsHere();
  receivePrivatePort(document, (page) => {
    const pending = new Set<number>();
    const answer = (message: PageAnswer): void => {
      if ("result" in message || "error" in message) pending.delete(message.id);
      page.postMessage(message);
    };
    const fail = (id: number, thrown: unknown): void => {
      const error = LlmError.from(thrown);
      answer({ id, error: { ...error.toWire(), name: error.name } });
    };
    const failAll = (error: LlmError): void => {
      for (const id of [...pending]) fail(id, error);
    };

    const engine = new EnginePort(
      (message) => answer(message as PageAnswer),
      () => failAll(new LlmError("aborted", "The connection to the engine ended. Try again.")),
    );

    page.onmessage = ({ data }) => {
      const parsed = parseRequest(data);
      const { id } = parsed;
      if ("problem" in parsed) return fail(id, new LlmError(parsed.code ?? "invalid_request", parsed.problem));
      const request = parsed.value;
      if (request.method === "abort") {
        if (!pending.delete(id)) return;
        engine.send({ request, frame: frameFacts(window) }).catch(() => {});
        return;
      }
      // The port keeps saying what the document was when it was opened, so it must not be opened now.
      if ((document as Document & { prerendering?: boolean }).prerendering) {
        return fail(id, new LlmError("not_allowed", "A prerendered page may ask when it is shown."));
      }
      if (pending.has(id)) return fail(id, new LlmError("invalid_request", "This request id is in use."));
      // What gives something back is never too much.
      if (pending.size >= MAX_PENDING && request.method !== "destroySession") {
        return fail(id, new LlmError("not_allowed", `At most ${MAX_PENDING} requests may wait in one frame.`));
      }
      pending.add(id);
      engine.send({ request, frame: frameFacts(window) }).catch((error) => fail(id, error));
    };

    // A page that leaves, or that the back/forward cache keeps, has no running requests.
    window.addEventListener("pagehide", () => {
      failAll(new LlmError("aborted", "The page was left."));
      void engine.close();
    });
  });
});

/** The popup's switch for this site, without a permission to read the addresses of all tabs. */
function tellPopupWhoIsHere(): void {
  chrome.runtime.onMessage.addListener((message: unknown, _sender, reply: (origin: string) => void) => {
    if (message === WHO_IS_HERE) reply(window.location.origin);
  });
}
