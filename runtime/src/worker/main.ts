/** The engine worker: one engine on this worker's GPU, behind protocol.ts. The page or extension that made it ends it. */
import { EngineCore } from "../engine/engine";
import { EngineServer } from "./server";

interface WorkerScope {
  postMessage(message: unknown, transfer: Transferable[]): void;
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
}
const scope = globalThis as unknown as WorkerScope;

const engine = new EngineCore({ gpu: navigator.gpu });
const server = new EngineServer(engine, (message, transfer) => scope.postMessage(message, transfer));
scope.addEventListener("message", ({ data }) => server.receive(data));
