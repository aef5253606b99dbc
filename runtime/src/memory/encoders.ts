/** The models that memories make vectors with: the one of the last request, loaded beside what answers, until it is idle. */
import type { ModelSource } from "../api/types";
import type { LoadedModel } from "../engine/loaded_model";
import type { LoadHooks } from "../engine/placement";
import { LlmError } from "../internal/errors";
import type { Manifest } from "../storage/index";
import type { ModelIdentity } from "./memory";
import { sha256 } from "./sha256";

export interface Encoder {
  readonly identity: ModelIdentity;
  /** (hidden_size) float32 of each text. */
  embed(texts: readonly string[], signal: AbortSignal): Promise<readonly Float32Array[]>;
}
export type LoadEncoder = (
  source: ModelSource,
  hooks: LoadHooks,
) => Promise<{ readonly model: LoadedModel; readonly manifest: Manifest }>;

interface Held {
  readonly key: string;
  readonly loading: ReturnType<LoadEncoder>;
  users: number;
}

const IDLE_MS = 5 * 60_000;

export class Encoders {
  private held: Held | null = null;
  private idle: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly load: LoadEncoder) {}

  /** Runs `work` with the model of `source`, loading it where needed. Errors: those of loading; invalid_request. */
  async use<T>(source: ModelSource, hooks: LoadHooks, work: (encoder: Encoder) => Promise<T>): Promise<T> {
    const key = JSON.stringify(source);
    clearTimeout(this.idle);
    if (this.held?.key !== key) {
      this.release(this.held);
      this.held = { key, loading: this.load(source, hooks), users: 0 };
    }
    const held = this.held;
    held.users += 1;
    try {
      const { model, manifest } = await held.loading;
      if (model.task !== "embed") {
        const message = `${manifest.id} writes text: a memory needs a model that embeds, such as all-MiniLM-L6-v2.`;
        throw new LlmError("invalid_request", message, { model: manifest.id });
      }
      const identity = { model: manifest.id, fingerprint: await fingerprintOf(manifest) };
      return await work({
        identity,
        embed: async (texts, signal) => (await model.embed(texts, signal)).embeddings,
      });
    } catch (thrown) {
      // What failed to load, or was lost, is loaded again by the next request.
      const { code } = LlmError.from(thrown);
      if (this.held === held && code !== "not_supported" && code !== "storage_quota") this.held = null;
      throw thrown;
    } finally {
      held.users -= 1;
      if (this.held !== held) this.release(held);
      else if (held.users === 0) this.idle = setTimeout(() => this.close(), IDLE_MS);
    }
  }

  close(): void {
    clearTimeout(this.idle);
    const { held } = this;
    this.held = null;
    this.release(held);
  }

  /** Ends it when nobody uses it any more. */
  private release(held: Held | null): void {
    if (held?.users === 0) held.loading.then(({ model }) => model.unload()).catch(() => undefined);
  }
}

/** Of what vectors depend on: weights and tokenizer, not the program, which comes anew with each compiler. */
function fingerprintOf({ files }: Manifest): Promise<string> {
  const listed = files
    .filter(({ path }) => !path.startsWith("program/"))
    .map(({ path, sha256 }) => `${path} ${sha256}\n`);
  return sha256(listed.sort().join(""));
}
