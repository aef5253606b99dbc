/** Unrolls the repeats of a plan into items, each with the symbols of its place. The work is bounded beforehand. */
import { type Expression, evaluate, type Symbols } from "./expression";
import { fail } from "./invalid_package";
import type { Items, ProgramFile, Repeat } from "./program_file";

/** JSON values of all items, repeated; a Llama of 1024 layers has 400,000. */
const MAX_EXPANDED_VALUES = 2 ** 22;
const NAME = /^[A-Za-z0-9_.]{1,200}$/;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** An item at one place. */
export class Place<T> {
  constructor(
    readonly item: T,
    readonly symbols: Symbols,
    /** Of the list's entry that it comes from. */
    readonly entry: string,
    readonly where: string,
    /** Where it stands in a repeat: 0 for the first layer of it. */
    readonly repetition: number | null,
    readonly repetitions: number,
  ) {}

  integer(expression: Expression): number {
    const value = evaluate(expression, this.symbols);
    if (!Number.isSafeInteger(value)) fail(`${this.where} needs an integer, and ${expression} is ${value}`);
    return value;
  }

  present(when: Expression): boolean {
    return this.integer(when) !== 0;
  }

  /** The template with {layer} and {layer.<attribute>} replaced by their values. */
  name(template: string): string {
    const name = template.replace(PLACEHOLDER, (_, symbol: string) => {
      if (symbol !== "layer" && !symbol.startsWith("layer."))
        fail(`${this.where} has {${symbol}}; a name may only have {layer} and {layer.<attribute>}`);
      return String(this.integer(symbol));
    });
    if (!NAME.test(name)) fail(`${this.where} must have names like ${NAME.source}, not ${name.slice(0, 80)}`);
    return name;
  }
}

export class Expansion {
  /** Symbols outside of repeats. */
  readonly outside: Symbols;
  private readonly layers: readonly Symbols[];
  private values = 0;

  constructor(file: ProgramFile) {
    const { context_length, prefill_chunk, page_size, modelSymbols, layerCount } = file;
    this.outside = withoutPrototype(modelSymbols, { context_length, prefill_chunk, page_size });
    this.layers = Array.from({ length: layerCount }, (_, layer) => {
      const attributes: Record<string, number> = { layer };
      for (const [name, values] of file.layers) attributes[`layer.${name}`] = values[layer]!;
      return attributes;
    });
  }

  /** Every item in order, absent ones (`when`) too. */
  *items<T extends object>(entries: Items<T>, where: string, limit: number): Generator<Place<T>> {
    const counted = entries.map((entry) => this.range(entry, where));
    const count = counted.reduce((sum, { items, from, to }) => sum + items.length * (to - from), 0);
    if (count > limit) fail(`${where} has ${count} items, more than ${limit}`);
    for (const { items, from, to } of counted) {
      // An expression under max_layers is evaluated for every layer.
      const weight = JSON.stringify(items).includes("max_layers") ? this.layers.length : 1;
      this.values += (to - from) * countValues(items) * weight;
    }
    if (this.values > MAX_EXPANDED_VALUES) fail(`the repeats of the plan make more than ${MAX_EXPANDED_VALUES} values`);
    const scope = withoutPrototype(this.outside);
    for (const [i, { items, from, to, repeated }] of counted.entries()) {
      const entry = `${where}[${i}]`;
      for (let layer = from; layer < to; layer++) {
        // One for all layers, which have the same names: only one place is looked at at a time.
        const symbols = repeated ? Object.assign(scope, this.layers[layer]) : this.outside;
        for (const [j, item] of items.entries()) {
          const at = repeated ? `${entry}.items[${j}]` : entry;
          const words = repeated ? `${at} (layer ${layer})` : at;
          yield new Place(item, symbols, at, words, repeated ? layer - from : null, repeated ? to - from : 1);
        }
      }
    }
  }

  largestOverLayers(expression: Expression): number {
    const scope = withoutPrototype(this.outside);
    const value = Math.max(...this.layers.map((layer) => evaluate(expression, Object.assign(scope, layer))));
    if (!Number.isSafeInteger(value)) fail(`an expression over all layers is ${value}, which is no integer`);
    return value;
  }

  private range<T extends object>(entry: T | Repeat<T>, where: string) {
    if (!("items" in entry)) return { items: [entry as T], from: 0, to: 1, repeated: false };
    const [from, to] = [entry.from, entry.to].map((end) => evaluate(end, this.outside)) as [number, number];
    if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || from > to || to > this.layers.length)
      fail(`${where} repeats from ${from} to ${to}; there are ${this.layers.length} layers`);
    return { items: entry.items, from, to, repeated: true };
  }
}

/** So that no name of an untrusted file meets a property of Object. */
function withoutPrototype(...all: readonly Symbols[]): Record<string, number> {
  return Object.assign(Object.create(null), ...all);
}

function countValues(value: unknown): number {
  if (value instanceof Map) {
    let count = 1;
    for (const item of value.values()) count += countValues(item);
    return count;
  }
  if (typeof value !== "object" || value === null) return 1;
  return Object.values(value).reduce<number>((count, item) => count + countValues(item), 1);
}
