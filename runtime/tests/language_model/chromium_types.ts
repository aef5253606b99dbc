// Proves by compiling that code written for @types/dom-chromium-ai finds in our class what it calls: every member that is
// not restricted to extensions, with parameters that take what the types allow and results that are what they say.
/// <reference types="dom-chromium-ai" />
import type { defineLanguageModel } from "../../src/language_model/index";
import type { LanguageDetector as OurDetector } from "../../src/language_model/tasks/language_detector";
import type { defineProofreader } from "../../src/language_model/tasks/proofreader";

type Chromium = typeof LanguageModel;
type Ours = ReturnType<typeof defineLanguageModel>["LanguageModel"];
type Instance = InstanceType<Ours>;

/** Of extensions alone, or older names. */
type Deprecated = "inputUsage" | "inputQuota" | "measureInputUsage" | "onquotaoverflow" | "topK" | "temperature";
type Never<T extends never> = T;
export type NoMemberIsMissing = Never<Exclude<keyof LanguageModel, keyof Instance | Deprecated>>;
export type NoStaticIsMissing = Never<Exclude<keyof Chromium, keyof Ours | "params" | "prototype">>;

type Parameters2<F> = F extends (...given: infer P) => unknown ? P : never;
/** Whether what may be given to theirs may be given to ours. */
type Takes<K extends keyof LanguageModel & keyof Instance> =
  Parameters2<LanguageModel[K]> extends Parameters2<Instance[K]> ? never : K;
export type EveryMethodTakesWhatTheirsTakes = Never<
  Takes<"prompt" | "promptStreaming" | "append" | "measureContextUsage" | "clone" | "destroy">
>;

export function results(ours: Instance, theirs: LanguageModel): void {
  const numbers: Pick<LanguageModel, "contextUsage" | "contextWindow"> = ours;
  const measured: (input: LanguageModelPrompt) => Promise<number> = ours.measureContextUsage;
  const appended: (input: LanguageModelPrompt) => Promise<undefined> = ours.append;
  const target: EventTarget = ours;
  // Where no tool calls are expected, answers are strings.
  type Text<T> = Extract<T, string>;
  const text: Text<Awaited<ReturnType<Instance["prompt"]>>> = "" as Awaited<ReturnType<LanguageModel["prompt"]>>;
  ours.oncontextoverflow = theirs.oncontextoverflow;
  void [numbers, measured, appended, target, text];
}

export async function statics(ours: Ours, options: LanguageModelCreateOptions): Promise<Availability> {
  await ours.create(options);
  return ours.availability(options);
}

type OurProofreader = ReturnType<typeof defineProofreader>;
export type NoMemberOfTasksIsMissing = Never<
  | Exclude<keyof Proofreader, keyof InstanceType<OurProofreader>>
  | Exclude<keyof LanguageDetector, keyof OurDetector>
  | Exclude<keyof typeof Proofreader, keyof OurProofreader | "prototype">
  | Exclude<keyof typeof LanguageDetector, keyof typeof OurDetector | "prototype">
>;

export async function tasks(
  proofreader: InstanceType<OurProofreader>,
  detector: OurDetector,
  Ours: OurProofreader,
  options: ProofreaderCreateOptions & LanguageDetectorCreateOptions,
): Promise<[ProofreadResult, LanguageDetectionResult[]]> {
  await Ours.create(options);
  await (detector.constructor as typeof OurDetector).create(options);
  const signal = new AbortController().signal;
  return [await proofreader.proofread("", { signal }), await detector.detect("", { signal })];
}
