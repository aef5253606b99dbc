/** The token ids that a request begins with, and the form of what follows them. */
import { type AnswerForm, answerFormOf } from "../engine/answer_form";
import { LlmError } from "../internal/errors";
import type { TextModel } from "../text/index";
import type { ChatPlan, Reasoning } from "./plan";

export interface ChatPrompt {
  readonly promptIds: readonly number[];
  readonly form: AnswerForm;
}

/** Errors: those of encodeChat and answerFormOf. */
export async function promptOf(text: TextModel, plan: ChatPlan): Promise<ChatPrompt> {
  const { messages, tools, reasoning, options } = plan;
  requireReasoning(text, reasoning);
  if (tools || messages.some(({ role, tool_calls: calls }) => role === "tool" || calls)) await text.prepareTools();
  const encoded = text.encodeChat(messages, {
    tools: tools?.tools ?? [],
    variables: variablesOf(reasoning),
    continueFinal: messages.at(-1)!.role === "assistant",
  });
  const reasoningTokens = reasoning.enabled === false ? 0 : reasoning.maxTokens;
  // A prompt that has opened the reasoning, whether the template was asked not to or not, has it closed again.
  const closed = encoded.isReasoning && reasoningTokens === 0 ? (text.reasoning?.endIds ?? []) : [];
  const wish = { tools, format: options.responseFormat ?? null, reasoningTokens };
  const form = await answerFormOf(text, wish, encoded.isReasoning && closed.length === 0);
  return { promptIds: [...encoded.tokenIds, ...closed], form };
}

/** Errors: not_supported where a model shall think that does not. */
function requireReasoning({ reasoning }: TextModel, { enabled, maxTokens }: Reasoning): void {
  if (reasoning || (enabled !== true && maxTokens === null)) return;
  throw new LlmError("not_supported", "chat: this model does not think before it answers: leave reasoning out.", {
    path: "reasoning",
  });
}

/** The two names that templates have for it. */
function variablesOf({ enabled }: Reasoning): Readonly<Record<string, boolean>> {
  return enabled === null ? {} : { enable_thinking: enabled, thinking: enabled };
}
