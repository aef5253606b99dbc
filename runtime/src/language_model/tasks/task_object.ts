/** What the objects of all tasks have in common: nobody else constructs one, and destroy() ends it and what it is at. */
import { domError } from "../errors";
import { CreateMonitor } from "../monitor";
import { dictionary, fail, signalOf } from "../webidl";

/** What only we can give to a constructor. */
export const MADE = Symbol("made");
const ends = new WeakMap<TaskObject, AbortController>();

export class TaskObject {
  /** `signal`: that of create(), which ends the object later, too. */
  constructor(key: unknown, signal: AbortSignal | null) {
    if (key !== MADE) throw new TypeError("Illegal constructor");
    ends.set(this, new AbortController());
    signal?.addEventListener("abort", () => end(this, signal.reason), { once: true });
  }

  destroy(): undefined {
    end(this, domError("AbortError", `The ${this.constructor.name} was destroyed.`));
  }
}

export function end(object: TaskObject, reason: unknown): void {
  ends.get(object)!.abort(reason);
}

/** Aborts with the object and with the signal of a call's options. Errors: TypeError. */
export function stopOf(object: TaskObject, options: unknown = {}): AbortSignal {
  const signal = signalOf(dictionary(options, "options"));
  const { signal: ended } = ends.get(object)!;
  return AbortSignal.any(signal ? [signal, ended] : [ended]);
}

export interface Creating {
  readonly signal: AbortSignal | null;
  readonly monitor: CreateMonitor | null;
}

/** The steps of a create() that has no LanguageModel to take them, in the platform's order; call it after its own options. */
export function beginCreate(options: Readonly<Record<string, unknown>>): Creating {
  const { monitor } = options;
  if (monitor !== undefined && typeof monitor !== "function") fail("monitor must be a function.");
  const signal = signalOf(options);
  signal?.throwIfAborted();
  const made = monitor ? new CreateMonitor() : null;
  if (made) (monitor as (monitor: CreateMonitor) => void)(made);
  return { signal, monitor: made };
}

/** Options of create() that are the LanguageModel's. */
export function passedOn({ signal, monitor }: Readonly<Record<string, unknown>>): object {
  return { ...(signal === undefined ? {} : { signal }), ...(monitor === undefined ? {} : { monitor }) };
}

/** As a platform's class. */
export function named<C extends { readonly prototype: object }>(Class: C, name: string): C {
  for (const key of Object.getOwnPropertyNames(Class.prototype))
    if (key !== "constructor") Object.defineProperty(Class.prototype, key, { enumerable: true });
  Object.defineProperty(Class.prototype, Symbol.toStringTag, { value: name, configurable: true });
  Object.defineProperty(Class, "name", { value: name, configurable: true });
  return Class;
}
