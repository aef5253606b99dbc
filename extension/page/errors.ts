/**
 * Errors that pages see: objects of the page's own realm, with a DOMException-compatible `name` and a `code` from the
 * runtime's closed list. The runtime's class is not used here, because its methods are open to the page's patches.
 */
import type { ErrorCode, ErrorDetail } from "@nomoat/runtime";
import { defineProperty } from "@nomoat/runtime/contract";

const PageError = Error;

export function pageError(name: string, code: ErrorCode, message: string, detail?: ErrorDetail): Error {
  const error = new PageError(message);
  hidden(error, "name", name);
  hidden(error, "code", code);
  if (detail) hidden(error, "detail", detail);
  return error;
}

/** What the contract says is wrong with a request. */
export function problemError({ problem, code }: { readonly problem: string; readonly code?: ErrorCode }): Error {
  if (code === "aborted") return pageError("AbortError", code, problem);
  return code === "not_supported"
    ? pageError("NotSupportedError", code, problem)
    : pageError("TypeError", "invalid_request", problem);
}

export function abortError(): Error {
  return pageError("AbortError", "aborted", "The request was aborted.");
}

function hidden(error: Error, key: string, value: unknown): void {
  // A descriptor without prototype: a page that patches Object.prototype cannot add a getter to it.
  defineProperty(error, key, { __proto__: null, value, writable: true, configurable: true } as PropertyDescriptor);
}
