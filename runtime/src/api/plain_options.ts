/** What the caller's side makes plain before options cross to the engine's: a RegExp is its source and flags. */

type Given = { readonly responseFormat?: unknown };
type Plain<T extends Given> = Omit<T, "responseFormat"> & {
  readonly responseFormat?: Exclude<T["responseFormat"], RegExp | undefined>;
};

export function plainOptions<T extends Given>(options: T): Plain<T> {
  const { responseFormat: format, ...others } = options;
  if (format === undefined) return others as Plain<T>;
  const plain = format instanceof RegExp ? { type: "regex", pattern: format.source, flags: format.flags } : format;
  return { ...others, responseFormat: plain } as unknown as Plain<T>;
}
