/** Summarizer, Writer, Rewriter and Translator. Each call runs on a clone, so that none sees another. */
import { dictionary, oneOf, required, signalOf, text } from "../webidl";
import type { Task } from "./declarations";
import { expectedTexts, tag, tags } from "./languages";
import type { LanguageModelClass, Session } from "./model";

type Options = Readonly<Record<string, unknown>>;
export function defineWriting(task: Task, LanguageModel: LanguageModelClass): unknown {
  /** Set while we make an object ourselves. */
  let made: { readonly session: Session; readonly asked: Asked } | null = null;

  class Writing {
    readonly #session: Session;
    readonly #ended = new AbortController();

    constructor() {
      if (!made) throw new TypeError("Illegal constructor");
      this.#session = made.session;
      const { values, shared, languages } = made.asked;
      const given = { ...values, ...languages, sharedContext: shared, inputQuota: made.session.contextWindow };
      for (const [name, value] of Object.entries(given))
        Object.defineProperty(this, name, { value, enumerable: true, configurable: true });
    }

    static async availability(options: unknown = {}): Promise<string> {
      return LanguageModel.availability(readOptions(task, options).model);
    }

    static async create(given: unknown = {}): Promise<Writing> {
      const asked = readOptions(task, given);
      const { signal, monitor } = dictionary(given, "options");
      const content = task.instruct(asked.values) + (asked.shared ? `\n\n${asked.shared}` : "");
      const session = await LanguageModel.create({
        ...asked.model,
        ...(signal === undefined ? {} : { signal }),
        ...(monitor === undefined ? {} : { monitor }),
        initialPrompts: [{ role: "system", content }],
      });
      made = { session, asked };
      try {
        return new Writing();
      } finally {
        made = null;
      }
    }

    /** The input, with the context in front of it. */
    async measureInputUsage(input: unknown, options: unknown = {}): Promise<number> {
      const { prompt, signal } = this.#read(input, options);
      return this.#session.measureContextUsage(prompt, { signal });
    }

    destroy(): undefined {
      this.#ended.abort(new DOMException(`The ${task.name} was destroyed.`, "AbortError"));
      this.#session.destroy();
    }

    #read(input: unknown, given: unknown): { readonly prompt: string; readonly signal: AbortSignal } {
      const options = dictionary(given, "options");
      const { context } = options;
      const signal = signalOf(options);
      const prompt = context === undefined ? text(input) : `${text(context)}\n\n${text(input)}`;
      return { prompt, signal: AbortSignal.any(signal ? [signal, this.#ended.signal] : [this.#ended.signal]) };
    }

    #stream(input: unknown, options: unknown): ReadableStream<unknown> {
      const { prompt, signal } = this.#read(input, options);
      const piped = new TransformStream<unknown, unknown>();
      const run = async () => {
        const session = await this.#session.clone({ signal });
        try {
          await session.promptStreaming(prompt, { signal }).pipeTo(piped.writable);
        } finally {
          session.destroy();
        }
      };
      run().catch((reason) => piped.writable.abort(reason).catch(() => undefined));
      return piped.readable;
    }

    static {
      const methods = {
        async [task.method](this: Writing, input: unknown, options: unknown = {}): Promise<unknown> {
          const { prompt, signal } = this.#read(input, options);
          const session = await this.#session.clone({ signal });
          try {
            return await session.prompt(prompt, { signal });
          } finally {
            session.destroy();
          }
        },
        [`${task.method}Streaming`](this: Writing, input: unknown, options: unknown = {}): ReadableStream<unknown> {
          return this.#stream(input, options);
        },
      };
      Object.defineProperties(Writing.prototype, Object.getOwnPropertyDescriptors(methods));
      Object.defineProperty(Writing.prototype, Symbol.toStringTag, { value: task.name, configurable: true });
      Object.defineProperty(Writing, "name", { value: task.name, configurable: true });
    }
  }
  return Writing;
}

interface Asked {
  /** Of choices and languages that must be given. */
  readonly values: Readonly<Record<string, string>>;
  readonly languages: Options;
  readonly shared: string;
  /** Options of the LanguageModel. */
  readonly model: object;
}

/** Errors: TypeError; RangeError for what is no BCP 47 tag. */
function readOptions({ choices, languages: needed }: Task, given: unknown): Asked {
  const options = dictionary(given, "options");
  const values: Record<string, string> = {};
  for (const [name, known] of Object.entries(choices))
    values[name] = options[name] === undefined ? known[0]! : oneOf(options[name], name, known);
  for (const name of needed) values[name] = tag(required(options[name], name));
  const languages: Record<string, unknown> = {};
  for (const name of ["expectedInputLanguages", "expectedContextLanguages"]) {
    if (options[name] !== undefined) languages[name] = tags(options[name], name);
  }
  const { outputLanguage, sharedContext } = options;
  if (outputLanguage !== undefined) languages.outputLanguage = tag(outputLanguage);
  const inputs = [...Object.values(languages).flat(), values.sourceLanguage].filter((each) => each !== undefined);
  const outputs = [languages.outputLanguage, values.targetLanguage].filter((each) => each !== undefined);
  return {
    values,
    languages,
    shared: sharedContext === undefined ? "" : text(sharedContext),
    model: { expectedInputs: expectedTexts(inputs), expectedOutputs: expectedTexts(outputs) },
  };
}
