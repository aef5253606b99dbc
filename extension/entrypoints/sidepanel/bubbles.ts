/** Messages of the chat. An answer is drawn again at most once per frame while it streams. */
import type { LlmError, Usage } from "@nomoat/runtime";
import { h } from "../../ui/dom";
import { renderMarkdown } from "../../ui/markdown";

export function addUserBubble(list: HTMLElement, text: string): void {
  list.append(h("div", { class: "message user", "data-testid": "chat-user" }, text));
  list.scrollTop = list.scrollHeight;
}

export class AnswerBubble {
  text = "";
  readonly #list: HTMLElement;
  readonly #element = h("div", { class: "message assistant", "data-testid": "chat-answer", "data-streaming": true });
  #frame = 0;

  constructor(list: HTMLElement) {
    this.#list = list;
    list.append(this.#element);
    list.scrollTop = list.scrollHeight;
  }

  /** What the model was told beside the conversation. */
  showRecalled(texts: readonly string[]): void {
    if (texts.length === 0) return;
    this.#element.before(
      h(
        "details",
        { class: "quiet small", "data-testid": "chat-recalled" },
        h("summary", {}, `Recalled ${texts.length === 1 ? "a message" : `${texts.length} messages`}`),
        h("ul", {}, ...texts.map((text) => h("li", {}, text))),
      ),
    );
  }

  append(piece: string): void {
    this.text += piece;
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  finish(usage: Usage): void {
    const speed = Number.isFinite(usage.decodeTokPerS) ? ` · ${usage.decodeTokPerS.toFixed(1)} tokens/s` : "";
    this.#end(
      h("p", { class: "quiet small", "data-testid": "chat-usage" }, `${usage.completionTokens} tokens${speed}`),
    );
  }

  fail(error: LlmError): void {
    const stopped = error.code === "aborted";
    this.#end(
      h("p", { class: stopped ? "quiet small" : "error small", role: "alert" }, stopped ? "Stopped." : error.message),
    );
  }

  #end(footer: HTMLElement): void {
    this.#draw();
    delete this.#element.dataset.streaming;
    this.#element.append(footer);
    this.#scroll(true);
  }

  #draw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const follow = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 80;
    this.#element.replaceChildren(renderMarkdown(this.text));
    this.#scroll(follow);
  }

  /** Follows the text unless the reader has scrolled up. */
  #scroll(follow: boolean): void {
    if (follow) this.#list.scrollTop = this.#list.scrollHeight;
  }
}
