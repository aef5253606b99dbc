import { fromPort } from "./errors";

/** What the port rejects with as what a page gets; an abort rejects at once. */
export function guarded<T>(stop: AbortSignal, run: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (stop.aborted) return reject(stop.reason);
    stop.addEventListener("abort", () => reject(stop.reason), { once: true });
    run().then(resolve, (thrown) => reject(thrown instanceof DOMException ? thrown : fromPort(thrown, stop)));
  });
}
