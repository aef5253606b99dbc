/** The one place where the playground shows a failure: its code and what to do. */
import { LlmError } from "@nomoat/runtime";
import { element } from "../elements";

export function showError(thrown: unknown): void {
  const error = toLlmError(thrown);
  element("error").hidden = false;
  element("error-code").textContent = error.code;
  element("error-message").textContent = error.message;
}

export function clearError(): void {
  element("error").hidden = true;
}

element("error-close").addEventListener("click", clearError);

/** Errors of window.llm come from another realm: they have the code, not the class. */
function toLlmError(thrown: unknown): LlmError {
  const foreign = thrown as { code?: unknown; message?: unknown } | null;
  return typeof foreign?.code === "string" ? LlmError.fromWire(foreign) : LlmError.from(thrown);
}
