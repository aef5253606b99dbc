/**
 * Who offers a model to this page: extensions announce themselves as wallets do with EIP-6963, an event each, when the
 * page asks for it. Their scripts run before those of the page, so all of them have answered when the question returns.
 */
import type { LLM } from "@nomoat/runtime";

export interface ProviderInfo {
  /** Of this page load. */
  readonly uuid: string;
  readonly name: string;
  /** Reversed domain name, the same at every load: "org.nomoat". */
  readonly rdns: string;
  readonly version: string;
}

export interface Provider {
  readonly info: ProviderInfo;
  readonly provider: LLM;
}

/** In the order of their announcement; a `window.llm` that nobody announced is the last, with an empty `rdns`. */
export function findProviders(): readonly Provider[] {
  if (typeof window === "undefined") return [];
  const found: Provider[] = [];
  const hear = ({ detail }: CustomEventInit<unknown>): void => {
    if (isProvider(detail) && !found.some(({ info }) => info.uuid === detail.info.uuid)) found.push(detail);
  };
  window.addEventListener("llm:announceProvider", hear as EventListener);
  window.dispatchEvent(new Event("llm:requestProvider"));
  window.removeEventListener("llm:announceProvider", hear as EventListener);
  const { llm } = window;
  if (isLLM(llm) && !found.some(({ provider }) => provider === llm))
    found.push({ info: { uuid: "", name: "window.llm", rdns: "", version: llm.version }, provider: llm });
  return found;
}

/** Anybody may dispatch such an event. */
function isProvider(detail: unknown): detail is Provider {
  const { info, provider } = (detail ?? {}) as { info?: Partial<ProviderInfo>; provider?: unknown };
  return typeof info?.uuid === "string" && typeof info.rdns === "string" && isLLM(provider);
}

function isLLM(value: unknown): value is LLM {
  const { availability, generate } = (value ?? {}) as Partial<LLM>;
  return typeof availability === "function" && typeof generate === "function";
}
