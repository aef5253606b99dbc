/** A Memory of types.ts over a Connection: this file only translates. */
import type { MemoryMethod, MemoryResults } from "../contract/memory";
import { LlmError } from "../internal/errors";
import type { Connection } from "./connection";
import type { Memory, MemoryOptions } from "./types";

const KNOWN: readonly string[] = ["model", "name", "limits", "onProgress"];

export function memoryOver(connection: Connection, options: MemoryOptions): Memory {
  for (const key of Object.keys(options))
    if (!KNOWN.includes(key)) throw new LlmError("invalid_request", `memory: unknown option ${key}.`);
  const { model = null, name = "default", limits = {}, onProgress } = options;
  const call = <M extends MemoryMethod>(
    method: M,
    given: { readonly signal?: AbortSignal } | undefined,
    input: { readonly input?: unknown } = {},
  ): Promise<MemoryResults[M]> => {
    const { signal, ...rest } = given ?? {};
    const params = { name, model, limits, call: { method, ...input, options: rest } };
    return connection.call("memory", params, { signal, onEvent: onProgress }) as Promise<MemoryResults[M]>;
  };
  return {
    add: (input, given) => call("add", given, { input }),
    search: (input, given) => call("search", given, { input }),
    forget: (input, given) => call("forget", given, { input }),
    list: (given) => call("list", given),
    export: (given) => call("export", given),
    info: (given) => call("info", given),
    reembed: (given) => call("reembed", given),
  };
}
