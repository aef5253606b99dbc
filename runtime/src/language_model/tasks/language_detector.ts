/** LanguageDetector by statistics of letters (../detect): no model, nothing to download, nobody to ask. */
import { detectLanguages, LANGUAGES } from "../detect/detect";
import { domError } from "../errors";
import { guarded } from "../guarded";
import { Progress } from "../monitor";
import { dictionary, text } from "../webidl";
import { tags } from "./languages";
import { beginCreate, MADE, named, stopOf, TaskObject } from "./task_object";

/** What is less likely is not told. */
const LEAST_CONFIDENCE = 0.01;
const UNDETERMINED = "und";

interface LanguageDetectionResult {
  detectedLanguage: string;
  confidence: number;
}

export class LanguageDetector extends TaskObject {
  readonly #languages: readonly string[];

  constructor(key?: unknown, languages: readonly string[] = [], signal: AbortSignal | null = null) {
    super(key, signal);
    this.#languages = languages;
  }

  static async availability(options: unknown = {}): Promise<string> {
    return unknownIn(languagesOf(dictionary(options, "options"))) === undefined ? "available" : "unavailable";
  }

  static async create(given: unknown = {}): Promise<LanguageDetector> {
    const options = dictionary(given, "options");
    const languages = languagesOf(options);
    const { signal, monitor } = beginCreate(options);
    await null;
    signal?.throwIfAborted();
    const unknown = unknownIn(languages);
    if (unknown !== undefined) throw domError("NotSupportedError", `The language ${unknown} is not supported.`);
    const progress = new Progress(monitor);
    progress.start();
    progress.finish();
    return new LanguageDetector(MADE, languages, signal);
  }

  get expectedInputLanguages(): readonly string[] {
    return this.#languages;
  }

  get inputQuota(): number {
    return Number.POSITIVE_INFINITY;
  }

  async measureInputUsage(input: unknown, options: unknown = {}): Promise<number> {
    text(input);
    return guarded(stopOf(this, options), async () => 0);
  }

  /** The likeliest first, `und` with what is left last; together they are 1. */
  async detect(input: unknown, options: unknown = {}): Promise<LanguageDetectionResult[]> {
    const given = text(input);
    return guarded(stopOf(this, options), async () => {
      const found = detectLanguages(given)
        .filter(({ confidence }) => confidence >= LEAST_CONFIDENCE)
        .map(({ language, confidence }) => ({ detectedLanguage: language, confidence }));
      const told = found.reduce((sum, { confidence }) => sum + confidence, 0);
      return [...found, { detectedLanguage: UNDETERMINED, confidence: Math.max(0, 1 - told) }];
    });
  }
}
named(LanguageDetector, "LanguageDetector");

function languagesOf({ expectedInputLanguages: given }: Readonly<Record<string, unknown>>): readonly string[] {
  return given === undefined ? [] : tags(given, "expectedInputLanguages");
}

function unknownIn(languages: readonly string[]): string | undefined {
  return languages.find((each) => !LANGUAGES.has(new Intl.Locale(each).language));
}
