/** A RegExp as `responseFormat`, which cannot cross a port, as its source and flags. */
import { getterOf } from "@nomoat/runtime/contract";

const sourceOf = getterOf<RegExp, string>(RegExp.prototype, "source");
const flagsOf = getterOf<RegExp, string>(RegExp.prototype, "flags");
const prototype = RegExp.prototype;

/** `options`: a copy of the caller's, or what is no object. Changes only a copy's RegExp. */
export function regexFormat(options: unknown): unknown {
  if (typeof options !== "object" || options === null) return options;
  const own = options as { responseFormat?: unknown };
  const pattern = readPattern(own.responseFormat);
  if (pattern) own.responseFormat = pattern;
  return own;
}

function readPattern(value: unknown): { type: "regex"; pattern: string; flags: string } | null {
  if (typeof value !== "object" || value === null || value === prototype) return null;
  try {
    // The getter of `source` throws for whatever is no RegExp.
    return { type: "regex", pattern: sourceOf(value as RegExp), flags: flagsOf(value as RegExp) };
  } catch {
    return null;
  }
}
