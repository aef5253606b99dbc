/** The address of a package as a person types it, and the id that its manifest claims. */
import { LlmError } from "@nomoat/runtime";

const MANIFEST = "nomoat.json";
const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The base URL, ending in "/", of a package given as its folder or as its manifest. */
export function toBaseUrl(address: string): string {
  let url: URL;
  try {
    url = new URL(address.trim());
  } catch {
    throw new LlmError("invalid_request", "Expected the full address of a package, like https://host/models/name/.");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new LlmError("invalid_request", `Expected an https: or http: address, got ${url.protocol}`);
  }
  url.hash = "";
  url.search = "";
  if (url.pathname.endsWith(`/${MANIFEST}`)) url.pathname = url.pathname.slice(0, -MANIFEST.length);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}

/** Reads just the id, so that the download has its name from the start. The engine checks the manifest in full. */
export async function readPackageId(baseUrl: string, signal: AbortSignal): Promise<string> {
  const url = `${baseUrl}${MANIFEST}`;
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, { signal, cache: "no-cache", credentials: "omit" });
    if (Number(response.headers.get("content-length") ?? 0) > MAX_MANIFEST_BYTES) {
      throw new LlmError("invalid_package", `${MANIFEST} is larger than ${MAX_MANIFEST_BYTES} bytes.`);
    }
    body = response.ok ? await response.text() : "";
  } catch (error) {
    if (error instanceof LlmError) throw error;
    throw new LlmError(
      "network",
      `${url} could not be read: the host is unreachable or does not allow other origins (CORS).`,
    );
  }
  if (!response.ok)
    throw new LlmError("network", `${url} answered ${response.status}: expected the manifest of a compiled package.`);
  let id: unknown;
  try {
    id = (JSON.parse(body) as { id?: unknown } | null)?.id;
  } catch {
    throw new LlmError("invalid_package", `${url} is not JSON: expected the manifest of a compiled package.`);
  }
  if (typeof id !== "string" || !ID.test(id)) throw new LlmError("invalid_package", `${url} has no valid package id.`);
  return id;
}
