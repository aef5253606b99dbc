// Proves that languages are detected in one sentence of every day: how many of the 101 that were written after the detector's
// numbers had been chosen, in 56 languages, and that what it is sure of is right. Needs nothing.
import { expect, it } from "vitest";
import { detectLanguages, LANGUAGES } from "../../src/language_model/detect/detect";
import { defineTasks, type LanguageModelClass } from "../../src/language_model/tasks/index";
import { FRESH, TUNED } from "./detect_texts";

const found = (texts: Readonly<Record<string, readonly string[]>>) =>
  Object.entries(texts).flatMap(([language, sentences]) =>
    sentences.map((sentence) => ({ language, best: detectLanguages(sentence)[0]! })),
  );
const rightOf = (all: ReturnType<typeof found>) => all.filter(({ language, best }) => best.language === language);

it("is right in 95 of 101 sentences, and nearly always where it is sure", () => {
  const fresh = found(FRESH);
  expect(fresh).toHaveLength(101);
  expect(rightOf(fresh).length).toBeGreaterThanOrEqual(95);
  const sure = fresh.filter(({ best }) => best.confidence > 0.9);
  expect(sure.length).toBeGreaterThan(60);
  expect(rightOf(sure).length / sure.length).toBeGreaterThan(0.97);
  expect(rightOf(found(TUNED)).length).toBeGreaterThanOrEqual(135);
});

it("is surer with more text", () => {
  const whole = Object.entries({ ...FRESH }).map(([language, sentences]) => {
    const text = [...sentences, ...TUNED[language]!].join(" ");
    return { language, best: detectLanguages(text)[0]! };
  });
  expect(whole.filter(({ language, best }) => best.language !== language)).toEqual([]);
});

it("tells each script's share of a mixed text, and nothing of one without letters", () => {
  const [first, second] = detectLanguages("Где находится вокзал? Where is the station of this town?");
  expect([first!.language, second!.language].sort()).toEqual(["en", "ru"]);
  expect(detectLanguages("漢字とかな")[0]).toEqual({ language: "ja", confidence: 1 });
  expect(detectLanguages("12:30 … !")).toEqual([]);
  expect(detectLanguages("")).toEqual([]);
  expect(LANGUAGES.size).toBeGreaterThan(60);
});

it("answers as LanguageDetector in the platform's form", async () => {
  // biome-ignore lint/suspicious/noExplicitAny: as pages see it
  const { LanguageDetector } = defineTasks({} as LanguageModelClass) as Record<string, any>;
  const detector = await LanguageDetector.create({ expectedInputLanguages: ["de-AT", "en"] });
  expect(detector.expectedInputLanguages).toEqual(["de-AT", "en"]);
  expect(detector.inputQuota).toBe(Number.POSITIVE_INFINITY);
  expect(await detector.measureInputUsage("x")).toBe(0);
  const results = await detector.detect(FRESH.de![1]);
  expect(results[0].detectedLanguage).toBe("de");
  expect(results.at(-1).detectedLanguage).toBe("und");
  const confidences = results.map(({ confidence }: { confidence: number }) => confidence);
  expect(confidences.reduce((sum: number, each: number) => sum + each)).toBeCloseTo(1, 9);
  expect(confidences.slice(0, -1)).toEqual([...confidences.slice(0, -1)].sort((a, b) => b - a));
  expect(await detector.detect("")).toEqual([{ detectedLanguage: "und", confidence: 1 }]);
  expect(await LanguageDetector.availability({ expectedInputLanguages: ["tlh"] })).toBe("unavailable");
  await expect(LanguageDetector.create({ expectedInputLanguages: ["tlh"] })).rejects.toMatchObject({
    name: "NotSupportedError",
  });
});
