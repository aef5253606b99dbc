/**
 * The integer expressions of a program: an integer, a symbol, or [operator, left, right].
 *
 * Division and modulo are floor division and floor modulo; comparisons give 1 or 0. Every intermediate value must be a
 * safe integer (|x| < 2^53); anything beyond it, and division by zero, is `invalid_package`. Which symbols there are
 * depends on where the expression stands: docs/program-interface.md.
 */
import type { Reader } from "../internal/reader";
import { fail } from "./invalid_package";

export type Expression = number | string | readonly [string, Expression, Expression];
/** Values by symbol. */
export type Symbols = Readonly<Record<string, number>>;
/** Lowest and highest value of each symbol, both included. */
export type SymbolRanges = Readonly<Record<string, readonly [number, number]>>;

export const OPERATORS = ["+", "-", "*", "//", "%", "min", "max", "==", "<", "<="] as const;
type Operator = (typeof OPERATORS)[number];
export const SYMBOL = /^[A-Za-z_][A-Za-z0-9_.]{0,99}$/;
export const MAX_DEPTH = 24;
/** Values that are tried where interval arithmetic proves nothing. */
const MOST_TRIES = 65536;

/** `symbols`: those that may stand in the expression; without it, any. Errors: the reader's. */
export function readExpression(
  reader: Reader,
  value: unknown,
  path: string,
  symbols: readonly string[] | null,
  depth = 0,
): Expression {
  if (typeof value === "string") {
    if (symbols) return reader.oneOf(value, path, symbols);
    return reader.matching(value, path, SYMBOL);
  }
  if (!Array.isArray(value)) return reader.integer(value, path, -2147483648, 4294967295);
  if (depth >= MAX_DEPTH) reader.fail(path, `an expression at most ${MAX_DEPTH} levels deep`);
  const [operator, left, right] = reader.array(value, path, 3, 3);
  return [
    reader.oneOf(operator, `${path}[0]`, OPERATORS),
    readExpression(reader, left, `${path}[1]`, symbols, depth + 1),
    readExpression(reader, right, `${path}[2]`, symbols, depth + 1),
  ];
}

export function uses(expression: Expression, symbol: string): boolean {
  if (typeof expression === "number") return false;
  if (typeof expression === "string") return expression === symbol;
  return uses(expression[1], symbol) || uses(expression[2], symbol);
}

/** A single symbol may have any number; operators take integers. Errors: invalid_package. */
export function evaluate(expression: Expression, symbols: Symbols): number {
  if (typeof expression === "number") return expression;
  if (typeof expression === "string") {
    if (!Object.hasOwn(symbols, expression)) fail(`there is no symbol ${expression} where an expression uses it`);
    return symbols[expression]!;
  }
  return apply(expression[0], evaluate(expression[1], symbols), evaluate(expression[2], symbols));
}

/** The expression with the values of `symbols` filled in; only symbols of `free` are left. Errors: invalid_package. */
export function substitute(expression: Expression, symbols: Symbols, free: readonly string[]): Expression {
  if (typeof expression === "number") return expression;
  if (typeof expression === "string") return free.includes(expression) ? expression : evaluate(expression, symbols);
  const [operator, left, right] = expression;
  const [a, b] = [substitute(left, symbols, free), substitute(right, symbols, free)];
  return typeof a === "number" && typeof b === "number" ? apply(operator, a, b) : [operator, a, b];
}

/**
 * Whether minimum ≤ expression ≤ maximum holds for every value of the symbols: null, or a value beyond the bounds.
 *
 * Interval arithmetic answers nearly always; where its bounds are too wide, the values are tried one by one, as
 * long as that stays cheap. What cannot be proved is taken for a value beyond. Errors: invalid_package.
 */
