/** Gathers pieces so that a port carries at most one message per interval; the first piece goes at once. */

export const COALESCE_MS = 25;

export class Coalescer<T> {
  readonly #send: (pieces: readonly T[]) => void;
  #pieces: T[] = [];
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(send: (pieces: readonly T[]) => void) {
    this.#send = send;
  }

  push(piece: T): void {
    this.#pieces.push(piece);
    if (this.#timer === null) this.#flush();
  }

  /** Sends what is left; nothing is sent later. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sendAll();
  }

  #flush(): void {
    this.#timer = null;
    if (this.#sendAll()) this.#timer = setTimeout(() => this.#flush(), COALESCE_MS);
  }

  /** False: there was nothing. */
  #sendAll(): boolean {
    const pieces = this.#pieces;
    this.#pieces = [];
    if (pieces.length > 0) this.#send(pieces);
    return pieces.length > 0;
  }
}
