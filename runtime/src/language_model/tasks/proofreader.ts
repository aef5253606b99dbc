/**
 * Proofreader: the model writes the corrected text, and what it changed is found by comparing. Of the type of a change what
 * can be seen is seen; the rest the model chooses.
 */
import { guarded } from "../guarded";
import { dictionary, text } from "../webidl";
import { type Correction, correctionsOf } from "./corrections";
import { expectedTexts, tag, tags } from "./languages";
import type { LanguageModelClass, Session } from "./model";
import { MADE, named, passedOn, stopOf, TaskObject } from "./task_object";

const INSTRUCTION =
  "Correct the text that you are given: spelling, punctuation, capitals, missing words and grammar. Keep its words and " +
  "its meaning where they are right, and its line breaks. Write the corrected text and nothing else.";
/** Which the model chooses from. */
const CHOSEN = ["spelling", "preposition", "grammar"];

export type CorrectionType =
  | "spelling"
  | "punctuation"
  | "capitalization"
  | "preposition"
  | "missing-words"
  | "grammar";

export interface ProofreadCorrection extends Correction {
  types?: CorrectionType[];
  explanation?: string;
}

export interface ProofreadResult {
  correctedInput: string;
  corrections: ProofreadCorrection[];
}

interface Asked {
  readonly types: boolean;
  readonly explanations: boolean;
  readonly explanationLanguage: string | undefined;
  readonly inputLanguages: readonly string[];
  readonly model: object;
}

export function defineProofreader(LanguageModel: LanguageModelClass) {
  class Proofreader extends TaskObject {
    readonly #session: Session;
    readonly #asked: Asked;

    constructor(key?: unknown, session?: Session, asked?: Asked, signal?: AbortSignal | null) {
      super(key, signal ?? null);
      this.#session = session!;
      this.#asked = asked!;
    }

    static async availability(options: unknown = {}): Promise<string> {
      return LanguageModel.availability(readOptions(options).model);
    }

    static async create(given: unknown = {}): Promise<Proofreader> {
      const asked = readOptions(given);
      const options = dictionary(given, "options");
      const session = await LanguageModel.create({
        ...asked.model,
        ...passedOn(options),
        samplingMode: "most-predictable",
        initialPrompts: [{ role: "system", content: INSTRUCTION }],
      });
      return new Proofreader(MADE, session, asked, (options.signal as AbortSignal | undefined) ?? null);
    }

    get includeCorrectionTypes(): boolean {
      return this.#asked.types;
    }
    get includeCorrectionExplanations(): boolean {
      return this.#asked.explanations;
    }
    get correctionExplanationLanguage(): string | undefined {
      return this.#asked.explanationLanguage;
    }
    get expectedInputLanguages(): readonly string[] {
      return this.#asked.inputLanguages;
    }

    async proofread(input: unknown, options: unknown = {}): Promise<ProofreadResult> {
      const given = text(input);
      const signal = stopOf(this, options);
      return guarded(signal, async () => {
        const corrected = given.trim() === "" ? given : await this.#corrected(given, signal);
        const corrections: ProofreadCorrection[] = [];
        for (const change of correctionsOf(given, corrected))
          corrections.push({ ...change, ...(await this.#about(given, change, signal)) });
        return { correctedInput: corrected, corrections };
      });
    }

    override destroy(): undefined {
      super.destroy();
      this.#session.destroy();
    }

    /** With the spaces around it that the text had. */
    async #corrected(given: string, signal: AbortSignal): Promise<string> {
      const written = await this.#ask(given, { signal });
      const [, before, after] = /^(\s*).*?(\s*)$/s.exec(given)!;
      return before! + written.trim() + after!;
    }

    async #about(given: string, change: Correction, signal: AbortSignal): Promise<Partial<ProofreadCorrection>> {
      const { types: wantsTypes, explanations, explanationLanguage } = this.#asked;
      const about: Partial<ProofreadCorrection> = {};
      const was = given.slice(change.startIndex, change.endIndex);
      const question = `In this text “${was}” was replaced by “${change.correction}”:\n\n${given}\n\n`;
      if (wantsTypes) {
        const seen = seenType(was, change.correction);
        const choose = () =>
          this.#ask(`${question}Which kind of mistake was it? Answer with one of: ${CHOSEN.join(", ")}.`, {
            signal,
            responseConstraint: { enum: CHOSEN },
          });
        about.types = [seen ?? (JSON.parse(await choose()) as CorrectionType)];
      }
      if (explanations) {
        const language = explanationLanguage ? ` in the language ${explanationLanguage}` : "";
        about.explanation = (
          await this.#ask(`${question}Say in one short sentence${language} why.`, { signal })
        ).trim();
      }
      return about;
    }

    async #ask(
      prompt: string,
      options: { readonly signal: AbortSignal; responseConstraint?: object },
    ): Promise<string> {
      const session = await this.#session.clone({ signal: options.signal });
      try {
        return text(await session.prompt(prompt, options));
      } finally {
        session.destroy();
      }
    }
  }
  return named(Proofreader, "Proofreader");
}

/** Null: it cannot be seen. */
function seenType(was: string, correction: string): CorrectionType | null {
  const letters = (value: string) => value.replace(/[^\p{L}\p{M}\p{N}]+/gu, "");
  const [before, after] = [letters(was), letters(correction)];
  if (before === after) return "punctuation";
  if (before.toLowerCase() === after.toLowerCase()) return "capitalization";
  return before === "" ? "missing-words" : null;
}

function readOptions(given: unknown): Asked {
  const options = dictionary(given, "options");
  const { correctionExplanationLanguage: language, expectedInputLanguages: inputs = [] } = options;
  const explanationLanguage = language === undefined ? undefined : tag(language);
  const inputLanguages = tags(inputs, "expectedInputLanguages");
  return {
    types: Boolean(options.includeCorrectionTypes ?? false),
    explanations: Boolean(options.includeCorrectionExplanations ?? false),
    explanationLanguage,
    inputLanguages,
    model: {
      expectedInputs: expectedTexts(inputLanguages),
      expectedOutputs: expectedTexts(explanationLanguage === undefined ? [] : [explanationLanguage]),
    },
  };
}
