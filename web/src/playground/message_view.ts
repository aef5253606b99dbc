/** One message in the conversation, and the streaming of an answer into it. */
import { element } from "../elements";
import { markdownToHtml } from "../text/markdown";

export function addUserMessage(text: string): void {
  const item = addMessage("user");
  item.textContent = text;
  keepAtEnd(true);
}

export class AnswerView {
  text = "";
  readonly #item = addMessage("assistant");
  readonly #body = document.createElement("div");
  readonly #note = document.createElement("p");
  #frame = 0;

  constructor() {
    this.#body.className = "body";
    this.#note.className = "note";
    this.#note.dataset.testid = "message-note";
    this.#note.hidden = true;
    this.#item.append(this.#body, this.#note);
    this.#item.dataset.state = "waiting";
    keepAtEnd(true);
  }

  /** What the model was told beside the conversation. */
  showRecalled(texts: readonly string[]): void {
    if (texts.length === 0) return;
    const details = document.createElement("details");
    details.className = "recalled";
    details.dataset.testid = "message-recalled";
    const summary = document.createElement("summary");
    summary.textContent = `Recalled ${texts.length === 1 ? "a message" : `${texts.length} messages`}`;
    const list = document.createElement("ul");
    list.append(
      ...texts.map((text) => {
        const item = document.createElement("li");
        item.textContent = text;
        return item;
      }),
    );
    details.append(summary, list);
    this.#item.prepend(details);
  }

  append(piece: string): void {
    this.text += piece;
    this.#item.dataset.state = "streaming";
    // At most one rendering per frame, however fast pieces come.
    this.#frame ||= requestAnimationFrame(() => this.#render());
  }

  finish(state: "done" | "aborted" | "error", note: string): void {
    cancelAnimationFrame(this.#frame);
    this.#render();
    this.#item.dataset.state = state;
    this.#note.textContent = note;
    this.#note.hidden = note === "";
    keepAtEnd(false);
  }

  remove(): void {
    cancelAnimationFrame(this.#frame);
    this.#item.remove();
  }

  #render(): void {
    this.#frame = 0;
    this.#body.innerHTML = markdownToHtml(this.text);
    keepAtEnd(false);
  }
}

export function clearMessages(): void {
  element("messages").replaceChildren();
}

function addMessage(role: "user" | "assistant"): HTMLLIElement {
  const item = document.createElement("li");
  item.className = `message ${role}`;
  item.dataset.testid = `message-${role}`;
  element("messages").append(item);
  return item;
}

/** Follows the answer unless the reader scrolled up. */
function keepAtEnd(always: boolean): void {
  const conversation = element("conversation");
  const fromEnd = conversation.scrollHeight - conversation.scrollTop - conversation.clientHeight;
  if (always || fromEnd < 120) conversation.scrollTop = conversation.scrollHeight;
}
