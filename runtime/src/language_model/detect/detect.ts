/**
 * Which language a text is in, by its letters and by how common its letters, pairs and threes of letters are in each language.
 *
 *   share(s) = letters of script s / all letters
 *   score(l) = − Σ_g log(rank of g in the profile of l + OFFSET), and MISSING in place of the rank where it has none
 *   confidence(l) = share(s) · softmax over the languages of s of score / TEMPERATURE
 *
 * over the letters, pairs and threes g of each word in lower case, with a space on both sides: how common the r-th commonest
 * is falls as 1 / r in every language, so ranks are likelihoods (Cavnar & Trenkle 1994 take their distance). Parts of a word
 * hang together, so their sum is too sure of itself: the temperature takes that back.
 * tests/fixtures/train_language_profiles.py makes the profiles.
 */
import { PROFILES } from "./profiles.gen";
import { SCRIPTS } from "./scripts";

export interface Detected {
  /** BCP 47. */
  readonly language: string;
  /** 0 to 1. */
  readonly confidence: number;
}

/** By length. A letter that a language does not have tells more than a pair that is rare in it. */
const OFFSET = [3, 20, 30];
const MISSING = [3000, 600, 2000];
const TEMPERATURE = 4;
/** UTF-16 units that are looked at: more say nothing new. */
const MOST = 4000;

type Ranks = readonly ReadonlyMap<string, number>[];
/** By script and language, and in it by length; made when they are first needed. */
const ranks = new Map<string, ReadonlyMap<string, Ranks>>();

/** Languages that can be told. */
export const LANGUAGES: ReadonlySet<string> = new Set([
  ...SCRIPTS.flatMap(({ language }) => language ?? []),
  ...Object.values(PROFILES).flatMap((languages) => Object.keys(languages)),
]);

/** The likeliest first; those with no chance are left out. Nothing for a text without letters. */
export function detectLanguages(text: string): readonly Detected[] {
  const known = text.slice(0, MOST).normalize("NFC").toLowerCase();
  const counts = SCRIPTS.map(({ letters }) => known.match(letters)?.length ?? 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return [];
  // Chinese characters beside Japanese syllables are Japanese, too.
  const at = (name: string) => SCRIPTS.findIndex((script) => script.name === name);
  if (counts[at("Hiragana")]! + counts[at("Katakana")]! > 0) {
    counts[at("Hiragana")]! += counts[at("Han")]!;
    counts[at("Han")] = 0;
  }
  const found = new Map<string, number>();
  counts.forEach((count, i) => {
    if (count === 0) return;
    const { name, language } = SCRIPTS[i]!;
    const shares = language === null ? sharesOf(name, gramsOf(known, name)) : new Map([[language, 1]]);
    for (const [tag, share] of shares) found.set(tag, (found.get(tag) ?? 0) + (share * count) / total);
  });
  return [...found]
    .map(([language, confidence]) => ({ language, confidence }))
    .sort((a, b) => b.confidence - a.confidence);
}

/** Letters, pairs and threes of the words in one script. */
function gramsOf(text: string, script: string): readonly (readonly string[])[] {
  const words = text.match(new RegExp(`[\\p{Script=${script}}\\p{M}]+`, "gu")) ?? [];
  return OFFSET.map((_, less) =>
    words.flatMap((word) => {
      const padded = ` ${word} `;
      return Array.from({ length: padded.length - less }, (_, i) => padded.slice(i, i + less + 1));
    }),
  );
}

function sharesOf(script: string, grams: readonly (readonly string[])[]): ReadonlyMap<string, number> {
  const scores = [...ranksOf(script)].map(([language, known]) => {
    let score = 0;
    grams.forEach((list, less) => {
      for (const gram of list) score -= Math.log((known[less]!.get(gram) ?? MISSING[less]!) + OFFSET[less]!);
    });
    return [language, score / TEMPERATURE] as const;
  });
  const largest = Math.max(...scores.map(([, score]) => score));
  const weights = scores.map(([language, score]) => [language, Math.exp(score - largest)] as const);
  const sum = weights.reduce((all, [, weight]) => all + weight, 0);
  return new Map(weights.map(([language, weight]) => [language, weight / sum]));
}

function ranksOf(script: string): ReadonlyMap<string, Ranks> {
  let known = ranks.get(script);
  if (!known) {
    const profiles = Object.entries(PROFILES[script]!);
    known = new Map(profiles.map(([language, lists]) => [language, lists.map((list, less) => rankOf(list, less + 1))]));
    ranks.set(script, known);
  }
  return known;
}

function rankOf(list: string, length: number): ReadonlyMap<string, number> {
  return new Map(Array.from({ length: list.length / length }, (_, i) => [list.slice(length * i, length * (i + 1)), i]));
}
