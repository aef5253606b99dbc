/**
 * The web platform's task interfaces that write text, as data: their options, and how each of them is put to a model.
 *
 * An instruction is the system message of a session; the input is the user's, with a context in front where there is one.
 */

export interface Task {
  readonly name: string;
  /** Beside it there is one that streams. */
  readonly method: string;
  /** Options with a choice; the first value is the default. */
  readonly choices: Readonly<Record<string, readonly string[]>>;
  /** Options that are language tags, and must be given. */
  readonly languages: readonly string[];
  instruct(options: Readonly<Record<string, string>>): string;
}

const FORMATS: Readonly<Record<string, string>> = {
  markdown: " Use Markdown.",
  "plain-text": " Use plain text without any markup.",
  "as-is": " Keep its format.",
};
const SUMMARIES: Readonly<Record<string, string>> = {
  "key-points": "a list of the most important points, each beginning with a hyphen",
  tldr: "a short overview for a reader without time",
  teaser: "a text that makes curious about it",
  headline: "one headline",
};

const ONLY = " Write nothing but that.";

export const TASKS: readonly Task[] = [
  {
    name: "Summarizer",
    method: "summarize",
    choices: {
      type: ["key-points", "tldr", "teaser", "headline"],
      format: ["markdown", "plain-text"],
      length: ["short", "medium", "long"],
    },
    languages: [],
    instruct: ({ type, format, length }) =>
      `Summarize the text that you are given as ${SUMMARIES[type!]}. It must be ${length}.${FORMATS[format!]}${ONLY}`,
  },
  {
    name: "Writer",
    method: "write",
    choices: {
      tone: ["neutral", "formal", "casual"],
      format: ["markdown", "plain-text"],
      length: ["short", "medium", "long"],
    },
    languages: [],
    instruct: ({ tone, format, length }) =>
      `Write the text that you are asked for, in a ${tone} tone. It must be ${length}.${FORMATS[format!]}${ONLY}`,
  },
  {
    name: "Rewriter",
    method: "rewrite",
    choices: {
      tone: ["as-is", "more-formal", "more-casual"],
      format: ["as-is", "markdown", "plain-text"],
      length: ["as-is", "shorter", "longer"],
    },
    languages: [],
    instruct: ({ tone, format, length }) =>
      `Rewrite the text that you are given with the same meaning. ${tone === "as-is" ? "Keep its tone." : `Make it ${tone!.replace("-", " ")}.`} ${
        length === "as-is" ? "Keep its length." : `Make it ${length}.`
      }${FORMATS[format!]}${ONLY}`,
  },
  {
    name: "Translator",
    method: "translate",
    choices: {},
    languages: ["sourceLanguage", "targetLanguage"],
    instruct: ({ sourceLanguage, targetLanguage }) =>
      `Translate the text that you are given from ${sourceLanguage} (BCP 47) to ${targetLanguage}.${ONLY}`,
  },
];

/** What a text can be about, where a page names no labels. */
export const TOPICS: readonly string[] = [
  "animals",
  "arts",
  "business",
  "education",
  "entertainment",
  "environment",
  "family",
  "fashion",
  "finance",
  "food",
  "games",
  "health",
  "history",
  "home and garden",
  "law",
  "music",
  "news",
  "politics",
  "religion",
  "science",
  "shopping",
  "sports",
  "technology",
  "transport",
  "travel",
  "work",
];
