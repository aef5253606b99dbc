/** Where a package is on the network: a base URL with nomoat.json and all other files below it. */
import { LlmError } from "../internal/errors";

/**
 * What is no package's folder: the URL of a GGUF file, or `owner/name:file` of a hub as it is; else null. Errors:
 * invalid_request.
 */
export function checkpointAddress(url: string): URL | string | null {
  if (/^[\w.-]+\/[\w.-]+:/.test(url)) return url;
  if (!/\.gguf(?:$|[?#])/i.test(url)) return null;
  const checked = httpUrl(url);
  return checked.pathname.toLowerCase().endsWith(".gguf") ? checked : null;
}

/** The absolute base URL, with its final slash. A URL of nomoat.json itself is taken too. */
export function packageBase(url: string): URL {
  const base = httpUrl(url);
  if (base.pathname.endsWith("/nomoat.json")) base.pathname = base.pathname.slice(0, -"nomoat.json".length);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return base;
}

function httpUrl(url: string): URL {
  let base: URL;
  try {
    base = new URL(url, globalThis.location?.href);
  } catch {
    throw invalid(url, "it cannot be parsed");
  }
  if (base.protocol !== "http:" && base.protocol !== "https:")
    throw invalid(url, "its scheme is neither http nor https");
  if (base.username !== "" || base.password !== "") throw invalid(url, "it must not hold a user name or password");
  base.hash = "";
  return base;
}

/** `path` comes from a checked manifest: relative, without dot segments. A query of the base (a token) is kept. */
export function fileUrl(base: URL, path: string): string {
  const url = new URL(base);
  url.pathname += path;
  return url.href;
}

function invalid(url: string, why: string): LlmError {
  return new LlmError("invalid_request", `A package's URL must be an http(s) URL of its folder: ${why}.`, {
    url: url.slice(0, 500),
  });
}
