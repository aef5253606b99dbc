// Proves that inputs made by rule are those of the compiler's rule, and that one wrong value, a NaN, or values in
// another order are no known answer.
import { describe, expect, it } from "vitest";
import { inputBytes, isRight, type Output } from "../../../src/device/webgpu/known_answer";

const values = Float32Array.from({ length: 300 }, (_, i) => Math.sin(i));
/** Projections of `values`, computed by compiler/nomoat_compiler/operators/known_answer.py. */
const output: Output = {
  dtype: "float32",
  projections: [2.6442023453882104, -1.015640326433953],
  tolerance: 0.01,
};

describe("inputs", () => {
  // First and last values of `filled` in Python.
  it.each([
    ["unit", 5, 3, Float32Array, [-0.905411958694458, 0.4286099672317505, -0.1741797924041748]],
    ["word", 5, 3, Uint32Array, [203126481, 3067916557, 1773435553]],
    ["scale float32", 5, 3, Float32Array, [0.016363969072699547, 0.026786014437675476, 0.022076720371842384]],
    ["weight float16", 5, 3, Uint16Array, [14033, 46349, 13985]],
    ["scale float16", 5, 3, Uint16Array, [9937, 9485, 9889]],
    ["weight bfloat16", 5, 3, Uint16Array, [16081, 48781, 16033]],
    ["scale bfloat16", 5, 3, Uint16Array, [15569, 15501, 15521]],
  ] as const)("%s", (fill, count, seed, Values, expected) => {
    const bytes = inputBytes({ fill, count, seed });
    const got = new Values(bytes.buffer);
    expect([got[0], got[1], got[count - 1]]).toEqual([...expected]);
    expect(bytes.length % 4).toBe(0);
  });

  it("takes bytes as they are", () => {
    expect([...inputBytes({ data: "AQIDBA==" })]).toEqual([1, 2, 3, 4]);
  });
});

describe("judging", () => {
  const changed = (change: (copy: Float32Array<ArrayBuffer>) => void) => {
    const copy = values.slice();
    change(copy);
    return copy.buffer;
  };

  it("accepts the answer, and rounding", () => {
    expect(isRight(output, values.buffer)).toBe(true);
    expect(isRight(output, values.map((value) => value * (1 + 1e-6)).buffer)).toBe(true);
  });

  it.each<[string, (copy: Float32Array<ArrayBuffer>) => void]>([
    ["one wrong value", (copy) => copy.set([copy[7]! + 0.5], 7)],
    ["a NaN", (copy) => copy.set([Number.NaN], 299)],
    ["an infinity", (copy) => copy.set([Number.POSITIVE_INFINITY], 0)],
    ["neighbours exchanged", (copy) => copy.set([copy[11]!, copy[10]!], 10)],
    ["zeros", (copy) => copy.fill(0)],
    ["half of them missing", (copy) => copy.fill(0, 150)],
  ])("refuses %s", (_, change) => {
    expect(isRight(output, changed(change))).toBe(false);
  });
});
