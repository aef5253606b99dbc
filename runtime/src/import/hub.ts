/**
 * A GGUF file of a repository on a model hub, as `owner/name:file`, and what the hub says about it before a byte of it
 * is read. All files are those of one commit, so a repository that changes meanwhile gives no mixed model.
 *
 * Reference: the API of the Hugging Face hub, /api/models/ID?blobs=true and /ID/resolve/COMMIT/FILE.
 */
import { LlmError } from "../internal/errors";
import type { DownloadSettings } from "../storage/download";
import { Requests, Transient } from "./requests";
import { first_parts } from "./rules.gen";
import { UrlSource } from "./url_source";

const HUB_FILE = /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}):(?!\/)([^?#\\]{1,300}\.gguf)$/i;
const COMMIT = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;
const MOST_LISTING_BYTES = 8 << 20;
const MOST_FILES = 100_000;
const SHOWN = 4;

interface Listed {
  readonly nbytes: number | null;
  /** Of files that the hub keeps apart from the repository's history, as weights are. */
  readonly sha256: string | null;
}

export interface HubRepository {
  /** The file that was asked for. */
  readonly path: string;
  /** null: the repository has no such file. Errors: those of UrlSource; integrity for another size than the hub's. */
  readonly open: (path: string) => Promise<UrlSource | null>;
  /** What tells this version of a file from others, as the hub has it. */
  readonly sha256: (path: string) => string | null;
}

/** Errors: invalid_request, model_not_found, not_allowed (gated), network, aborted. */
export async function openHub(
  id: string,
  hub: string | null | undefined,
  settings: DownloadSettings,
  signal: AbortSignal | undefined,
): Promise<HubRepository> {
  const [, repository, path] = HUB_FILE.exec(id) ?? [];
  if (repository === undefined || path!.split("/").some((part) => /^\.{0,2}$/.test(part)))
    throw new LlmError("invalid_request", `${id.slice(0, 200)} is no file of a hub: give owner/name:file.gguf.`);
  const base = hubBase(hub, id);
  const { commit, files } = await listing(
    new URL(`api/models/${repository}?blobs=true`, base),
    repository,
    settings,
    signal,
  );
  const open = async (name: string): Promise<UrlSource | null> => {
    const listed = files.get(name);
    if (listed === undefined) return null;
    const segments = name.split("/").map(encodeURIComponent).join("/");
    const source = await UrlSource.open(new URL(`${repository}/resolve/${commit}/${segments}`, base), settings, signal);
    if (listed.nbytes !== null && listed.nbytes !== source.nbytes)
      throw new LlmError(
        "integrity",
        `${name} has ${source.nbytes} bytes where the hub lists ${listed.nbytes}. Try again later.`,
        { file: name },
      );
    return source;
  };
  if (!files.has(path!)) {
    const models: string[] = first_parts([...files.keys()]);
    const shown = models.slice(0, SHOWN).join(", ") || "no GGUF file";
    throw new LlmError("model_not_found", `${repository} has no file ${path}. It has ${shown}.`, { model: repository });
  }
  return { path: path!, open, sha256: (name) => files.get(name)?.sha256 ?? null };
}

function hubBase(hub: string | null | undefined, id: string): URL {
  let base: URL | null = null;
  try {
    base = new URL(hub ?? "");
  } catch {
    // said below
  }
  if (base === null || !/^https?:$/.test(base.protocol) || base.username !== "" || base.password !== "")
    throw new LlmError("invalid_request", `${id} is on a hub: give its http(s) address as the option hub.`);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  base.search = base.hash = "";
  return base;
}

async function listing(
  url: URL,
  repository: string,
  settings: DownloadSettings,
  signal: AbortSignal | undefined,
): Promise<{ commit: string; files: Map<string, Listed> }> {
  const requests = new Requests(url, settings, signal);
  const text = await requests.retried(async (signal, unlessStalled) => {
    const response = await unlessStalled(settings.fetch(url, { credentials: "omit", cache: "no-store", signal }));
    requests.checkTransient(response);
    if (response.status === 401 || response.status === 403 || response.status === 404) {
      if (/gated/i.test(response.headers.get("x-error-code") ?? "")) throw gated(repository);
      throw new LlmError("model_not_found", `The hub has no model ${repository}, or it is private.`, {
        model: repository,
      });
    }
    if (response.status !== 200)
      throw requests.failed(`the hub answered ${response.status}`, { status: response.status });
    let text = "";
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await unlessStalled(reader.read());
      if (done) break;
      text += value;
      if (text.length > MOST_LISTING_BYTES) throw requests.failed("the list of files is too long", {});
    }
    if (text === "") throw new Transient("the hub answered with nothing");
    return text;
  });
  const invalid = (): LlmError => requests.failed("the answer is no list of a repository's files", {});
  let found: { sha?: unknown; gated?: unknown; siblings?: unknown } | null;
  try {
    found = JSON.parse(text);
  } catch {
    throw invalid();
  }
  const { sha, gated: isGated, siblings } = found ?? {};
  // A page has no login on the hub that it could send.
  if (isGated) throw gated(repository);
  if (typeof sha !== "string" || !COMMIT.test(sha) || !Array.isArray(siblings) || siblings.length > MOST_FILES)
    throw invalid();
  return { commit: sha, files: new Map(siblings.map((file) => listed(file) ?? raise(invalid()))) };
}

function listed(file: {
  rfilename?: unknown;
  size?: unknown;
  lfs?: { sha256?: unknown } | null;
}): [string, Listed] | null {
  if (typeof file !== "object" || file === null || typeof file.rfilename !== "string") return null;
  const sha256 = file.lfs?.sha256;
  return [
    file.rfilename,
    {
      nbytes: Number.isSafeInteger(file.size) ? (file.size as number) : null,
      sha256: typeof sha256 === "string" && SHA256.test(sha256) ? sha256 : null,
    },
  ];
}

function raise(error: LlmError): never {
  throw error;
}

function gated(repository: string): LlmError {
  return new LlmError(
    "not_allowed",
    `${repository} is gated: accept its licence on the hub's page, download the file there, and choose it.`,
    { model: repository },
  );
}
