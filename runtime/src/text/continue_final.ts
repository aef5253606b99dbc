/**
 * An answer that goes on with what the conversation ends with: the prompt is cut at the end of the final message's text,
 * so that neither the end of its turn nor the beginning of a next one is in it.
 *
 * By the rule of transformers' `continue_final_message`: the last place of the text counts, and whitespace at its end
 * stays where the template kept it.
 */
import { LlmError } from "../internal/errors";
import type { Prompt } from "./chat";
import { strip } from "./jinja/text_methods";

/** `prompt`: rendered without generation prompt. `content` is not blank. Errors: invalid_request where the template does not write it. */
export function cutAfterFinal({ text, guard }: Prompt, content: string): Prompt {
  const core = strip(content);
  const at = text.lastIndexOf(core);
  if (at < 0)
    throw new LlmError(
      "invalid_request",
      "This model's chat template changes the assistant's last message, so the answer cannot go on with it: leave it out.",
    );
  const kept = strip(content, null, "left");
  const end = at + (text.startsWith(kept, at) ? kept.length : core.length);
  const spans = guard.spans
    .filter(([start]) => start < end)
    .map(([start, stop]) => [start, Math.min(stop, end)] as const);
  return { text: text.slice(0, end), guard: { ...guard, spans } };
}
