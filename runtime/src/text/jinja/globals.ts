/** The functions that transformers and Jinja give to templates. */
import { fromKeys } from "./attributes";
import { fail } from "./failure";
import { range } from "./operators";
import { str } from "./print";
import { bind, callable, pairs, unnamed } from "./signature";
import { strftime } from "./strftime";
import { type Callable, Dict, iterate, type Kwargs, Namespace, Native, numeric, type Value } from "./values";

/** The template refuses the messages itself. */
export class Refusal extends Error {}

function dict(args: readonly Value[], kwargs: Kwargs): Dict {
  if (args.length > 1) fail("a dict is made of one thing at most");
  const [from = new Dict()] = args;
  const result = Dict.of(from instanceof Dict ? from.entries() : Array.from(iterate(from), pairs));
  for (const [name, value] of kwargs) result.set(name, value);
  return result;
}

class DictType extends Native {
  override readonly call = dict;
  attribute(name: string): Value | undefined {
    return name === "fromkeys" ? bind(fromKeys, null) : undefined;
  }
}

class Cycler extends Native {
  private at = 0;
  constructor(private readonly items: readonly Value[]) {
    super();
    if (items.length === 0) fail("cycler() needs items");
  }
  attribute(name: string): Value | undefined {
    if (name === "current") return this.items[this.at]!;
    if (name === "reset") return callable("", () => this.move(-this.at));
    return name === "next" ? callable("", () => this.move(1)) : undefined;
  }
  private move(by: number): Value {
    const item = this.items[this.at]!;
    this.at = (this.at + by) % this.items.length;
    return by > 0 ? item : null;
  }
}

const int = (value: Value): bigint => {
  const number = numeric(value);
  return typeof number === "bigint" ? number : fail("range() takes integers");
};

export const GLOBALS: ReadonlyMap<string, Value> = new Map<string, Value>([
  [
    "range",
    (args, kwargs) => {
      unnamed(kwargs);
      if (args.length < 1 || args.length > 3) fail("range() takes one to three integers");
      const [start, stop, step] = args.map(int);
      return stop === undefined ? range(0n, start!, 1n) : range(start!, stop, step ?? 1n);
    },
  ],
  ["dict", new DictType()],
  [
    "namespace",
    (args, kwargs) => {
      const namespace = new Namespace();
      for (const [name, value] of dict(args, kwargs).entries()) namespace.set(str(name), value);
      return namespace;
    },
  ],
  [
    "cycler",
    (args, kwargs) => {
      unnamed(kwargs);
      return new Cycler(args);
    },
  ],
  [
    "joiner",
    callable("sep?", (separator: Value = ", "): Callable => {
      let isFirst = true;
      return callable("", () => {
        const text = isFirst ? "" : separator;
        isFirst = false;
        return text;
      });
    }),
  ],
  [
    "raise_exception",
    callable("message", (message: Value): never => {
      throw new Refusal(str(message));
    }),
  ],
  ["lipsum", () => fail("lipsum() is not supported")],
  ["strftime_now", callable("format:s", (format: string) => strftime(new Date(), format))],
]);
