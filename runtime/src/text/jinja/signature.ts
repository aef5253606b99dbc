/**
 * How Python calls what templates call: one line says which arguments there are, and they are checked and bound here.
 *
 * A signature is a list of `name`, `name:type` and `name:type?` (optional). Types: s str, i int (given as a number),
 * S and I the same or None, b anything by its truth. The name _ can only be given by position; `*` takes whatever
 * there is, as a list and a map. Marked text arrives as plain text.
 */
import { fail } from "./failure";
import { type Callable, isList, type Kwargs, numeric, plain, truth, type Value } from "./values";

/** A filter, test or method: `self` is what stands before it. */
export type Definition = (self: Value, args: readonly Value[], kwargs: Kwargs) => Value;
export type Definitions = ReadonlyMap<string, Definition>;

export function define(signature: string, run: (self: never, ...values: never[]) => Value): Definition {
  const parameters = signature.split(" ").map((word) => {
    const [, name, type, optional] = /^([^:?]*):?(\w?)(\??)$/.exec(word)!;
    return { name: name!, type: type!, optional: optional !== "" };
  });
  const call = run as (self: Value, ...values: unknown[]) => Value;
  if (signature === "*") return (self, args, kwargs) => call(plain(self), args, kwargs);
  if (signature === "") parameters.pop();
  return (self, args, kwargs) => {
    if (args.length > parameters.length) fail(`at most ${parameters.length} arguments are taken, not ${args.length}`);
    let named = kwargs.size;
    const values = parameters.map(({ name, type, optional }, index) => {
      let value = args[index];
      if (name !== "_" && kwargs.has(name)) {
        if (value !== undefined) fail(`two values for the argument ${name}`);
        value = kwargs.get(name);
        named--;
      }
      if (value !== undefined) return convert(plain(value), type);
      return optional ? undefined : fail(`an argument is missing${name === "_" ? "" : `: ${name}`}`);
    });
    if (named > 0) fail(`there is no argument ${[...kwargs.keys()].join(" or ")} here`);
    return call(plain(self), ...values);
  };
}

/** A table of definitions; a Map, so that no name reaches a prototype. */
export function table(entries: Readonly<Record<string, Definition>>): Definitions {
  return new Map(Object.entries(entries));
}

export function bind(definition: Definition, self: Value): Callable {
  return (args, kwargs) => definition(self, args, kwargs);
}

export function callable(signature: string, run: (...values: never[]) => Value): Callable {
  return bind(
    define(signature, (_: never, ...values: never[]) => run(...values)),
    null,
  );
}

function convert(value: Value, type: string): unknown {
  if (type === "b") return truth(value);
  if (value === null && (type === "S" || type === "I")) return null;
  if ((type === "s" || type === "S") && typeof value !== "string") fail("a string is needed as argument");
  return type === "i" || type === "I" ? index(value) : value;
}

/** An int (or bool) as a number. */
export function index(value: Value): number {
  const number = numeric(value);
  if (typeof number !== "bigint") fail("an integer is needed");
  return Number(number);
}

/** Every argument of `*`, where none may be named. */
export function unnamed(kwargs: Kwargs): void {
  if (kwargs.size > 0) fail("no argument can be named here");
}

export function pairs(value: Value): readonly [Value, Value] {
  if (!isList(value) || value.length !== 2) fail("a pair of key and value is needed");
  return [value[0]!, value[1]!];
}
