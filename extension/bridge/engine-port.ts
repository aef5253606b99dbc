/**
 * The runtime port from this frame to the offscreen document, opened at the first request.
 *
 * It goes straight to the offscreen document, so a stopped service worker does not end a stream; the service worker
 * is only asked to make the document exist. The port ends with the page, with the back/forward cache, or with us.
 */
import { LlmError } from "@nomoat/runtime";
import type { BackgroundMessage, BackgroundReply } from "../protocol/background";
import { type FramedRequest, PAGE_PORT } from "../protocol/page-port";

export class EnginePort {
  #opening: Promise<chrome.runtime.Port> | null = null;
  readonly #onMessage: (message: unknown) => void;
  readonly #onClose: () => void;

  constructor(onMessage: (message: unknown) => void, onClose: () => void) {
    this.#onMessage = onMessage;
    this.#onClose = onClose;
  }

  /** Rejects where the extension is gone (updated or removed while the page stayed). */
  async send(message: FramedRequest): Promise<void> {
    this.#opening ??= this.#open();
    const opening = this.#opening;
    try {
      (await opening).postMessage(message);
    } catch (error) {
      if (this.#opening === opening) this.#opening = null;
      throw error;
    }
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    const port = await opening?.catch(() => null);
    port?.disconnect();
  }

  async #open(): Promise<chrome.runtime.Port> {
    if (!chrome.runtime?.id)
      throw new LlmError("not_allowed", "The extension was updated or removed: reload the page.");
    const ensure: BackgroundMessage<"engine.ensure"> = { to: "background", method: "engine.ensure", params: {} };
    const reply: BackgroundReply<"engine.ensure"> = await chrome.runtime.sendMessage(ensure);
    if ("error" in reply) throw LlmError.fromWire(reply.error);
    const port = chrome.runtime.connect({ name: PAGE_PORT });
    port.onMessage.addListener(this.#onMessage);
    port.onDisconnect.addListener(() => {
      this.#opening = null;
      this.#onClose();
    });
    return port;
  }
}
