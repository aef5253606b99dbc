/**
 * The offscreen document: the data plane. It accepts ports from content scripts, consent windows and the extension's
 * own pages, and owns the engine worker. It outlives the service worker; the browser ends it with the extension.
 */
import { createEngine, type Engine } from "@nomoat/runtime";
import { AdminSession } from "../../offscreen/admin";
import { askBackground } from "../../offscreen/background-client";
import { isOwnPage } from "../../offscreen/own-page";
import { PageRouter } from "../../offscreen/router";
import { createServices } from "../../offscreen/services";
import { SnapshotFeed, takeSnapshot } from "../../offscreen/snapshot";
import { ADMIN_PORT } from "../../protocol/admin-port";
import { CONSENT_PORT, type ConsentAnswer, type ConsentHello } from "../../protocol/consent-port";
import { PAGE_PORT } from "../../protocol/page-port";

const services = askBackground("storage.read", {}).then((stored) =>
  createServices(makeEngine, stored, () => void feed.then((known) => known.changed())),
);
const feed = services.then((ready) => new SnapshotFeed(() => takeSnapshot(ready)));

// Listeners are registered at once and messages wait for `services`, so that nothing is lost while it starts.
chrome.runtime.onConnect.addListener((port) => {
  if (port.name === PAGE_PORT) return servePage(port);
  if (port.name === ADMIN_PORT && isOwnPage(port.sender, ["options.html", "popup.html", "sidepanel.html"]))
    return serveAdmin(port);
  if (port.name === CONSENT_PORT && isOwnPage(port.sender, ["consent.html"])) return serveConsent(port);
  port.disconnect();
});

function servePage(port: chrome.runtime.Port): void {
  const router = services.then(
    (ready) => new PageRouter(ready, port.sender ?? {}, (answer) => port.postMessage(answer)),
  );
  port.onMessage.addListener((message) => void router.then((open) => open.receive(message)));
  port.onDisconnect.addListener(() => void router.then((open) => open.close()));
}

function serveAdmin(port: chrome.runtime.Port): void {
  const session = services.then((ready) => new AdminSession(ready, (answer) => connected && port.postMessage(answer)));
  let connected = true;
  const subscription = feed.then((known) => known.subscribe((snapshot) => connected && port.postMessage({ snapshot })));
  port.onMessage.addListener((message) => void session.then((open) => open.receive(message)));
  port.onDisconnect.addListener(() => {
    connected = false;
    void session.then((open) => open.close());
    void subscription.then((unsubscribe) => unsubscribe());
  });
}

function serveConsent(port: chrome.runtime.Port): void {
  let question = 0;
  let connected = true;
  port.onMessage.addListener(async (message: ConsentHello | { answer: ConsentAnswer }) => {
    const { consent } = await services;
    if ("answer" in message) consent.answer(question, message.answer);
    else if (consent.attach(message.id, { postMessage: (reply) => connected && port.postMessage(reply) }))
      question = message.id;
  });
  port.onDisconnect.addListener(async () => {
    connected = false;
    (await services).consent.answer(question, "closed");
  });
}

function makeEngine(): Engine {
  return createEngine({
    worker: () => {
      const worker = new Worker(new URL("@nomoat/runtime/worker", import.meta.url), { type: "module" });
      worker.addEventListener("error", () => void services.then(({ models }) => models.engineCrashed()));
      return worker;
    },
  });
}
