/**
 * Announces the provider in the style of EIP-6963, so that a page can choose between several installed ones:
 * `llm:announceProvider` with {info, provider}, now and whenever the page dispatches `llm:requestProvider`.
 */
import type { LLM } from "@nomoat/runtime";
import { apply, freeze, getOwnPropertyDescriptor } from "@nomoat/runtime/contract";

export function announceProvider(target: Window & typeof globalThis, provider: LLM): void {
  const { CustomEvent: NativeEvent } = target;
  const dispatch = EventTarget.prototype.dispatchEvent;
  const info = freeze({ uuid: uniqueId(), name: "NoMoat", rdns: "org.nomoat", version: provider.version });
  const detail = freeze({ info, provider });
  const announce = (): void => {
    apply(dispatch, target, [new NativeEvent("llm:announceProvider", { detail })]);
  };
  target.addEventListener("llm:requestProvider", announce);
  announce();
}

/** Defines `window.llm`, unless somebody else's is there for good. */
export function defineProvider(target: object, provider: LLM): void {
  if (getOwnPropertyDescriptor(target, "llm")?.configurable === false) return;
  Object.defineProperty(target, "llm", { value: provider, enumerable: true, writable: false, configurable: false });
}

/** crypto.randomUUID() exists in secure contexts only; this script runs in every frame. */
function uniqueId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