export function leavesRange(
  expression: Expression,
  ranges: SymbolRanges,
  minimum: number,
  maximum: number,
): string | null {
  const [low, high] = interval(expression, ranges);
  if (low >= minimum && high <= maximum) return null;
  const used = Object.keys(ranges).filter((symbol) => uses(expression, symbol));
  const tries = used.reduce((product, symbol) => product * (ranges[symbol]![1] - ranges[symbol]![0] + 1), 1);
  if (tries > MOST_TRIES) return `${low} to ${high}`;
  const symbols: Record<string, number> = {};
  const search = (index: number): number | null => {
    const symbol = used[index];
    if (symbol === undefined) {
      const value = evaluate(expression, symbols);
      return value < minimum || value > maximum ? value : null;
    }
    const [first, last] = ranges[symbol]!;
    for (let value = first; value <= last; value++) {
      symbols[symbol] = value;
      const found = search(index + 1);
      if (found !== null) return found;
    }
    return null;
  };
  const found = search(0);
  return found === null ? null : String(found);
}

/** Proves that minimum ≤ expression ≤ maximum for every value of the symbols. Errors: invalid_package. */
export function requireRange(
  expression: Expression,
  ranges: SymbolRanges,
  minimum: number,
  maximum: number,
  what: string,
): void {
  const beyond = leavesRange(expression, ranges, minimum, maximum);
  if (beyond !== null) fail(`${what} must be from ${minimum} to ${maximum}, not ${beyond}`);
}

/** Errors: invalid_package. */
export function apply(operator: string, left: number, right: number): number {
  if (!Number.isSafeInteger(left) || !Number.isSafeInteger(right))
    fail(`an expression computes with ${Number.isInteger(left) ? right : left}, which is no integer below 2^53`);
  switch (operator as Operator) {
    case "+":
      return checked(left + right);
    case "-":
      return checked(left - right);
    case "*":
      return checked(left * right);
    case "//":
      return (left - floorModulo(left, right)) / right + 0;
    case "%":
      return floorModulo(left, right);
    case "min":
      return Math.min(left, right);
    case "max":
      return Math.max(left, right);
    case "==":
      return left === right ? 1 : 0;
    case "<":
      return left < right ? 1 : 0;
    case "<=":
      return left <= right ? 1 : 0;
  }
}

function floorModulo(left: number, right: number): number {
  if (right === 0) divisionByZero();
  const remainder = left % right;
  return remainder !== 0 && remainder < 0 !== right < 0 ? remainder + right : remainder + 0;
}

function checked(value: number): number {
  if (!Number.isSafeInteger(value)) fail("an expression overflows 53 bits");
  return value + 0; // -0 becomes 0
}

function divisionByZero(): never {
  fail("an expression may divide by zero");
}

/** Bounds that hold for every value of the symbols; they may be wider than needed. */
function interval(expression: Expression, ranges: SymbolRanges): readonly [number, number] {
  if (typeof expression === "number") return [expression, expression];
  if (typeof expression === "string") {
    if (!Object.hasOwn(ranges, expression)) fail(`there is no symbol ${expression} where an expression uses it`);
    return ranges[expression]!;
  }
  const operator = expression[0] as Operator;
  const [a, b] = interval(expression[1], ranges);
  const [c, d] = interval(expression[2], ranges);
  switch (operator) {
    case "+":
      return [checked(a + c), checked(b + d)];
    case "-":
      return [checked(a - d), checked(b - c)];
    case "min":
    case "max":
      return [Math[operator](a, c), Math[operator](b, d)];
    case "*":
      return hull([a * c, a * d, b * c, b * d].map(checked));
    case "//":
      if (c <= 0 && d >= 0) divisionByZero();
      // Over divisors of one sign the quotient is monotonic in each operand, so the corners bound it.
      return hull([apply("//", a, c), apply("//", a, d), apply("//", b, c), apply("//", b, d)]);
    case "%":
      if (c <= 0 && d >= 0) divisionByZero();
      if (a === b && c === d) return [floorModulo(a, c), floorModulo(a, c)];
      if (a >= 0 && b < c) return [a, b];
      return c > 0 ? [0, d - 1] : [c + 1, 0];
    case "==":
      if (a === b && c === d) return a === c ? [1, 1] : [0, 0];
      return b < c || d < a ? [0, 0] : [0, 1];
    case "<":
      return b < c ? [1, 1] : a >= d ? [0, 0] : [0, 1];
    case "<=":
      return b <= c ? [1, 1] : a > d ? [0, 0] : [0, 1];
  }
}

function hull(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
