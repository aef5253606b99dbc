/** Takes the signal, which cannot cross a port, out of the options of a call. */
import { create, ownKeys } from "@nomoat/runtime/contract";
import { isAbortSignal } from "./abort-signal";

/** `rest`: a copy of the other options, or what is no object, for whoever checks it. Reads each option once. */
export function splitSignal(
  options: unknown,
  call: string,
): { readonly rest: unknown; readonly signal?: AbortSignal } | { readonly problem: string } {
  if (typeof options !== "object" || options === null) return { rest: options };
  try {
    const rest: Record<PropertyKey, unknown> = create(null);
    let signal: AbortSignal | undefined;
    const keys = ownKeys(options);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      const value = (options as Record<PropertyKey, unknown>)[key];
      if (key !== "signal") rest[key] = value;
      else if (isAbortSignal(value)) signal = value;
      else if (value !== undefined) return { problem: "signal must be an AbortSignal." };
    }
    return signal ? { rest, signal } : { rest };
  } catch {
    return { problem: `The options of ${call} could not be read: a getter or proxy threw.` };
  }
}
