/** Joins pieces of text so that a port carries at most one message per interval; the first piece goes at once. */

export const COALESCE_MS = 25;

export class Coalescer {
  readonly #send: (text: string) => void;
  #text = "";
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  push(piece: string): void {
    this.#text += piece;
    if (this.#timer === null) this.#flush();
  }

  /** Sends what is left; nothing is sent later. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#text) this.#send(this.#text);
    this.#text = "";
  }

  #flush(): void {
    const text = this.#text;
    this.#text = "";
    this.#timer = null;
    if (!text) return;
    this.#send(text);
    this.#timer = setTimeout(() => this.#flush(), COALESCE_MS);
  }
}
