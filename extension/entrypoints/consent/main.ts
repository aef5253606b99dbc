/**
 * The consent window: asks about one site. The question comes from the offscreen document, never from the address,
 * which holds only its number. Closing the window denies once.
 */
import { CONSENT_PORT, type ConsentAnswer, type ConsentHello, type ConsentQuestion } from "../../protocol/consent-port";
import { byId } from "../../ui/dom";

/** A page can open this window under a click that was meant for itself: that click must not answer. */
const UNCLICKABLE_MS = 500;

const port = chrome.runtime.connect({ name: CONSENT_PORT });
const buttons: Record<ConsentAnswer, HTMLButtonElement> = {
  once: byId<HTMLButtonElement>("once"),
  always: byId<HTMLButtonElement>("always"),
  deny: byId<HTMLButtonElement>("deny"),
};

port.onMessage.addListener(({ question }: ConsentQuestion) => {
  if (!question) return window.close();
  byId("origin").textContent = question.origin;
  byId("top-origin").textContent = question.topOrigin;
  byId("embedded").hidden = question.origin === question.topOrigin;
  byId("question").hidden = false;
  protectFromStrayClicks();
});
port.onDisconnect.addListener(() => window.close());

for (const [answer, button] of Object.entries(buttons)) {
  button.addEventListener("click", (event) => {
    if (event.isTrusted) port.postMessage({ answer });
  });
}
window.addEventListener("focus", protectFromStrayClicks);
const hello: ConsentHello = { id: Number(new URLSearchParams(window.location.search).get("id")) };
port.postMessage(hello);

let timer: ReturnType<typeof setTimeout> | undefined;
function protectFromStrayClicks(): void {
  clearTimeout(timer);
  for (const button of Object.values(buttons)) button.disabled = true;
  timer = setTimeout(() => {
    for (const button of Object.values(buttons)) button.disabled = false;
  }, UNCLICKABLE_MS);
}
