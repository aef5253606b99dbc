/** Bytes of weights that one decoded token reads, as the package stores them. */
import { arraysOf } from "./definition";
import type { Program } from "./program";

export function weightBytesPerToken(program: Program): number {
  const whole = new Set<string>();
  const rows = new Set<string>();
  for (const { operator, arguments: given } of program.functions.get("decode") ??
    program.functions.get("encode") ??
    []) {
    // An operator that takes token ids looks up one row; every other reads its weights whole.
    const looksUp = arraysOf(program.operators.get(operator)!.definition).some(({ role }) => role === "token_ids");
    for (const target of given.values()) if (program.parameters.has(target)) (looksUp ? rows : whole).add(target);
  }
  let bytes = 0;
  for (const { name, nbytes, shape } of program.parameters.values()) {
    if (whole.has(name)) bytes += nbytes;
    else if (rows.has(name)) bytes += Math.ceil(nbytes / (shape[0] ?? 1));
  }
  return bytes;
}
