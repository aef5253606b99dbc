/**
 * A helper thread of the pool: a worker that the engine's worker makes. It gets the kernels and the plan once, says that
 * it is ready, and from then on lives in the control block; the pool ends it.
 */
import { bindSteps, instantiate, Lockstep, type Places, type Plan, Poisoned } from "./barrier";

export interface HelperStart {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly plan: Plan;
  readonly thread: number;
  readonly stackTop: number;
  readonly control: number;
}
/** `ready` comes first; `failed` says why it is the last message. */
export type FromHelper = { readonly ready: true } | { readonly failed: string };

interface HelperScope {
  postMessage(message: FromHelper): void;
  addEventListener(type: "message", listener: (event: MessageEvent<HelperStart>) => void): void;
}
const scope = globalThis as unknown as HelperScope;

scope.addEventListener("message", ({ data }) => live(data));

function live({ module, memory, plan, thread, stackTop, control }: HelperStart): void {
  const lockstep = new Lockstep(memory, control, thread);
  try {
    const exports = instantiate(module, memory, stackTop);
    const functions = Object.values(plan).map((steps) => bindSteps(steps, exports));
    const load = (text: string) => {
      for (const [place, steps] of JSON.parse(text) as Places) functions[place] = bindSteps(steps, exports);
    };
    scope.postMessage({ ready: true });
    for (;;) lockstep.follow(functions, load);
  } catch (thrown) {
    if (thrown instanceof Poisoned) return;
    lockstep.poison();
    scope.postMessage({ failed: thrown instanceof Error ? thrown.message : "no reason given" });
  }
}
