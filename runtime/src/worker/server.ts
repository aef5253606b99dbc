/**
 * The engine's side of the protocol: checks each message, runs it on the engine, and answers it exactly once.
 *
 * Owns the table of requests that have not been answered, which is what `abort` looks into.
 */
import type { ChatCompletionChunk } from "../contract/chat_answer";
import type { EngineCore } from "../engine/engine";
import { LlmError } from "../internal/errors";
import type { Memories } from "../memory/memories";
import { readId, readRequest } from "./messages";
import type { FromWorker, Request } from "./protocol";

type Sessions = import("../sessions/sessions").Sessions;

export type Post = (message: FromWorker, transfer: Transferable[]) => void;

export class EngineServer {
  private readonly running = new Map<number, AbortController>();

  constructor(
    private readonly engine: EngineCore,
    private readonly post: Post,
    /** A test may bring its own. */
    private sessions: Sessions | null = null,
    private memories: Memories | null = null,
  ) {}

  /** Takes whatever was posted. A message without a usable id cannot be answered and is dropped. */
  receive(message: unknown): void {
    const id = readId(message);
    if (id === null) return;
    try {
      const request = readRequest(message);
      if (request.method === "abort") this.running.get(id)?.abort();
      else if (!this.running.has(id)) void this.answer(request);
    } catch (thrown) {
      this.post({ id, error: LlmError.from(thrown).toWire() }, []);
    }
  }

  private async answer(request: Request): Promise<void> {
    const { id } = request;
    const controller = new AbortController();
    this.running.set(id, controller);
    try {
      const result = await this.run(request, controller.signal);
      this.post({ id, result } as FromWorker, result instanceof Float32Array ? [result.buffer] : []);
    } catch (thrown) {
      this.post({ id, error: LlmError.from(thrown).toWire() }, []);
    } finally {
      this.running.delete(id);
    }
  }

  private async run(request: Request, signal: AbortSignal): Promise<unknown> {
    const { engine, post } = this;
    const { id } = request;
    const onEvent = (event: unknown) => post({ id, event } as FromWorker, []);
    switch (request.method) {
      case "install":
        return engine.install(request.params.source, { ...request.params, signal, onProgress: onEvent });
      case "installed":
        return engine.installed();
      case "remove":
        await engine.remove(request.params.id);
        return null;
      case "load":
        return engine.load(request.params.source, {
          device: request.params.device,
          threads: request.params.threads,
          ownPrograms: request.params.ownPrograms,
          signal,
          onProgress: onEvent,
        });
      case "unload":
        await engine.unload();
        return null;
      case "tokenize":
        return engine.tokenize(request.params.text);
      case "generate": {
        const onText = (text: string) => post({ id, event: { text } }, []);
        return engine.generate(request.params.prompt, request.params.options, { onText, signal });
      }
      case "chat": {
        const model = engine.loadedModel();
        const { createCompletion } = await import("./conversations");
        const onChunk = (event: ChatCompletionChunk) => post({ id, event }, []);
        const { request: asked, partition } = request.params;
        const completion = await createCompletion(model, asked, { partition: partition ?? "", onChunk, signal });
        return { completion, device: model.device };
      }
      case "embed":
        return engine.embed(request.params.input, signal);
      case "loadAdapter":
        return engine.loadAdapter(request.params.source, request.params.name, { signal, onProgress: onEvent });
      case "unloadAdapter":
        engine.unloadAdapter(request.params.name);
        return null;
      case "createSession":
      case "promptSession":
      case "appendSession":
      case "measureSession":
      case "cloneSession":
      case "destroySession":
      case "decide":
        // Fetched with the first request for one, in which case another may have come first.
        if (!this.sessions) {
          const { open } = await import("./conversations");
          this.sessions ??= open(() => engine.loadedModel());
        }
        return this.sessions.answer(request, onEvent, signal);
      case "memory":
      case "memories": {
        if (!this.memories) {
          const { openMemories } = await import("./conversations");
          this.memories ??= openMemories((source, hooks) => engine.loadBeside(source, hooks));
        }
        const { memories } = this;
        return request.method === "memory" ? memories.answer(request.params, onEvent, signal) : memories.stored(signal);
      }
      case "logits": {
        const { tokenIds, firstPosition, adapter } = request.params;
        return engine.logits(tokenIds, firstPosition, signal, adapter);
      }
      case "measureBandwidth":
        return engine.measureBandwidth(signal);
    }
  }
}
