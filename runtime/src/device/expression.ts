/**
 * The integer expressions of a program: an integer, a symbol, or [operator, left, right].
 *
 * Division and modulo are floor division and floor modulo. Every intermediate value must be a safe integer
 * (|x| < 2^53); anything beyond it, and division by zero, is `invalid_package`.
 */
import { LlmError } from "../internal/errors";
import type { Reader } from "../internal/reader";

export type Operator = "+" | "-" | "*" | "//" | "%" | "min" | "max" | "==" | "<" | "<=";
export type SymbolName = "n" | "kv_pages";
export type Expression = number | string | readonly [string, Expression, Expression];
/** n: tokens of this prefill call (1 in other functions). kv_pages: pages allocated per layer. */
export type Symbols = Readonly<Record<string, number>>;
/** Lowest and highest value of each symbol, both included. */
export type SymbolRanges = Readonly<Record<SymbolName, readonly [number, number]>>;

const OPERATORS: readonly Operator[] = ["+", "-", "*", "//", "%", "min", "max"];
const MAX_DEPTH = 24;

export function readExpression(reader: Reader, value: unknown, path: string, depth = 0): Expression {
  if (value === "n" || value === "kv_pages") return value;
  if (!Array.isArray(value)) return reader.integer(value, path, -2147483648, 4294967295);
  if (depth >= MAX_DEPTH) reader.fail(path, `an expression at most ${MAX_DEPTH} levels deep`);
  const [operator, left, right] = reader.array(value, path, 3, 3);
  return [
    reader.oneOf(operator, `${path}[0]`, OPERATORS),
    readExpression(reader, left, `${path}[1]`, depth + 1),
    readExpression(reader, right, `${path}[2]`, depth + 1),
  ];
}

export function uses(expression: Expression, symbol: SymbolName): boolean {
  if (typeof expression === "number") return false;
  if (typeof expression === "string") return expression === symbol;
  return uses(expression[1], symbol) || uses(expression[2], symbol);
}

export function evaluate(expression: Expression, symbols: Symbols): number {
  if (typeof expression === "number") return expression;
  if (typeof expression === "string") return symbols[expression]!;
  return apply(expression[0] as Operator, evaluate(expression[1], symbols), evaluate(expression[2], symbols));
}

/**
 * Proves that minimum ≤ expression ≤ maximum for every value of the symbols, or throws `invalid_package`.
 *
 * Interval arithmetic answers nearly always; where its bounds are too wide, the values are tried one by one, as
 * long as that stays cheap. What cannot be proved is refused.
 */
export function requireRange(
  expression: Expression,
  ranges: SymbolRanges,
  minimum: number,
  maximum: number,
  what: string,
): void {
  const [low, high] = interval(expression, ranges);
  if (low >= minimum && high <= maximum) return;
  const n = uses(expression, "n") ? ranges.n : ([1, 1] as const);
  const pages = uses(expression, "kv_pages") ? ranges.kv_pages : ([1, 1] as const);
  if ((n[1] - n[0] + 1) * (pages[1] - pages[0] + 1) > 65536)
    throw outOfRange(what, minimum, maximum, `${low} to ${high}`);
  for (let i = n[0]; i <= n[1]; i++) {
    for (let j = pages[0]; j <= pages[1]; j++) {
      const value = evaluate(expression, { n: i, kv_pages: j });
      if (value < minimum || value > maximum) throw outOfRange(what, minimum, maximum, String(value));
    }
  }
}

function outOfRange(what: string, minimum: number, maximum: number, got: string): LlmError {
  return new LlmError("invalid_package", `program.json: ${what} must be from ${minimum} to ${maximum}, not ${got}.`);
}

function apply(operator: Operator, left: number, right: number): number {
  switch (operator) {
    case "+":
      return checked(left + right);
    case "-":
      return checked(left - right);
    case "*":
      return checked(left * right);
    case "//":
      return (left - floorModulo(left, right)) / right;
    case "%":
      return floorModulo(left, right);
    case "min":
      return Math.min(left, right);
    case "max":
      return Math.max(left, right);
    case "==":
      return Number(left === right);
    case "<":
      return Number(left < right);
    case "<=":
      return Number(left <= right);
  }
}

function floorModulo(left: number, right: number): number {
  if (right === 0) throw divisionByZero();
  const remainder = left % right;
  return remainder !== 0 && remainder < 0 !== right < 0 ? remainder + right : remainder + 0;
}

function checked(value: number): number {
  if (!Number.isSafeInteger(value))
    throw new LlmError("invalid_package", "program.json: an expression overflows 53 bits.");
  return value + 0; // -0 becomes 0
}

function divisionByZero(): LlmError {
  return new LlmError("invalid_package", "program.json: an expression may divide by zero.");
}

/** Bounds that hold for every value of the symbols; they may be wider than needed. */
function interval(expression: Expression, ranges: SymbolRanges): readonly [number, number] {
  if (typeof expression === "number") return [expression, expression];
  if (typeof expression === "string") return ranges[expression as SymbolName];
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
    case "==":
    case "<":
    case "<=":
      return [0, 1];
    case "//":
      if (c <= 0 && d >= 0) throw divisionByZero();
      // Over divisors of one sign the quotient is monotonic in each operand, so the corners bound it.
      return hull([apply("//", a, c), apply("//", a, d), apply("//", b, c), apply("//", b, d)]);
    case "%":
      if (c <= 0 && d >= 0) throw divisionByZero();
      if (a === b && c === d) return [floorModulo(a, c), floorModulo(a, c)];
      if (a >= 0 && b < c) return [a, b];
      return c > 0 ? [0, d - 1] : [c + 1, 0];
  }
}

function hull(values: readonly number[]): readonly [number, number] {
  return [Math.min(...values), Math.max(...values)];
}
