/** The functions that transformers and Jinja give to templates. */
import { fromKeys } from "./attributes";
import { fail } from "./failure";
import { range } from "./operators";
import { str } from "./print";
import { bind, callable, pairs, unnamed } from "./signature";
import { Dict, iterate, type Kwargs, Namespace, Native, numeric, type Value } from "./values";

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

const int = (value: Value): bigint => {
  const number = numeric(value);
  return typeof number === "bigint" ? number : fail("range() takes integers");
};

export const GLOBALS = new Map<string, Value>([
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
    "raise_exception",
    callable("message", (message: Value): never => {
      throw new Refusal(str(message));
    }),
  ],
]);
