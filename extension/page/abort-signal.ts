/** Reading an AbortSignal of the page through captured built-ins. */
import { apply, getterOf } from "@nomoat/runtime/contract";

const abortedOf = getterOf(AbortSignal.prototype, "aborted");
const reasonOf = getterOf(AbortSignal.prototype, "reason");
const listen = EventTarget.prototype.addEventListener;

export function isAbortSignal(value: unknown): value is AbortSignal {
  try {
    abortedOf(value as AbortSignal);
    return true;
  } catch {
    return false;
  }
}

/** Calls back with the signal's reason: now where it is aborted already (returns true), else when it is aborted. */
export function onAbort(signal: AbortSignal, callback: (reason: unknown) => void): boolean {
  if (abortedOf(signal)) {
    callback(reasonOf(signal));
    return true;
  }
  apply(listen, signal, ["abort", () => callback(reasonOf(signal)), { once: true }]);
  return false;
}
