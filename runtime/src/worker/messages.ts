/** Reads what a client posted. Nothing of a message is used before it was checked here or by the engine. */

import type { DeviceKind, ModelSource } from "../api/types";
import { Reader } from "../internal/reader";
import type { Abort, Method, Request } from "./protocol";

const read = new Reader("invalid_request", "message");
const MAX_URL = 8192;
const DEVICES: readonly (DeviceKind | "auto")[] = ["auto", "webgpu", "wasm"];
const MAX_THREADS = 64;
const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** What each method's params are. What is
 * asked of a model is checked by the engine, which knows the ranges. */
const PARAMS: { readonly [M in Method]: (params: unknown) => Record<string, unknown> } = {
  install: (params) => {
    const {
      source,
      quantization = null,
      hub = null,
    } = read.object(params, "params", ["source"], ["quantization", "hub"]);
    return {
      source: areFiles(source) ? source : readUrl(source),
      quantization: quantization === null ? null : read.string(quantization, "quantization", 32),
      hub: hub === null ? null : readUrl(hub),
    };
  },
  installed: (params) => read.object(params, "params", []),
  remove: (params) => ({ id: read.matching(read.object(params, "params", ["id"]).id, "params.id", ID_PATTERN) }),
  load: (params) => {
    const given = read.object(params, "params", ["source", "device", "threads", "ownPrograms"]);
    const ownPrograms = read.boolean(given.ownPrograms, "ownPrograms");
    return { source: readSource(given.source), ...readDevice(given.device, given.threads), ownPrograms };
  },
  unload: (params) => read.object(params, "params", []),
  tokenize: (params) => ({
    text: read.string(read.object(params, "params", ["text"]).text, "params.text", 16 * 2 ** 20),
  }),
  generate: (params) => read.object(params, "params", ["prompt", "options"]),
  createSession: (params) => read.object(params, "params", ["initialPrompts", "options"]),
  promptSession: (params) => readSession(params, ["input", "options"]),
  appendSession: (params) => readSession(params, ["input"]),
  measureSession: (params) => readSession(params, ["input", "options"]),
  cloneSession: (params) => readSession(params, []),
  destroySession: (params) => readSession(params, []),
  decide: (params) => read.object(params, "params", ["input", "questions", "options"]),
  chat: (params) => {
    const { request, partition = "" } = read.object(params, "params", ["request"], ["partition"]);
    return { request, partition: read.string(partition, "params.partition", 1024) };
  },
  memory: (params) => {
    const { name, model, limits, call } = read.object(params, "params", ["name", "model", "limits", "call"]);
    return {
      name: read.string(name, "params.name", 1024),
      model: model === null ? null : readSource(model),
      limits: readMemoryLimits(limits),
      call,
    };
  },
  memories: (params) => read.object(params, "params", []),
  loadAdapter: (params) => {
    const { source, name } = read.object(params, "params", ["source", "name"]);
    return { source: readSource(source), name: name === null ? null : read.matching(name, "params.name", ID_PATTERN) };
  },
  unloadAdapter: (params) => ({
    name: read.string(read.object(params, "params", ["name"]).name, "params.name", 128),
  }),
  logits: (params) => read.object(params, "params", ["tokenIds", "firstPosition"], ["adapter"]),
  embed: (params) => read.object(params, "params", ["input"]),
  measureBandwidth: (params) => read.object(params, "params", []),
};

/** The id of a message that can be answered, or null. */
export function readId(value: unknown): number | null {
  const id = typeof value === "object" && value !== null ? (value as { id?: unknown }).id : null;
  return typeof id === "number" && Number.isSafeInteger(id) && id >= 0 ? id : null;
}

/** Errors: invalid_request. */
export function readRequest(value: unknown): Request | Abort {
  const message = read.object(value, "message", ["id", "method"], ["params"]);
  const id = read.integer(message.id, "id", 0, Number.MAX_SAFE_INTEGER);
  if (message.method === "abort") return { id, method: "abort" };
  const method = read.oneOf(message.method, "method", Object.keys(PARAMS) as Method[]);
  return { id, method, params: PARAMS[method](message.params) } as unknown as Request;
}

function readSession(params: unknown, others: readonly string[]): Record<string, unknown> {
  const given = read.object(params, "params", ["session", ...others]);
  return { ...given, session: read.integer(given.session, "params.session", 1, Number.MAX_SAFE_INTEGER) };
}

function readMemoryLimits(value: unknown): Record<string, unknown> {
  const limits = read.object(value, "params.limits", [], ["records", "nbytes", "recordBytes"]);
  for (const [key, most] of Object.entries(limits)) read.integer(most, `params.limits.${key}`, 1, 2 ** 31);
  return limits;
}

function areFiles(value: unknown): boolean {
  const isFile = (one: unknown): boolean => one instanceof File;
  return isFile(value) || (Array.isArray(value) && value.length > 0 && value.every(isFile));
}

function readSource(value: unknown): ModelSource {
  const source = read.object(value, "params.source", [], ["id", "url"]);
  if (Object.keys(source).length !== 1) read.fail("params.source", "an object with either id or url");
  if ("id" in source) return { id: read.matching(source.id, "params.source.id", ID_PATTERN) };
  return { url: readUrl(source.url) };
}

function readDevice(value: unknown, threads: unknown): { device: DeviceKind | "auto"; threads: number | null } {
  const device = read.oneOf(value, "device", DEVICES);
  if (threads === null) return { device, threads };
  const count = read.integer(threads, "threads", 1, MAX_THREADS);
  if (device === "webgpu") read.fail("threads", 'given with the device "wasm" or "auto" only: WebGPU has none');
  return { device, threads: count };
}

function readUrl(value: unknown): string {
  const url = read.string(value, "url", MAX_URL);
  if (!/\/$|\.gguf(?:$|[?#])/i.test(url))
    read.fail("url", 'the base address of a package, ending in "/", or that of a .gguf file', url);
  return url;
}
