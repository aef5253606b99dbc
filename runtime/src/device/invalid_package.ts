/** How program.json is refused. */
import { LlmError } from "../internal/errors";

/** Errors: always invalid_package. */
export function fail(message: string): never {
  throw new LlmError("invalid_package", `program.json: ${message}.`);
}
