/** What the side panel's chat remembers: a switch, and what is found for a question. Deleting is on the options page. */
import type { Message } from "@nomoat/runtime";
import type { MemoryResults } from "@nomoat/runtime/contract";
import type { AdminClient } from "../../ui/admin-client";

const STORAGE_KEY = "memory";
const FOUND = 3;
/** Below this cosine two texts have little in common, with the encoders of the BERT family. */
const LEAST_SCORE = 0.3;

export class Recall {
  readonly #client: AdminClient;
  readonly #remembers: HTMLInputElement;

  constructor(client: AdminClient, remembers: HTMLInputElement) {
    this.#client = client;
    this.#remembers = remembers;
    remembers.checked = localStorage.getItem(STORAGE_KEY) === "on";
    remembers.addEventListener("change", () => localStorage.setItem(STORAGE_KEY, remembers.checked ? "on" : "off"));
  }

  /** Keeps the question, and gives texts from before that are near to it; none where the switch is off. */
  async exchange(question: string): Promise<readonly string[]> {
    if (!this.#remembers.checked) return [];
    const options = { limit: FOUND, minScore: LEAST_SCORE };
    const found = await this.#client.call("memory", {
      site: null,
      call: { method: "search", input: question, options },
    });
    await this.#client.call("memory", { site: null, call: { method: "add", input: question, options: {} } });
    return (found as MemoryResults["search"]).map(({ text }) => text);
  }
}

/** What the model is told of it. */
export function asMessages(recalled: readonly string[]): Message[] {
  if (recalled.length === 0) return [];
  return [{ role: "system", content: ["The user said earlier:", ...recalled.map((text) => `- ${text}`)].join("\n") }];
}
