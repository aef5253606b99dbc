/** Values that a schema names one by one. */
import { texts } from "../automaton/languages";
import { decimalOf } from "./decimal";
import { ALL_OBJECTS, ALL_STRINGS, type Forms, NO_VALUE } from "./form";
import type { Nodes } from "./nodes";
import { exactly } from "./number_set";
import type { Form } from "./shapes";

/** All strings become one automaton. */
export function enumForm(values: readonly unknown[], nodes: Nodes, forms: Forms, path: string): Form {
  const strings = values.filter((value) => typeof value === "string");
  const written = texts(strings, path);
  const start: Form = written.states > 0 ? { ...NO_VALUE, strings: [{ ...ALL_STRINGS, dfa: written }] } : NO_VALUE;
  return values.reduce<Form>(
    (sum, value) => (typeof value === "string" ? sum : forms.either(sum, valueForm(value, nodes), path)),
    start,
  );
}

export function valueForm(value: unknown, nodes: Nodes): Form {
  if (value === null) return { ...NO_VALUE, null: true };
  if (typeof value === "boolean") return { ...NO_VALUE, [String(value)]: true };
  if (typeof value === "number") return { ...NO_VALUE, numbers: [exactly(decimalOf(value))] };
  if (typeof value === "string") return { ...NO_VALUE, strings: [{ ...ALL_STRINGS, dfa: texts([value], "const") }] };
  if (Array.isArray(value)) {
    const { length } = value;
    const prefix = value.map((each) => nodes.value(each));
    return { ...NO_VALUE, arrays: [{ prefix, rest: nodes.nothing, min: length, max: length, contains: [] }] };
  }
  const names = Object.keys(value as object);
  const rules = names.map((name) => ({ names: name, node: nodes.value((value as Record<string, unknown>)[name]) }));
  return { ...NO_VALUE, objects: [{ ...ALL_OBJECTS, rules, required: new Set(names), max: names.length }] };
}
