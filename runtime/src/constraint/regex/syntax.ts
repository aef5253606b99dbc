/** What a pattern is made of, whatever it was written in. */
import type { Range } from "../automaton/utf8";

export type Pattern =
  | { readonly kind: "class"; readonly ranges: readonly Range[] }
  | { readonly kind: "sequence"; readonly items: readonly Pattern[] }
  | { readonly kind: "choice"; readonly items: readonly Pattern[] }
  | { readonly kind: "repeat"; readonly item: Pattern; readonly min: number; readonly max: number }
  | { readonly kind: "start" }
  | { readonly kind: "end" };
