/** Options as they cross to the engine. */
import type { Format } from "../constraint/format";

/** A pattern has state of its own where it is cloned, and none as plain data. */
export function plainOptions<T extends { readonly responseFormat?: Format | RegExp }>(
  options: T,
): Omit<T, "responseFormat"> & { readonly responseFormat?: Format } {
  const { responseFormat: format, ...others } = options;
  if (!format) return others;
  const plain =
    format instanceof RegExp ? ({ type: "regex", pattern: format.source, flags: format.flags } as const) : format;
  return { ...others, responseFormat: plain };
}
