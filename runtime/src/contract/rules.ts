/**
 * The language in which a contract is declared: rules as data, built by the functions here.
 *
 * The type of what a rule accepts is inferred from it (`Infer`), check.ts walks it, and the tables of docs/page-api.md
 * are made of it. What a field means is said in the comment above its declaration, so that editors show it, the docs
 * have it, and no page downloads it.
 *
 * NOTE every property of a rule is always there, and what is looked up by a caller's key has no prototype: a page that
 * patches Object.prototype changes no rule.
 */
import { create } from "./primordials";

declare const TYPE: unique symbol;
declare const PRESENCE: unique symbol;

/** Limits of a caller that differ by who it is are parameters of the declarations (generate.ts, chat.ts). */
export type Rule<T = unknown> = RuleData & { readonly [TYPE]?: T };
export type RuleData =
  | { readonly kind: "text"; readonly least: number; readonly most: number; readonly counted: boolean }
  | { readonly kind: "number"; readonly least: number; readonly most: number; readonly integer: boolean }
  | { readonly kind: "boolean" }
  | { readonly kind: "null" }
  | { readonly kind: "choice"; readonly values: readonly (string | boolean)[] }
  | { readonly kind: "array"; readonly item: RuleData; readonly least: number; readonly most: number }
  | { readonly kind: "object"; readonly fields: Readonly<Record<string, FieldData>> }
  | { readonly kind: "variants"; readonly by: string; readonly of: Readonly<Record<string, RuleData>> }
  | { readonly kind: "either"; readonly rules: readonly RuleData[] }
  | { readonly kind: "numbers"; readonly least: number; readonly most: number; readonly keys: number }
  | { readonly kind: "json"; readonly object: boolean };

/**
 * required; optional: may be left out or undefined; nullable: null is the same as left out; ignored: anything is taken
 * and dropped; refused: only what the rule says, which asks for nothing, is taken and dropped, and all else is not
 * supported.
 */
export type Presence = "required" | "optional" | "nullable" | "ignored" | "refused";
export interface FieldData {
  readonly presence: Presence;
  readonly rule: RuleData;
}
export type Field<T, P extends Presence> = FieldData & { readonly [TYPE]?: T; readonly [PRESENCE]?: P };

export type Infer<R> = R extends { readonly [TYPE]?: infer T } ? Exclude<T, undefined> : never;

type Fields = Readonly<Record<string, Rule | Field<unknown, Presence>>>;
type PresenceOf<F> = F extends { readonly [PRESENCE]?: infer P } ? Exclude<P, undefined> : "required";
type Keys<F extends Fields, P extends Presence> = {
  [K in keyof F]: unknown extends PresenceOf<F[K]>
    ? "required" extends P
      ? K
      : never
    : PresenceOf<F[K]> extends P
      ? K
      : never;
}[keyof F];
/** As a caller writes it. */
type ObjectOf<F extends Fields> = {
  readonly [K in keyof F as K extends Keys<F, "required"> ? K : never]: Infer<F[K]>;
} & {
  readonly [K in keyof F as K extends Keys<F, "optional"> ? K : never]?: Infer<F[K]>;
} & {
  readonly [K in keyof F as K extends Keys<F, "nullable" | "refused"> ? K : never]?: Infer<F[K]> | null;
} & {
  readonly [K in keyof F as K extends Keys<F, "ignored"> ? K : never]?: unknown;
};
type Flat<T> = { [K in keyof T]: T[K] };

/** `counted`: its bytes as UTF-8 are taken from the budget of the request. */
export function text(least: number, most: number): Rule<string> {
  return { kind: "text", least, most, counted: false };
}
export function countedText(least = 0): Rule<string> {
  return { kind: "text", least, most: Number.POSITIVE_INFINITY, counted: true };
}
/** Finite, from `least` to `most`; Number.MIN_VALUE as `least` is "above 0". */
export function number(least: number, most: number): Rule<number> {
  return { kind: "number", least, most, integer: false };
}
export function integer(least: number, most: number): Rule<number> {
  return { kind: "number", least, most, integer: true };
}
export function boolean(): Rule<boolean> {
  return { kind: "boolean" };
}
export function nothing(): Rule<null> {
  return { kind: "null" };
}
export function choice<const V extends readonly (string | boolean)[]>(...values: V): Rule<V[number]> {
  return { kind: "choice", values };
}
export function array<T>(item: Rule<T>, least: number, most: number): Rule<readonly T[]> {
  return { kind: "array", item, least, most };
}
/** No other keys than these. */
export function object<const F extends Fields>(fields: F): Rule<Flat<ObjectOf<F>>> {
  const known: Record<string, FieldData> = create(null);
  for (const [key, given] of Object.entries(fields))
    known[key] = "presence" in given ? given : { presence: "required", rule: given };
  return { kind: "object", fields: known };
}
/** Objects of several kinds, told apart by the text in the key `by`, which each of them has as a choice of one. */
export function variants<const R extends Readonly<Record<string, Rule>>>(by: string, of: R): Rule<Infer<R[keyof R]>> {
  return { kind: "variants", by, of: Object.assign(create(null), of) };
}
/** Told apart by their JavaScript types, so of each type at most one. */
export function either<const R extends readonly Rule[]>(...rules: R): Rule<Infer<R[number]>> {
  return { kind: "either", rules };
}
/** Numbers by key; keys are whole numbers written as JavaScript writes them. At most `keys` of them. */
export function numbersByInteger(least: number, most: number, keys: number): Rule<Readonly<Record<string, number>>> {
  return { kind: "numbers", least, most, keys };
}
/** What JSON can hold, its text counted. */
export function json(): Rule<Json> {
  return { kind: "json", object: false };
}
export function jsonObject(): Rule<{ readonly [key: string]: Json }> {
  return { kind: "json", object: true };
}
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export function optional<T>(rule: Rule<T>): Field<T, "optional"> {
  return { presence: "optional", rule };
}
export function nullable<T>(rule: Rule<T>): Field<T, "nullable"> {
  return { presence: "nullable", rule };
}
/** A variant that is known and cannot be done here. */
export function unsupported(): Rule<never> {
  return { kind: "null" };
}
export function ignored(): Field<unknown, "ignored"> {
  return { presence: "ignored", rule: nothing() };
}
/** Null and left out ask for nothing; so does what `harmless` takes. */
export function refused<T = null>(harmless: Rule<T> = nothing() as Rule<never>): Field<T, "refused"> {
  return { presence: "refused", rule: harmless };
}
