/**
 * A model without weights, for testing everything around models: it answers by rules, and no rule looks at what a text
 * says. A token is a character, or the beginning or the end of a message.
 *
 * - It writes the last message again, word by word; after the beginning of an answer, that of the last message of others.
 * - With a schema it writes the smallest value that the schema's types and bounds allow. Other formats are not_supported.
 * - With tools it first calls each of them once, with such a value as arguments, and echoes the last result when it gets it.
 */
import type { DeviceInfo, Usage } from "../api/types";
import type { PlainMessage } from "../contract/messages";
import { LlmError } from "../internal/errors";
import type { ChatPrompt, ChatPromptOptions } from "../text/index";
import type { HostedModel } from "./hosted_model";
import type { RespondHooks } from "./session_model";

const ROLES = ["system", "user", "assistant", "tool"];
/** Tokens above all characters: the beginning of a message of each role, and the end of one. */
const FIRST_CONTROL = 0x110000;
const END = FIRST_CONTROL + ROLES.length;

export class EchoModel implements HostedModel {
  readonly defaults = {};
  readonly device: DeviceInfo = {
    device: "wasm",
    adapter: "echo",
    software: true,
    threads: 1,
    weightBytesPerToken: 0,
    doubts: null,
  };
  /** Prompts that were begun, and those that were stopped before their end. */
  readonly seen = { begun: 0, stopped: 0 };

  /** `pause`: waited for before each word. */
  constructor(
    readonly contextLength: number,
    private readonly pause: () => Promise<void> = async () => undefined,
  ) {}

  checkOptions(): void {}

  async prepareTools(): Promise<void> {}

  encodeChat(messages: readonly PlainMessage[], options: ChatPromptOptions = {}): ChatPrompt {
    const ids = messages.flatMap(({ role, content }) => [FIRST_CONTROL + ROLES.indexOf(role), ...codes(content), END]);
    if (options.continueFinal) ids.pop();
    else if (options.variables?.add_generation_prompt !== false) ids.push(FIRST_CONTROL + 2);
    return { tokenIds: ids, isReasoning: false };
  }

  async prepare(): Promise<void> {}

  async score(): Promise<never> {
    throw new LlmError("not_supported", "The echo model knows no probabilities.");
  }

  async respond({ tokenIds: promptIds }: ChatPrompt, options: unknown, hooks: RespondHooks): Promise<Usage> {
    this.seen.begun += 1;
    const [user, result] = [FIRST_CONTROL + 1, FIRST_CONTROL + 3].map((id) => promptIds.lastIndexOf(id)) as [
      number,
      number,
    ];
    const isResult = result > user;
    const begins = Math.max(user, result);
    const { responseFormat } = options as { responseFormat?: { type: string; schema?: unknown } };
    if (hooks.tools.length > 0 && !isResult) {
      hooks.tools.forEach(({ function: { name, parameters } }, index) => {
        const given = JSON.stringify(smallest(parameters ?? {}));
        hooks.onDelta({ type: "tool_call", index, id: `call_${index}`, name, arguments: given });
      });
      return this.usage(promptIds, 0, "stop");
    }
    const last = begins < 0 ? [] : promptIds.slice(begins + 1, promptIds.indexOf(END, begins));
    const answer = responseFormat ? formatted(responseFormat) : last.map((code) => String.fromCodePoint(code)).join("");
    let count = 0;
    for (const word of answer.match(/\s*\S+|\s+$/g) ?? []) {
      await this.pause();
      if (hooks.signal?.aborted) {
        this.seen.stopped += 1;
        return this.usage(promptIds, count, "aborted");
      }
      if (promptIds.length + count >= this.contextLength) return this.usage(promptIds, count, "length");
      hooks.onDelta({ type: "content", text: word });
      count += codes(word).length;
    }
    return this.usage(promptIds, count, "stop");
  }

  private usage(promptIds: readonly number[], completionTokens: number, finishReason: Usage["finishReason"]): Usage {
    return {
      promptTokens: promptIds.length,
      completionTokens,
      cachedTokens: 0,
      finishReason,
      promptIds,
      generatedIds: [],
      ttftMs: 0,
      prefillTokPerS: 0,
      decodeTokPerS: 0,
      device: "wasm",
      threads: 1,
    };
  }
}

function codes(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0)!);
}

function formatted(format: { type: string; schema?: unknown }): string {
  if (format.type === "schema") return JSON.stringify(smallest(format.schema));
  if (format.type === "json") return "{}";
  throw new LlmError("not_supported", `The echo model writes no ${format.type}.`);
}

function smallest(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return null;
  const {
    type,
    enum: values,
    const: only,
    properties = {},
    required = [],
    ...bounds
  } = schema as Record<string, unknown>;
  if (only !== undefined) return only;
  if (Array.isArray(values)) return values[0];
  switch (Array.isArray(type) ? type[0] : type) {
    case "object": {
      const known = properties as Record<string, unknown>;
      return Object.fromEntries((required as string[]).map((name) => [name, smallest(known[name])]));
    }
    case "array":
      return Array.from({ length: Number(bounds.minItems ?? 0) }, () => smallest(bounds.items));
    case "string":
      return "x".repeat(Number(bounds.minLength ?? 0));
    case "number":
    case "integer":
      return bounds.minimum ?? 0;
    case "boolean":
      return false;
    default:
      return null;
  }
}
