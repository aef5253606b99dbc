/** Jinja's tests: `value is name(arguments)`. */
import { fail } from "./failure";
import { binary, contains } from "./operators";
import { str } from "./print";
import { type Definition, type Definitions, define, table } from "./signature";
import { isLower, isUpper } from "./text_methods";
import {
  compare,
  Dict,
  equal,
  isIterable,
  isList,
  Markup,
  Native,
  numeric,
  truth,
  Undefined,
  type Value,
} from "./values";

const test = (holds: (value: Value) => boolean): Definition => define("", holds);
const ordered = (holds: (order: number) => boolean): Definition =>
  define("_", (value: Value, other: Value) => holds(compare(value, other)));
const remainder = (value: Value, by: Value): Value => binary("%", value, by);

const eq = define("_", equal);
const ne = define("_", (value: Value, other: Value) => !equal(value, other));
const lt = ordered((order) => order < 0);
const le = ordered((order) => order <= 0);
const gt = ordered((order) => order > 0);
const ge = ordered((order) => order >= 0);

export const TESTS: Definitions = table({
  "!=": ne,
  "<": lt,
  "<=": le,
  "==": eq,
  ">": gt,
  ">=": ge,
  boolean: test((value) => typeof value === "boolean"),
  callable: test(
    (value) =>
      typeof value === "function" ||
      value instanceof Undefined ||
      (value instanceof Native && value.call !== undefined),
  ),
  defined: test((value) => !(value instanceof Undefined)),
  divisibleby: define("num", (value: Value, by: Value) => equal(remainder(value, by), 0n)),
  eq,
  equalto: eq,
  escaped: (self) => self instanceof Markup,
  even: test((value) => equal(remainder(value, 2n), 0n)),
  false: test((value) => value === false),
  float: test((value) => typeof value === "number"),
  ge,
  greaterthan: gt,
  gt,
  in: define("seq", (value: Value, container: Value) => contains(container, value)),
  integer: test((value) => typeof value === "bigint"),
  iterable: test(isIterable),
  le,
  lessthan: lt,
  lower: test((value) => isLower(str(value))),
  lt,
  mapping: test((value) => value instanceof Dict),
  ne,
  none: test((value) => value === null),
  number: test((value) => numeric(value) !== undefined),
  odd: test((value) => equal(remainder(value, 2n), 1n)),
  sameas: define("other", (value: Value, other: Value) => value === other),
  sequence: test(
    (value) => typeof value === "string" || isList(value) || value instanceof Dict || value instanceof Undefined,
  ),
  string: test((value) => typeof value === "string"),
  test: test((value) => typeof value === "string" && TESTS.has(value)),
  true: test((value) => value === true),
  undefined: test((value) => value instanceof Undefined),
  upper: test((value) => isUpper(str(value))),
});

export function holds(name: Value, value: Value, args: readonly Value[], kwargs: ReadonlyMap<string, Value>): boolean {
  const found = typeof name === "string" ? TESTS.get(name) : undefined;
  return found === undefined ? fail("there is no such test") : truth(found(value, args, kwargs));
}
