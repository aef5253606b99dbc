/** Sets of numbers that JSON Schema can speak of: an interval, of which multiples are kept and others left out. */
import { compare, type Decimal, decimalText, integer, isMultiple, leastCommonMultiple } from "./decimal";

export interface Bound {
  readonly value: Decimal;
  /** The bound itself does not belong. */
  readonly open: boolean;
}

export interface NumberSet {
  readonly low: Bound | null;
  readonly high: Bound | null;
  /** Only its multiples; positive. */
  readonly multipleOf: Decimal | null;
  /** No multiples of these. */
  readonly notMultipleOf: readonly Decimal[];
}

export const ALL_NUMBERS: NumberSet = { low: null, high: null, multipleOf: null, notMultipleOf: [] };
export const INTEGERS: NumberSet = { ...ALL_NUMBERS, multipleOf: integer(1) };

export function exactly(value: Decimal): NumberSet {
  const bound = { value, open: false };
  return { ...ALL_NUMBERS, low: bound, high: bound };
}

/** Null: nothing is in both, as far as their bounds say. */
export function bothNumbers(a: NumberSet, b: NumberSet): NumberSet | null {
  const low = tighter(a.low, b.low, 1);
  const high = tighter(a.high, b.high, -1);
  if (low && high) {
    const order = compare(low.value, high.value);
    if (order > 0 || (order === 0 && (low.open || high.open))) return null;
  }
  const multipleOf =
    a.multipleOf && b.multipleOf ? leastCommonMultiple(a.multipleOf, b.multipleOf) : (a.multipleOf ?? b.multipleOf);
  const left = new Map([...a.notMultipleOf, ...b.notMultipleOf].map((each) => [decimalText(each), each]));
  for (const each of left.values()) if (multipleOf && isMultiple(multipleOf, each)) return null;
  const both: NumberSet = { low, high, multipleOf, notMultipleOf: [...left.values()] };
  return low && high && compare(low.value, high.value) === 0 && !contains(both, low.value) ? null : both;
}

function tighter(a: Bound | null, b: Bound | null, sign: 1 | -1): Bound | null {
  if (!a || !b) return a ?? b;
  const order = compare(a.value, b.value) * sign;
  if (order !== 0) return order > 0 ? a : b;
  return a.open ? a : b;
}

/** The numbers that are not in it. */
export function otherNumbers(set: NumberSet): NumberSet[] {
  const others: NumberSet[] = [];
  if (set.low) others.push({ ...ALL_NUMBERS, high: { value: set.low.value, open: !set.low.open } });
  if (set.high) others.push({ ...ALL_NUMBERS, low: { value: set.high.value, open: !set.high.open } });
  if (set.multipleOf) others.push({ ...ALL_NUMBERS, notMultipleOf: [set.multipleOf] });
  for (const each of set.notMultipleOf) others.push({ ...ALL_NUMBERS, multipleOf: each });
  return others;
}

export function contains(set: NumberSet, value: Decimal): boolean {
  if (set.low) {
    const order = compare(value, set.low.value);
    if (order < 0 || (order === 0 && set.low.open)) return false;
  }
  if (set.high) {
    const order = compare(value, set.high.value);
    if (order > 0 || (order === 0 && set.high.open)) return false;
  }
  if (set.multipleOf && !isMultiple(value, set.multipleOf)) return false;
  return set.notMultipleOf.every((each) => !isMultiple(value, each));
}

export function numberSetKey(set: NumberSet): string {
  const bound = (each: Bound | null) => (each ? `${each.open}${decimalText(each.value)}` : "");
  const multiple = set.multipleOf ? decimalText(set.multipleOf) : "";
  return `${bound(set.low)};${bound(set.high)};${multiple};${set.notMultipleOf.map(decimalText).sort()}`;
}
