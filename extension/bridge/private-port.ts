/** The isolated-world end of the private channel: waits for the port that the main-world script offers, once. */
import { CHANNEL_EVENT } from "../protocol/page-port";

export function receivePrivatePort(target: Document, onPort: (port: MessagePort) => void): void {
  target.addEventListener(
    CHANNEL_EVENT,
    (event) => {
      event.stopImmediatePropagation();
      const port = event instanceof MessageEvent ? event.ports[0] : undefined;
      if (!port) return;
      event.preventDefault();
      onPort(port);
    },
    { capture: true, once: true },
  );
}
