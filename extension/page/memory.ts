/** `memory` of `window.llm`: what the site keeps with the extension, where the person lets it. */
import type { Memory } from "@nomoat/runtime";
import { create, freeze } from "@nomoat/runtime/contract";
import { parseCall } from "../protocol/page-calls";
import { ask } from "./ask";
import type { PrivatePort } from "./private-port";

/** The first three take an input before their options. */
const METHODS = ["add", "search", "forget", "list", "export", "info", "reembed"] as const;

export function createMemory(port: PrivatePort): Memory {
  const memory: Record<string, unknown> = create(null);
  for (let i = 0; i < METHODS.length; i++) {
    const method = METHODS[i]!;
    memory[method] = (first?: unknown, second?: unknown) => {
      const parse = (options: unknown) =>
        parseCall("memory", i < 3 ? { method, input: first, options } : { method, options });
      return ask(port, `memory.${method}()`, i < 3 ? second : first, parse, (result) => result);
    };
  }
  return freeze(memory) as unknown as Memory;
}
