/**
 * `chat.completions.create` on the engine's side: one request → its chunks and its completion, in OpenAI's shapes.
 *
 * Several choices are several answers to one prompt: the first one computes it, and when it has begun, the others find
 * its keys and values in the cache.
 */

import type { Usage } from "../api/types";
import type { ChatCompletion, ChatCompletionChunk, CompletionUsage } from "../contract/chat_answer";
import type { LoadedModel } from "../engine/loaded_model";
import { LlmError } from "../internal/errors";
import { Choice } from "./choice";
import { type ChatPlan, planOf } from "./plan";
import { type ChatPrompt, promptOf } from "./prompt";

export interface ChatHooks {
  readonly partition?: string;
  /** With `stream`: each chunk, before the completion. */
  readonly onChunk: (chunk: ChatCompletionChunk) => void;
  readonly signal?: AbortSignal;
}

/** Errors: those of LoadedModel.answer, also `aborted`; not_supported and invalid_request name the field in `detail.path`. */
export async function createCompletion(
  model: LoadedModel,
  request: unknown,
  { partition, onChunk, signal }: ChatHooks,
): Promise<ChatCompletion> {
  const plan = planOf(request, partition);
  model.requireNamed(plan.options.model);
  const prompt = await promptOf(model.textModel(), plan);
  const head = { id: `chatcmpl-${randomId()}`, created: Math.floor(Date.now() / 1000), model: model.info.id };
  const send = (choices: ChatCompletionChunk["choices"], usage: CompletionUsage | null): void => {
    if (!plan.stream) return;
    onChunk({ ...head, object: "chat.completion.chunk", choices, ...(plan.includeUsage ? { usage } : {}) });
  };
  const choices = Array.from(
    { length: plan.choices },
    (_, index) =>
      new Choice(index, prompt.form.parser(), plan.options.logprobs ?? false, (choice) => send([choice], null)),
  );
  const usages = await answerAll(model, prompt, plan, choices, signal);
  const usage = totalOf(usages);
  if (plan.includeUsage) send([], usage);
  return { ...head, object: "chat.completion", choices: choices.map(({ completed }) => completed), usage };
}

/** Runs all choices. When one fails, the others stop. */
async function answerAll(
  model: LoadedModel,
  { promptIds, form }: ChatPrompt,
  { options, choices: count }: ChatPlan,
  choices: readonly Choice[],
  signal: AbortSignal | undefined,
): Promise<readonly ChoiceUsage[]> {
  const failing = new AbortController();
  const stop = signal ? AbortSignal.any([signal, failing.signal]) : failing.signal;
  const seed = options.seed ?? (count > 1 ? crypto.getRandomValues(new Uint32Array(1))[0]! : null);
  const answer = async (index: number, onBegin: () => void): Promise<ChoiceUsage> => {
    const choice = choices[index]!;
    const own = seed === null ? options : { ...options, seed: (seed + index) >>> 0 };
    const watch = form.watch();
    const usage = await model.answer(promptIds, own, {
      signal: stop,
      form,
      watch,
      onText: (piece, logprobs) => {
        onBegin();
        choice.push(piece, logprobs);
      },
    });
    if (usage.finishReason === "aborted") throw new LlmError("aborted", "The request was aborted.");
    choice.end(usage.finishReason);
    return { ...usage, reasoningTokens: watch?.tokens ?? 0 };
  };
  let begin!: () => void;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const first = answer(0, begin).finally(begin);
  const others = begun.then(() => Promise.all(choices.slice(1).map((_, i) => answer(i + 1, () => undefined))));
  try {
    return [await first, ...(await others)];
  } catch (thrown) {
    failing.abort();
    await Promise.allSettled([first, others]);
    throw thrown;
  }
}

interface ChoiceUsage extends Usage {
  readonly reasoningTokens: number;
}

function totalOf(usages: readonly ChoiceUsage[]): CompletionUsage {
  const { promptTokens, cachedTokens } = usages[0]!;
  const completionTokens = usages.reduce((sum, usage) => sum + usage.completionTokens, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: usages.reduce((sum, usage) => sum + usage.reasoningTokens, 0) },
  };
}

function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
