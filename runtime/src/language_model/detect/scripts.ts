/** Which letters belong to which writing system, and which languages are written in it. */

interface Script {
  /** As Unicode names it. */
  readonly name: string;
  readonly letters: RegExp;
  /** The only language that is told of it; null: its profiles decide. */
  readonly language: string | null;
}

const script = (name: string, language: string | null): Script => ({
  name,
  letters: new RegExp(`\\p{Script=${name}}`, "gu"),
  language,
});

export const SCRIPTS: readonly Script[] = [
  script("Latin", null),
  script("Cyrillic", null),
  script("Arabic", null),
  script("Devanagari", null),
  script("Greek", "el"),
  script("Hebrew", "he"),
  script("Hangul", "ko"),
  script("Hiragana", "ja"),
  script("Katakana", "ja"),
  script("Han", "zh"),
  script("Thai", "th"),
  script("Lao", "lo"),
  script("Khmer", "km"),
  script("Myanmar", "my"),
  script("Georgian", "ka"),
  script("Armenian", "hy"),
  script("Ethiopic", "am"),
  script("Bengali", "bn"),
  script("Gujarati", "gu"),
  script("Gurmukhi", "pa"),
  script("Kannada", "kn"),
  script("Malayalam", "ml"),
  script("Sinhala", "si"),
  script("Tamil", "ta"),
  script("Telugu", "te"),
];
