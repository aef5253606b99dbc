/** The page of test_storage.py: `callStore(where, method, argument)` runs in this page or in its worker. */
import { answer, type Call } from "./calls";

const worker = new Worker("/worker.js", { type: "module" });
const waiting = new Map<number, (result: unknown) => void>();
worker.onmessage = ({ data }: MessageEvent<{ id: number; result: unknown }>) => waiting.get(data.id)?.(data.result);
let nextId = 0;

function callStore(where: "page" | "worker", method: Call["method"], argument: string): Promise<unknown> {
  if (where === "page") return answer({ method, argument });
  return new Promise((resolve) => {
    const id = nextId++;
    waiting.set(id, resolve);
    worker.postMessage({ id, call: { method, argument } });
  });
}

Object.assign(globalThis, { callStore });
