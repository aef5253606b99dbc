/** Bytes of weights that one decoded token reads, as the package stores them. */
import type { Program } from "./program";

/** An embedding looks up one row; every other operator reads its weights whole. */
const GATHERS = /^embed(_|$)/;

export function weightBytesPerToken(program: Program): number {
  const whole = new Set<string>();
  const rows = new Set<string>();
  for (const { operator, arguments: given } of program.functions.get("decode") ?? []) {
    const read = GATHERS.test(operator) ? rows : whole;
    for (const target of given.values()) if (program.parameters.has(target)) read.add(target);
  }
  let bytes = 0;
  for (const { name, nbytes, shape } of program.parameters.values()) {
    if (whole.has(name)) bytes += nbytes;
    else if (rows.has(name)) bytes += nbytes / (shape[0] ?? 1);
  }
  return bytes;
}
