/** A worker of the pool: it gets one message, and from then on its work through shared memory. The pool ends it. */
import { serve, type ThreadStart } from "./pool";

interface WorkerScope {
  postMessage(message: string | null): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ThreadStart>) => void): void;
}
const scope = globalThis as unknown as WorkerScope;

scope.addEventListener("message", ({ data }) => {
  // Messages are sent at once, also from a thread that never returns to its event loop.
  scope.postMessage(null);
  try {
    serve(data);
  } catch (thrown) {
    scope.postMessage(thrown instanceof Error ? thrown.message || thrown.name : "no reason given");
  }
});
