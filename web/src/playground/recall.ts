/** What the chat remembers: a switch, what is found for a question, and a button that deletes all of it. */
import { type FoundRecord, isEncoder, LlmError, type Memory } from "@nomoat/runtime";
import { element } from "../elements";
import { pageEngine } from "../providers/page_engine";
import { fetchRegistry } from "../providers/registry";
import type { EngineSwitch } from "./engine_switch";
import { clearError, showError } from "./error_box";

export interface Recall {
  /** Keeps the question, and gives what was said before and is near to it; nothing where the switch is off. */
  exchange(question: string, signal: AbortSignal): Promise<readonly FoundRecord[]>;
}

const STORAGE_KEY = "nomoat.memory";
const FOUND = 3;
/** Below this cosine two texts have little in common, with the encoders of the BERT family. */
const LEAST_SCORE = 0.3;
const NAME = "playground";

export function startRecall(engineSwitch: EngineSwitch): Recall {
  const remembers = element<HTMLInputElement>("memory-on");
  const hint = element("memory-hint");
  remembers.checked = localStorage.getItem(STORAGE_KEY) === "on";
  remembers.addEventListener("change", () => localStorage.setItem(STORAGE_KEY, remembers.checked ? "on" : "off"));

  /** The extension's, or one of this page's engine with the first encoder that the server offers. */
  const memory = async (): Promise<Memory> => {
    if (engineSwitch.selected() === "extension") return window.llm!.memory;
    const encoder = (await fetchRegistry()).find(isEncoder);
    if (!encoder)
      throw new LlmError(
        "model_not_found",
        "Memory needs a model that embeds, such as all-MiniLM-L6-v2: serve one beside.",
      );
    return pageEngine().memory({ model: { url: encoder.url }, name: NAME });
  };
  const show = async (kept: Memory): Promise<void> => {
    const { count } = await kept.info();
    hint.textContent = count === 1 ? "1 message is kept." : `${count} messages are kept.`;
  };

  element("memory-forget").addEventListener("click", async () => {
    clearError();
    try {
      const kept = await memory();
      await kept.forget({ all: true });
      await show(kept);
    } catch (thrown) {
      showError(thrown);
    }
  });

  return {
    async exchange(question, signal) {
      if (!remembers.checked) return [];
      const kept = await memory();
      const found = await kept.search(question, { limit: FOUND, minScore: LEAST_SCORE, signal });
      await kept.add(question, { signal });
      await show(kept);
      return found;
    },
  };
}

/** The system message: what there was, and what is recalled. */
export function systemWith(system: string | undefined, recalled: readonly FoundRecord[]): string | undefined {
  if (recalled.length === 0) return system;
  const said = ["The user said earlier:", ...recalled.map(({ text }) => `- ${text}`)].join("\n");
  return system ? `${system}\n\n${said}` : said;
}
