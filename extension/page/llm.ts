/** The object that pages know as `window.llm`. It owns no power: every request is checked again behind the port. */
import type { Availability, Decision, LLM, ModelInfo, Usage } from "@nomoat/runtime";
import { freeze } from "@nomoat/runtime/contract";
import { parseCall } from "../protocol/page-calls";
import { parseGenerate } from "../protocol/page-contract";
import { parseModelOptions } from "../protocol/page-port";
import { ask, generateOver } from "./ask";
import { createChat } from "./chat";
import { problemError } from "./errors";
import { createMemory } from "./memory";
import { promise } from "./pieces";
import type { PrivatePort } from "./private-port";
import { createSession } from "./session";

const Floats = Float32Array;

export function createLLM(port: PrivatePort, version: string): LLM {
  return freeze({
    version,
    chat: createChat(port),
    memory: createMemory(port),
    availability: (options?: object) =>
      promise<Availability>(({ resolve, reject }) => {
        const parsed = parseModelOptions(options);
        if ("problem" in parsed) return reject(problemError(parsed));
        const request = { method: "availability" as const, options: parsed.value };
        port.request(request, { result: (value) => resolve(value as Availability), error: reject });
      }),
    generate: (prompt: unknown, options?: unknown) =>
      generateOver(
        port,
        "generate()",
        options,
        (rest) => {
          const parsed = parseGenerate(prompt, rest);
          return "problem" in parsed ? parsed : { value: { method: "generate", ...parsed.value } };
        },
        (usage) => usage as Usage,
      ),
    createSession: (options?: unknown) => createSession(port, options),
    decide: (input: unknown, questions: unknown, options?: unknown) =>
      ask(
        port,
        "decide()",
        options,
        (rest) => parseCall("decide", { input, questions, options: rest }),
        (decisions: Readonly<Record<string, Decision>>) => decisions,
      ),
    embed: (input: unknown, options?: unknown) =>
      ask(port, "embed()", options, (rest) => parseCall("embed", { input, options: rest }), vectorsOf),
    models: () =>
      promise<readonly ModelInfo[]>(({ resolve, reject }) => {
        port.request(
          { method: "models" },
          { result: (value) => resolve(value as readonly ModelInfo[]), error: reject },
        );
      }),
  });
}

function vectorsOf(lists: readonly (readonly number[])[]): readonly Float32Array[] {
  const vectors: Float32Array[] = [];
  for (let i = 0; i < lists.length; i++) {
    const list = lists[i]!;
    const vector = new Floats(list.length);
    for (let j = 0; j < list.length; j++) vector[j] = list[j]!;
    vectors[i] = vector;
  }
  return vectors;
}
