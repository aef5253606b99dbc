/** The errors that pages see, as DOMExceptions. */

export interface Quota {
  readonly requested: number | null;
  readonly quota: number | null;
}

/** Browsers that have the class throw their own, and others one like it. */
const NativeQuota = (globalThis as { QuotaExceededError?: new (message: string, quota: object) => DOMException })
  .QuotaExceededError;

class OwnQuotaExceededError extends DOMException implements Quota {
  readonly requested: number | null;
  readonly quota: number | null;
  constructor(message = "", { requested = null, quota = null }: Partial<Quota> = {}) {
    super(message, "QuotaExceededError");
    this.requested = requested;
    this.quota = quota;
  }
}

export const QuotaExceededError = NativeQuota ?? OwnQuotaExceededError;

const NAMES: Readonly<Record<string, string>> = {
  not_allowed: "NotAllowedError",
  model_not_found: "NotSupportedError",
  unsupported_device: "NotSupportedError",
  not_supported: "NotSupportedError",
  // The page's arguments have been checked: what is refused now, this model's template or grammar cannot do.
  invalid_request: "NotSupportedError",
  network: "NetworkError",
  aborted: "AbortError",
};

export function domError(name: string, message: string): DOMException {
  return new DOMException(message, name);
}

/** Of what a port rejected with. An abort is the signal's reason, whatever became of the request. */
export function fromPort(thrown: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const { code, message, detail } = thrown as {
    code?: string;
    message?: string;
    detail?: Readonly<Record<string, number>>;
  };
  const text = message ?? "The model failed.";
  if (code === "context_overflow") {
    const { requested = 0, limit = 0 } = detail ?? {};
    return new QuotaExceededError(text, { requested, quota: limit });
  }
  return domError((code && NAMES[code]) || "OperationError", text);
}
