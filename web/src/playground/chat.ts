/** The conversation: history, one answer at a time, stop, new chat, figures. */
import type { GenerateOptions, Generation, LlmError, Message, Usage } from "@nomoat/runtime";
import { element } from "../elements";
import { formatMilliseconds } from "../text/quantities";
import type { EngineSwitch } from "./engine_switch";
import { clearError, showError } from "./error_box";
import { AnswerView, addUserMessage, clearMessages } from "./message_view";
import type { ModelPanel } from "./model_panel";
import { type Recall, systemWith } from "./recall";
import type { Settings } from "./settings";

interface ChatParts {
  readonly engineSwitch: EngineSwitch;
  readonly modelPanel: ModelPanel;
  readonly settings: Settings;
  readonly recall: Recall;
}

interface Answerer {
  generate(prompt: readonly Message[], options: GenerateOptions): Generation;
}

export function startChat({ engineSwitch, modelPanel, settings, recall }: ChatParts): void {
  const form = element("prompt").closest("form")!;
  const prompt = element<HTMLTextAreaElement>("prompt");
  const send = element<HTMLButtonElement>("send");
  const stop = element<HTMLButtonElement>("stop");
  const stats = element("stats");
  let history: Message[] = [];
  let answering: AbortController | undefined;

  /** A Generation is thenable, so an async function cannot return one: it returns who generates. */
  const answerer = async (): Promise<Answerer> =>
    engineSwitch.selected() === "extension" ? window.llm! : await modelPanel.ready();

  const setAnswering = (controller: AbortController | undefined): void => {
    answering = controller;
    send.hidden = controller !== undefined;
    stop.hidden = controller === undefined;
  };

  const ask = async (text: string): Promise<void> => {
    const controller = new AbortController();
    setAnswering(controller);
    clearError();
    element("empty").hidden = true;
    if (history.length === 0) element("chat-title").textContent = text.slice(0, 80);
    addUserMessage(text);
    const messages: Message[] = [...history, { role: "user", content: text }];
    const answer = new AnswerView();
    const isCurrent = (): boolean => answering === controller;
    try {
      const { signal } = controller;
      const model = await answerer();
      signal.throwIfAborted();
      const recalled = await recall.exchange(text, signal);
      answer.showRecalled(recalled.map((record) => record.text));
      const { system: given, ...options } = settings.options();
      const system = systemWith(given, recalled);
      const generation = model.generate(messages, { ...options, ...(system ? { system } : {}), signal });
      for await (const piece of generation) answer.append(piece);
      signal.throwIfAborted();
      const usage = await generation.usage;
      // The engine may have moved to another device.
      modelPanel.refresh();
      answer.finish("done", describe(usage));
      if (isCurrent()) stats.textContent = describe(usage);
      if (isCurrent()) history = [...messages, { role: "assistant", content: answer.text }];
    } catch (thrown) {
      if (controller.signal.aborted) {
        answer.finish("aborted", "Stopped.");
        // What was said up to here stays in the conversation, as the reader saw it.
        if (isCurrent() && answer.text !== "") history = [...messages, { role: "assistant", content: answer.text }];
      } else {
        answer.finish("error", "No answer.");
        showError(thrown);
        if (isFatal(thrown)) await modelPanel.reset();
      }
    } finally {
      if (isCurrent()) setAnswering(undefined);
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = prompt.value.trim();
    if (text === "" || answering) return;
    prompt.value = "";
    fitHeight(prompt);
    void ask(text);
  });
  prompt.addEventListener("input", () => fitHeight(prompt));
  prompt.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
  stop.addEventListener("click", () => answering?.abort());
  element("new-chat").addEventListener("click", () => {
    answering?.abort();
    setAnswering(undefined);
    history = [];
    clearMessages();
    clearError();
    stats.textContent = "";
    element("chat-title").textContent = "New chat";
    element("empty").hidden = false;
    prompt.focus();
  });
  for (const chip of document.querySelectorAll<HTMLButtonElement>(".chip")) {
    chip.addEventListener("click", () => {
      prompt.value = chip.textContent ?? "";
      form.requestSubmit();
    });
  }
}

function describe(usage: Usage): string {
  const speed = usage.completionTokens > 1 ? `${usage.decodeTokPerS.toFixed(1)} tok/s · ` : "";
  const cut = usage.finishReason === "length" ? " · cut at max tokens" : "";
  return `${speed}${usage.completionTokens} tokens · first after ${formatMilliseconds(usage.ttftMs)}${cut}`;
}

/** The engine does not survive these: the next question loads the model again. */
function isFatal(thrown: unknown): boolean {
  const code = (thrown as Partial<LlmError> | null)?.code;
  return code === "device_lost" || code === "out_of_memory" || code === "internal";
}

function fitHeight(textarea: HTMLTextAreaElement): void {
  textarea.style.height = "auto";
  textarea.style.height = `${textarea.scrollHeight}px`;
}
