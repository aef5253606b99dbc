/**
 * A list that is redrawn from data but keeps the row of each key, so that focus, an open confirmation and a click in
 * progress survive an update.
 */

export interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
}

export class KeyedList<T> {
  readonly #container: HTMLElement;
  readonly #keyOf: (item: T) => string;
  readonly #create: (item: T) => Row<T>;
  readonly #rows = new Map<string, Row<T>>();

  constructor(container: HTMLElement, keyOf: (item: T) => string, create: (item: T) => Row<T>) {
    this.#container = container;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  draw(items: readonly T[]): void {
    const keys = new Set(items.map(this.#keyOf));
    for (const [key, row] of this.#rows) {
      if (keys.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    items.forEach((item, index) => {
      const key = this.#keyOf(item);
      const row = this.#rows.get(key) ?? this.#create(item);
      this.#rows.set(key, row);
      row.update(item);
      if (this.#container.children[index] !== row.element) {
        this.#container.insertBefore(row.element, this.#container.children[index] ?? null);
      }
    });
  }
}
