/**
 * The entry `./testing`: the echo model (sessions/echo_model.ts) behind the real sessions and the real protocol, for tests of
 * pages that use LanguageModel or the tasks. Without weights, device or download, and the same answer every time.
 */
import { Connection } from "../api/connection";
import type { EngineCore } from "../engine/engine";
import type { LanguageModelPort } from "../language_model/port";
import { EchoModel } from "../sessions/echo_model";
import { Sessions } from "../sessions/sessions";
import { EngineServer } from "../worker/server";

export interface EchoOptions {
  /** Tokens, which are characters; each message has two more. Default 4096. */
  readonly contextLength?: number;
  /** Waited for before each word. */
  readonly pause?: () => Promise<void>;
}

export interface Echo {
  readonly model: EchoModel;
  readonly connection: Connection;
  /** Names of the methods that were called. */
  readonly called: string[];
  /** For defineLanguageModel. */
  readonly port: LanguageModelPort;
}

/** Messages are cloned, as a worker's are. */
export function openEcho({ contextLength = 4096, pause }: EchoOptions = {}): Echo {
  const model = new EchoModel(contextLength, pause);
  const called: string[] = [];
  const connection = new Connection((receive) => {
    const sessions = new Sessions(() => model);
    const server = new EngineServer({} as EngineCore, (message) => receive(structuredClone(message)), sessions);
    return {
      post: (message) => {
        called.push(message.method);
        server.receive(structuredClone(message));
      },
      close: () => undefined,
    };
  });
  const port: LanguageModelPort = {
    availability: async () => "available",
    prepare: async () => undefined,
    call: (method, params, hooks) => connection.call(method, params, hooks),
  };
  return { model, connection, called, port };
}
