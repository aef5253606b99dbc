// Proves that program expressions are evaluated with floor semantics and overflow checks, and that requireRange is
// exact: it accepts an expression if and only if all its values are in range. Needs nothing.
import { describe, expect, it } from "vitest";
import {
  type Expression,
  evaluate,
  OPERATORS,
  readExpression,
  requireRange,
  substitute,
} from "../../src/device/expression";
import { Reader } from "../../src/internal/reader";

const reader = new Reader("invalid_package", "test");

describe("evaluate", () => {
  it.each([
    [["//", -7, 2], -4],
    [["//", 7, -2], -4],
    [["%", -7, 2], 1],
    [["%", 7, -2], -1],
    [["%", -6, 3], 0],
    [["min", "n", 5], 5],
    [["max", "n", 5], 9],
    [["//", ["+", "n", 3], 4], 3],
    [["*", ["-", "kv_pages", 1], "n"], 18],
    [["//", 9007199254740991, 2], 4503599627370495],
    [["==", "n", 9], 1],
    [["==", "n", 8], 0],
    [["<", "n", 9], 0],
    [["<", "kv_pages", "n"], 1],
    [["<=", "n", 9], 1],
    [["<=", 10, "n"], 0],
  ] as [Expression, number][])("%j is %d", (expression, value) => {
    expect(evaluate(expression, { n: 9, kv_pages: 3 })).toBe(value);
  });

  it.each([[["//", 1, 0]], [["%", "n", ["-", "n", 1]]], [["*", ["*", 4294967295, 4294967295], 2]]] as [Expression][])(
    "%j is invalid_package",
    (expression) => {
      expect(() => evaluate(expression, { n: 1, kv_pages: 1 })).toThrow(
        expect.objectContaining({ code: "invalid_package" }),
      );
    },
  );
});

describe("substitute", () => {
  const symbols = { a: 3, b: 4, eps: 0.5 };
  it.each([
    [
      ["*", "n", ["+", "a", "b"]],
      ["*", "n", 7],
    ],
    [["//", ["+", "a", "b"], 2], 3],
    ["n", "n"],
    ["eps", 0.5],
  ] as [Expression, Expression][])("makes of %j %j", (expression, filled) => {
    expect(substitute(expression, symbols, ["n"])).toEqual(filled);
  });
  it.each([["c"], [["+", "n", "c"]], [["*", "eps", 2]], ["constructor"]] as [Expression][])(
    "refuses %j",
    (expression) => {
      expect(() => substitute(expression, symbols, ["n"])).toThrow(
        expect.objectContaining({ code: "invalid_package" }),
      );
    },
  );
});

describe("readExpression", () => {
  const deep = (levels: number): unknown => (levels === 0 ? 1 : ["+", deep(levels - 1), 1]);
  it.each([
    ["m"],
    [1.5],
    [null],
    [["+", 1]],
    [["^", 1, 2]],
    [["+", 1, "x"]],
    [4294967296],
    [Number.NaN],
    [{}],
    [deep(1000)],
  ])("refuses %j", (value) => {
    expect(() => readExpression(reader, value, "e", ["n", "kv_pages"])).toThrow(
      expect.objectContaining({ code: "invalid_package" }),
    );
  });
  it("reads what the compiler writes", () => {
    expect(readExpression(reader, ["//", ["+", "n", 3], 4], "e", ["n", "kv_pages"])).toEqual(["//", ["+", "n", 3], 4]);
  });
});

describe("requireRange", () => {
  const ranges = { n: [1, 7], kv_pages: [1, 5] } as const;
  const accepts = (expression: Expression, low: number, high: number) => {
    try {
      requireRange(expression, ranges, low, high, "e");
      return true;
    } catch {
      return false;
    }
  };

  it("agrees with trying all values, for random expressions", () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return (seed >>> 16) % below;
    };
    const make = (depth: number): Expression => {
      if (depth === 0 || random(4) === 0) return (["n", "kv_pages", random(9) - 3, random(9) - 3] as const)[random(4)]!;
      return [OPERATORS[random(OPERATORS.length)]!, make(depth - 1), make(depth - 1)];
    };
    let compared = 0;
    for (let i = 0; i < 3000; i++) {
      const expression = make(3);
      const values: number[] = [];
      try {
        for (let n = 1; n <= 7; n++)
          for (let pages = 1; pages <= 5; pages++) values.push(evaluate(expression, { n, kv_pages: pages }));
      } catch {
        // Divides by zero somewhere: must be refused whatever the range.
        expect(accepts(expression, -1e9, 1e9), JSON.stringify(expression)).toBe(false);
        continue;
      }
      const [low, high] = [Math.min(...values), Math.max(...values)];
      const accepted = accepts(expression, low, high);
      // A divisor whose bounds include zero is refused though no value of it is zero; nothing else is.
      if (accepted) compared += 1;
      else expect(JSON.stringify(expression)).toMatch(/\/\/|%/);
      expect(accepts(expression, low + 1, high), JSON.stringify(expression)).toBe(false);
      expect(accepts(expression, low, high - 1), JSON.stringify(expression)).toBe(false);
    }
    expect(compared).toBeGreaterThan(1500);
  });
});
