/** `createEngine`: the engine in a worker, or in the caller's thread. */
import { LlmError } from "../internal/errors";
import type { ToWorker } from "../worker/protocol";
import { EngineClient } from "./client";
import { type Channel, Connection } from "./connection";
import type { Engine } from "./types";

export interface EngineOptions {
  /** Makes the engine's worker, a module worker that runs the package's entry `./worker`. Default: it is found beside this file. */
  readonly worker?: () => Worker;
  /** Runs the engine in this thread instead of in a worker: on this GPU, or with null on the CPU. */
  readonly gpu?: Gpu | null;
}

/** WebGPU's object, where the types that a program is compiled with know it. */
export type Gpu = Navigator extends { readonly gpu: infer G } ? G : object;

export function createEngine(options: EngineOptions = {}): Engine {
  const { gpu, worker } = options;
  for (const key of Object.keys(options)) {
    if (key !== "gpu" && key !== "worker")
      throw new LlmError("invalid_request", `createEngine: unknown option ${key}.`);
  }
  if (gpu !== undefined && worker)
    throw new LlmError("invalid_request", "createEngine: give a worker or a gpu, not both.");
  if (gpu !== undefined)
    return new EngineClient(new Connection((receive, fail) => openWhenLoaded(gpu ?? undefined, receive, fail)));
  return new EngineClient(new Connection((receive, fail) => openWorker(worker ?? defaultWorker, receive, fail)));
}

function defaultWorker(): Worker {
  return new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module", name: "nomoat-engine" });
}

function openWorker(make: () => Worker, receive: (message: unknown) => void, fail: (error: LlmError) => void): Channel {
  const worker = start(make);
  const crashed = (why: string) =>
    fail(new LlmError("internal", `The engine's worker failed: ${why}. Make a new engine.`));
  worker.addEventListener("message", ({ data }) => receive(data));
  worker.addEventListener("error", (event) => crashed(event.message || "its script could not be loaded"));
  worker.addEventListener("messageerror", () => crashed("a message could not be read"));
  return {
    post: (message: ToWorker) => worker.postMessage(message),
    close: () => worker.terminate(),
  };
}

function start(make: () => Worker): Worker {
  try {
    return make();
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : "no reason given";
    const advice = "Give createEngine a worker that this page's policy allows, or a gpu to run in this thread.";
    throw new LlmError("not_allowed", `The engine's worker could not be started: ${why}. ${advice}`);
  }
}

/** The engine's code is fetched only where it is used, so that pages with a worker do not load it twice. */
function openWhenLoaded(
  gpu: GPU | undefined,
  receive: (message: unknown) => void,
  fail: (error: LlmError) => void,
): Channel {
  const channel = import("./in_process").then(({ openInProcess }) => openInProcess({ gpu }, receive));
  channel.catch(() => fail(new LlmError("network", "The engine's code could not be loaded.")));
  return {
    post: (message) => {
      const copy = structuredClone(message);
      void channel.then((opened) => opened.post(copy));
    },
    close: () => void channel.then((opened) => opened.close()),
  };
}
