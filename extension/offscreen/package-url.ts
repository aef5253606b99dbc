/** The address of a model as a person types it, and the id that a package's manifest claims. */
import { LlmError } from "@nomoat/runtime";

const MANIFEST = "nomoat.json";
const PROGRAM = "program/program.json";
const MAX_JSON_BYTES = 16 * 1024 * 1024;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * The address of a GGUF file, or the base URL, ending in "/", of a package given as its folder or as its manifest.
 * Errors: invalid_request.
 */
export function toModelUrl(address: unknown): string {
  let url: URL;
  try {
    if (typeof address !== "string") throw new TypeError("not a string");
    url = new URL(address.trim());
  } catch {
    throw new LlmError(
      "invalid_request",
      "Expected the full address of a GGUF file, like https://host/name.gguf, or of a package, like https://host/name/.",
    );
  }
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new LlmError("invalid_request", `Expected an https: or http: address, got ${url.protocol}`);
  }
  url.hash = "";
  if (isCheckpoint(url)) {
    // Hubs show a file at /blob/, the address that a person copies, and give it at /resolve/.
    url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, "$1/resolve/");
    return url.href;
  }
  url.search = "";
  if (url.pathname.endsWith(`/${MANIFEST}`)) url.pathname = url.pathname.slice(0, -MANIFEST.length);
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}

/** Whether the file is made into a package here, and not a package already. */
export function isCheckpoint(url: URL): boolean {
  return url.pathname.toLowerCase().endsWith(".gguf");
}

/**
 * Reads just the id, so that the download has its name from the start, and where own GPU programs are not allowed, the
 * program as well: so a model that needs them is refused before its weights are fetched. The engine checks both in full.
 */
export async function readPackageId(baseUrl: string, signal: AbortSignal, ownPrograms: boolean): Promise<string> {
  const manifest = await readJson(`${baseUrl}${MANIFEST}`, signal);
  const { id, program } = Object(manifest) as { id?: unknown; program?: unknown };
  if (typeof id !== "string" || !ID.test(id))
    throw new LlmError("invalid_package", `${baseUrl}${MANIFEST} has no valid package id.`);
  if (!ownPrograms && program === PROGRAM && needsOwnPrograms(await readJson(`${baseUrl}${PROGRAM}`, signal))) {
    throw new LlmError(
      "not_allowed",
      `${id} needs GPU programs of its own: switch on “Allow models with their own GPU programs” first.`,
    );
  }
  return id;
}

/** Whether program.json brings operators that only its own kernels know. */
function needsOwnPrograms(program: unknown): boolean {
  const { own_operators: own } = Object(program) as { own_operators?: unknown };
  return Array.isArray(own) && own.some((entry) => Object(Object(entry).definition).op === "opaque");
}

async function readJson(url: string, signal: AbortSignal): Promise<unknown> {
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, { signal, cache: "no-cache", credentials: "omit" });
    if (Number(response.headers.get("content-length") ?? 0) > MAX_JSON_BYTES)
      throw new LlmError("invalid_package", `${url} is larger than ${MAX_JSON_BYTES} bytes.`);
    body = response.ok ? await response.text() : "";
  } catch (error) {
    if (error instanceof LlmError) throw error;
    throw new LlmError(
      "network",
      `${url} could not be read: the host is unreachable or does not allow other origins (CORS).`,
    );
  }
  if (!response.ok)
    throw new LlmError("network", `${url} answered ${response.status}: expected a file of a compiled package.`);
  try {
    return JSON.parse(body);
  } catch {
    throw new LlmError("invalid_package", `${url} is not JSON: expected a file of a compiled package.`);
  }
}
