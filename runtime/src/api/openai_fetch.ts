/**
 * A `fetch` that answers OpenAI's HTTP interface from a local model, so that clients written for that interface have one
 * by changing a line: `new OpenAI({ baseURL: "http://localhost/v1", apiKey: "none", fetch: openaiFetch(model) })`.
 *
 * POST …/chat/completions, with server-sent events where `stream` is true, POST …/embeddings, GET …/models and
 * …/models/{id}. Nothing goes over a network. What is refused is a response with OpenAI's error body, as from a server;
 * an abort rejects, as fetch does.
 */
import { accept } from "../contract/accept";
import { embeddingsRequest } from "../contract/embeddings";
import { type ErrorCode, LlmError } from "../internal/errors";
import type { Chat, ChatCompletionChunk, ChatRequest, Embeddings } from "./types";

/** A Model of this package, or `window.llm`, whose embeddings come without a count of tokens. */
export interface OpenAISource {
  readonly info?: { readonly id: string; readonly name: string };
  readonly chat?: Chat;
  embed?(
    input: string | readonly string[],
    options?: { readonly model?: string; readonly signal?: AbortSignal },
  ): Promise<Embeddings | readonly Float32Array[]>;
  models?(): Promise<readonly { readonly id: string; readonly name: string }[]>;
}

const STATUS: { readonly [C in ErrorCode]?: number } = {
  invalid_request: 400,
  not_supported: 400,
  context_overflow: 400,
  not_allowed: 403,
  model_not_found: 404,
  device_lost: 503,
};

export function openaiFetch(source: OpenAISource): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    try {
      request.signal.throwIfAborted();
      return await route(source, request);
    } catch (thrown) {
      if (request.signal.aborted) throw request.signal.reason;
      return failed(thrown);
    }
  };
}

async function route(source: OpenAISource, request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const [, name, id] = /\/(chat\/completions|embeddings|models)(?:\/([^/]+))?$/.exec(pathname) ?? [];
  const call = `${request.method} ${name}`;
  if (call === "POST chat/completions" && !id) return complete(source, await bodyOf(request), request.signal);
  if (call === "POST embeddings" && !id) return embed(source, await bodyOf(request), request.signal);
  if (call === "GET models") return id ? oneModel(source, decodeURIComponent(id)) : allModels(source);
  const message = `There is no ${request.method} ${pathname} here: chat/completions, embeddings and models are.`;
  const error = { message, type: "invalid_request_error", param: null, code: "unknown_url" };
  return Response.json({ error }, { status: 404 });
}

async function bodyOf(request: Request): Promise<unknown> {
  const text = await request.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new LlmError("invalid_request", "The body of the request must be JSON.");
  }
}

async function complete({ chat }: OpenAISource, body: unknown, signal: AbortSignal): Promise<Response> {
  if (!chat) throw new LlmError("not_supported", "This model gives no chat completions.");
  const request = body as ChatRequest;
  const answer = await chat.completions.create(request, { signal });
  return Symbol.asyncIterator in answer ? eventStream(answer, signal) : Response.json(answer);
}

/** Each chunk as an event, then [DONE]; an error in between is an event of its own. */
function eventStream(chunks: AsyncIterable<ChatCompletionChunk>, signal: AbortSignal): Response {
  const iterator = chunks[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const send = (data: string): void => controller.enqueue(encoder.encode(`data: ${data}\n\n`));
      try {
        const { done, value } = await iterator.next();
        if (!done) return send(JSON.stringify(value));
        send("[DONE]");
      } catch (thrown) {
        if (signal.aborted) return controller.error(signal.reason);
        send(JSON.stringify(errorBody(errorOf(thrown))));
      }
      controller.close();
    },
    async cancel() {
      await iterator.return?.();
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" },
  });
}

async function embed(source: OpenAISource, body: unknown, signal: AbortSignal): Promise<Response> {
  if (!source.embed) throw new LlmError("not_supported", "This model gives no embeddings.");
  const { input, model, encoding_format: format } = accept("embeddings", embeddingsRequest, body, "request", "");
  const id = await idOf(source, model ?? null);
  const given = await source.embed(input, source.models ? { model: id, signal } : { signal });
  const { embeddings, usage } = "usage" in given ? given : { embeddings: given, usage: { promptTokens: 0 } };
  const data = embeddings.map((embedding, index) => ({
    object: "embedding",
    index,
    embedding: format === "base64" ? base64Of(embedding) : Array.from(embedding),
  }));
  const { promptTokens: tokens } = usage;
  return Response.json({ object: "list", data, model: id, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

async function modelsOf({ info, models }: OpenAISource): Promise<readonly { id: string; name: string }[]> {
  return models ? models() : info ? [info] : [];
}

/** Errors: model_not_found. */
async function idOf(source: OpenAISource, wanted: string | null): Promise<string> {
  const known = await modelsOf(source);
  const found = known.find(({ id, name }) => wanted === null || wanted === id || wanted === name);
  if (found) return found.id;
  const names = known.map(({ id }) => id).join(", ") || "none";
  throw new LlmError("model_not_found", `There is no model ${wanted} here (there: ${names}).`, { path: "model" });
}

async function oneModel(source: OpenAISource, id: string): Promise<Response> {
  return Response.json(modelObject(await idOf(source, id)));
}

async function allModels(source: OpenAISource): Promise<Response> {
  return Response.json({ object: "list", data: (await modelsOf(source)).map(({ id }) => modelObject(id)) });
}

function modelObject(id: string): object {
  return { id, object: "model", created: 0, owned_by: "nomoat" };
}

function failed(thrown: unknown): Response {
  const error = errorOf(thrown);
  // Clients try again by themselves what a server could not do; only a lost device comes back.
  const headers = { "x-should-retry": String(error.code === "device_lost") };
  return Response.json(errorBody(error), { status: STATUS[error.code] ?? 500, headers });
}

/** Errors of `window.llm` are no LlmErrors, but have their fields. */
function errorOf(thrown: unknown): LlmError {
  if (thrown instanceof LlmError || !(thrown instanceof Error) || !("code" in thrown)) return LlmError.from(thrown);
  const { code, message, detail } = thrown as Error & { code: unknown; detail?: unknown };
  return LlmError.fromWire({ code, message, ...(detail ? { detail } : {}) });
}

function errorBody({ code, message, detail }: LlmError): object {
  const type = (STATUS[code] ?? 500) < 500 ? "invalid_request_error" : "server_error";
  const openaiCode = code === "context_overflow" ? "context_length_exceeded" : code;
  return { error: { message, type, param: detail?.path ?? null, code: openaiCode } };
}

function base64Of(values: Float32Array): string {
  let binary = "";
  const bytes = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, index) => {
    bytes.setFloat32(index * 4, value, true);
  });
  for (const byte of new Uint8Array(bytes.buffer)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
