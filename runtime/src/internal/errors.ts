/**
 * The one error class of the runtime and its closed list of codes.
 *
 * An error crosses workers, ports and HTTP as {code, message, detail} (`toWire`) and is rebuilt on the other
 * side (`fromWire`). The message says what failed, what was expected and what to do.
 */

export const ERROR_CODES = [
  "unsupported_device", // no device of the wanted kind, or it lacks what the program needs
  "out_of_memory",
  "device_lost",
  "numeric_error", // the model computed NaN or infinity where the next token would be chosen
  "invalid_package", // manifest, program, weights index or tokenizer break their contract
  "integrity", // size or SHA-256 differs from the manifest
  "network",
  "storage_quota",
  "context_overflow", // the prompt does not fit into context_length
  "invalid_request", // a bad argument of the caller
  "not_supported", // a well-formed request for something that is not there, such as a keyword of JSON Schema
  "aborted",
  "not_allowed", // the user or a policy refused
  "model_not_found",
  "internal", // our bug
  // What only a checkpoint can be refused for, which the compiler says too.
  "unknown_architecture",
  "invalid_checkpoint",
  "unsupported",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
export type ErrorDetail = Readonly<Record<string, string | number | boolean | null>>;
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail?: ErrorDetail;
}

/** DOMException-compatible names, so that pages can test `error.name` as they do elsewhere. */
const NAMES: Record<ErrorCode, string> = {
  unsupported_device: "NotSupportedError",
  out_of_memory: "QuotaExceededError",
  device_lost: "OperationError",
  numeric_error: "OperationError",
  invalid_package: "DataError",
  integrity: "DataError",
  network: "NetworkError",
  storage_quota: "QuotaExceededError",
  context_overflow: "QuotaExceededError",
  invalid_request: "TypeError",
  not_supported: "NotSupportedError",
  aborted: "AbortError",
  not_allowed: "NotAllowedError",
  model_not_found: "NotFoundError",
  internal: "OperationError",
  unknown_architecture: "NotSupportedError",
  invalid_checkpoint: "DataError",
  unsupported: "NotSupportedError",
};

export class LlmError extends Error {
  readonly code: ErrorCode;
  readonly detail: ErrorDetail | undefined;

  constructor(code: ErrorCode, message: string, detail?: ErrorDetail) {
    super(message);
    this.name = NAMES[code];
    this.code = code;
    this.detail = detail;
  }

  toWire(): WireError {
    return { code: this.code, message: this.message, ...(this.detail ? { detail: this.detail } : {}) };
  }

  /** Rebuilds an error from the other side; anything malformed becomes `internal`. */
  static fromWire(value: unknown): LlmError {
    if (typeof value === "object" && value !== null) {
      const { code, message, detail } = value as Partial<WireError>;
      if (
        typeof code === "string" &&
        (ERROR_CODES as readonly string[]).includes(code) &&
        typeof message === "string"
      ) {
        return new LlmError(code, message, detail);
      }
    }
    return new LlmError("internal", "An error arrived in a form that cannot be read.");
  }

  /** Wraps whatever was thrown. Known errors pass; an abort becomes `aborted`; the rest is `internal`. */
  static from(thrown: unknown): LlmError {
    if (thrown instanceof LlmError) return thrown;
    if (thrown instanceof Error && thrown.name === "AbortError")
      return new LlmError("aborted", "The request was aborted.");
    return new LlmError("internal", thrown instanceof Error ? thrown.message : "Unknown failure.");
  }
}
