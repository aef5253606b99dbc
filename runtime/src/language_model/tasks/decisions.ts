/** DecisionModel and Classifier: answers chosen from given ones by their calibrated probabilities, without writing. */
import type { Decision, Question } from "../../api/types";
import { guarded } from "../guarded";
import { dictionary, fail, oneOf, required, sequence, text } from "../webidl";
import { TOPICS } from "./declarations";
import type { LanguageModelClass, Session, TaskPort } from "./model";
import { MADE, named, passedOn, stopOf, TaskObject } from "./task_object";

const TYPES = ["boolean", "choice", "score"] as const;
const LABEL = "label";

type Options = Readonly<Record<string, unknown>>;

/** `LanguageModel` asks the person, has the model loaded and counts. */
export function defineDecisions(LanguageModel: LanguageModelClass, decide: NonNullable<TaskPort["decide"]>) {
  /** What both have. */
  class Deciding extends TaskObject {
    readonly #session: Session;

    constructor(key: unknown, session: Session, signal: AbortSignal | null) {
      super(key, signal);
      this.#session = session;
    }

    get inputQuota(): number {
      return this.#session.contextWindow;
    }

    async measureInputUsage(input: unknown, options: unknown = {}): Promise<number> {
      return this.#session.measureContextUsage(text(input), { signal: stopOf(this, options) });
    }

    override destroy(): undefined {
      super.destroy();
      this.#session.destroy();
    }
  }

  class DecisionModel extends Deciding {
    readonly #questions: readonly Question[];

    constructor(key?: unknown, session?: Session, signal?: AbortSignal | null, questions: readonly Question[] = []) {
      super(key, session!, signal ?? null);
      this.#questions = questions;
    }

    static async availability(options: unknown = {}): Promise<string> {
      const { questions } = dictionary(options, "options");
      if (questions !== undefined) readQuestions(questions);
      return LanguageModel.availability({});
    }

    static async create(given: unknown = {}): Promise<DecisionModel> {
      const options = dictionary(given, "options");
      const questions = readQuestions(required(options.questions, "questions"));
      const session = await LanguageModel.create(passedOn(options));
      return new DecisionModel(MADE, session, signalIn(options), questions);
    }

    get questions(): readonly Question[] {
      return this.#questions;
    }

    async decide(input: unknown, options: unknown = {}): Promise<Readonly<Record<string, Decision>>> {
      const given = text(input);
      const signal = stopOf(this, options);
      return guarded(signal, () => decide(given, this.#questions, { signal }));
    }
  }

  class Classifier extends Deciding {
    readonly #labels: readonly string[];

    constructor(key?: unknown, session?: Session, signal?: AbortSignal | null, labels: readonly string[] = []) {
      super(key, session!, signal ?? null);
      this.#labels = labels;
    }

    static async availability(options: unknown = {}): Promise<string> {
      readLabels(dictionary(options, "options"));
      return LanguageModel.availability({});
    }

    static async create(given: unknown = {}): Promise<Classifier> {
      const options = dictionary(given, "options");
      const labels = readLabels(options);
      const session = await LanguageModel.create(passedOn(options));
      return new Classifier(MADE, session, signalIn(options), labels);
    }

    get labels(): readonly string[] {
      return this.#labels;
    }

    async classify(input: unknown, options: unknown = {}): Promise<string> {
      const given = text(input);
      const { context } = dictionary(options, "options");
      const about = context === undefined ? given : `${text(context)}\n\n${given}`;
      const signal = stopOf(this, options);
      const question = {
        id: LABEL,
        type: "choice",
        prompt: "What is this text about?",
        options: this.#labels,
      } as const;
      return guarded(signal, async () => (await decide(about, [question], { signal }))[LABEL]!.label);
    }
  }

  return { DecisionModel: named(DecisionModel, "DecisionModel"), Classifier: named(Classifier, "Classifier") };
}

/** LanguageModel.create() has checked it. */
function signalIn({ signal }: Options): AbortSignal | null {
  return (signal as AbortSignal | undefined) ?? null;
}

function readLabels({ labels }: Options): readonly string[] {
  return labels === undefined ? TOPICS : distinct(labels, "labels", text);
}

function readQuestions(given: unknown): readonly Question[] {
  const questions = sequence(given, "questions").map((entry): Question => {
    const { id, prompt, type, options } = dictionary(entry, "a question");
    const asked = { id: text(required(id, "id")), prompt: text(required(prompt, "prompt")) };
    if (asked.id === "") fail("The id of a question must not be empty.");
    switch (oneOf(required(type, "type"), "type", TYPES)) {
      case "boolean":
        return { ...asked, type: "boolean" };
      case "choice":
        return { ...asked, type: "choice", options: distinct(required(options, "options"), "options", text) };
      default:
        if (options === undefined) return { ...asked, type: "score" };
        return { ...asked, type: "score", options: distinct(options, "options", finite) };
    }
  });
  if (questions.length === 0) fail("questions must not be empty.");
  if (new Set(questions.map(({ id }) => id)).size < questions.length) fail("The ids of questions must differ.");
  return Object.freeze(questions);
}

function distinct<T>(value: unknown, name: string, read: (entry: unknown) => T): readonly T[] {
  const entries = sequence(value, name).map(read);
  if (entries.length < 2 || new Set(entries).size < entries.length) fail(`${name} must be two or more that differ.`);
  if (entries.includes("" as T)) fail(`${name} must not be empty.`);
  return Object.freeze(entries);
}

function finite(value: unknown): number {
  const number = Number(value);
  return Number.isFinite(number) ? number : fail("The options of a score must be numbers.");
}
