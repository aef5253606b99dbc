/** Language tags in the options of tasks. */
import { sequence, text } from "../webidl";

/** Errors: RangeError for what is no BCP 47 tag. */
export function tag(value: unknown): string {
  return Intl.getCanonicalLocales([text(value)])[0]!;
}

export function tags(value: unknown, name: string): readonly string[] {
  return Object.freeze(sequence(value, name).map(tag));
}

/** As LanguageModel has them: texts, in these languages where any are named. */
export function expectedTexts(languages: readonly unknown[]): readonly object[] {
  return [{ type: "text", ...(languages.length > 0 ? { languages } : {}) }];
}
