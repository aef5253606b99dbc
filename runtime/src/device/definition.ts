/** What follows from a definition by its operator's declaration. */
import type { Symbols } from "./expression";
import { OPERATORS } from "./operators.gen";
import type { Definition, Scheme } from "./program";

/** Numbers by field (booleans 0 or 1, null 0), `has_<field>` of nullable ones, `scheme.*`, and `prefill`. */
export function definitionSymbols(definition: Definition, prefill: boolean): Symbols {
  const symbols: Record<string, number> = { prefill: prefill ? 1 : 0 };
  for (const { name, kind, nullable } of OPERATORS[definition.op as keyof typeof OPERATORS].fields) {
    const value = (definition as unknown as Record<string, number | boolean | null | Scheme>)[name];
    if (kind === "scheme") Object.assign(symbols, schemeSymbols(value as Scheme));
    else symbols[name] = Number(value);
    if (nullable) symbols[`has_${name}`] = value === null ? 0 : 1;
  }
  return symbols;
}

function schemeSymbols(scheme: Scheme): Symbols {
  const plain = "dtype" in scheme;
  return {
    "scheme.bits": scheme.bits,
    "scheme.group_size": plain ? 0 : scheme.group_size,
    "scheme.grouped": plain ? 0 : 1,
    "scheme.zero": plain ? 0 : (scheme.zero ?? 0),
    "scheme.minimum": !plain && scheme.zero === null ? 1 : 0,
  };
}
