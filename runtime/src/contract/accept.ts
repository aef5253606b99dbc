/** Checks a value against its declaration on the engine's side, where what is wrong is an LlmError. */
import { LlmError } from "../internal/errors";
import { budgetOf, type Checked, check } from "./check";
import { ENGINE_LIMITS } from "./limits";
import type { Infer, Rule } from "./rules";

/** `what`: the method, for the message. `inside`: the path that keys of the value are shown under. Errors: invalid_request, not_supported. */
export function accept<R extends Rule>(what: string, rule: R, value: unknown, name: string, inside = name): Infer<R> {
  return accepted(what, check(rule, value, name, budgetOf(ENGINE_LIMITS.textBytes), inside));
}

export function accepted<T>(what: string, checked: Checked<T>): T {
  if ("value" in checked) return checked.value;
  const { code, problem, path } = checked;
  throw new LlmError(code, `${what}: ${problem}`, { path });
}
