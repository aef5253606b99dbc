/**
 * An engine in the caller's own thread: for Node, for tests, and for contexts that are workers themselves.
 *
 * NOTE index.ts must not import this file statically: pages that use a worker would load the engine's code twice.
 */
import { EngineCore, type EngineEnvironment } from "../engine/engine";
import { EngineServer } from "../worker/server";
import { EngineClient } from "./client";
import { type Channel, Connection } from "./connection";
import type { Engine } from "./types";

/** The same client and server as with a worker, so that both behave alike; messages are cloned as between threads. */
export function createInProcessEngine(environment: EngineEnvironment): Engine {
  return new EngineClient(new Connection((receive) => openInProcess(environment, receive)));
}

export function openInProcess(environment: EngineEnvironment, receive: (message: unknown) => void): Channel {
  const core = new EngineCore(environment);
  let open = true;
  const server = new EngineServer(core, (message, transfer) => {
    if (open) receive(structuredClone(message, { transfer }));
  });
  return {
    post: (message) => server.receive(structuredClone(message)),
    close: () => {
      open = false;
      void core.unload().catch(() => undefined);
    },
  };
}
