/**
 * Answers to questions about one input, chosen from given options by their probabilities instead of by writing.
 *
 *   score(o) = Σ_t log P(o_t | chat of input and question, o_<t) − Σ_t log P(o_t | the same without the input, o_<t)
 *   probability(o) = softmax over the options of score
 *
 * The sum runs over the option's tokens, teacher-forced. The second sum is what the model thinks of the option when
 * it knows nothing: it takes out how common an option is, and how long (Zhao et al. 2021, arXiv:2102.09690, with one
 * input that says nothing; Holtzman et al. 2021, arXiv:2104.08315, call the difference domain conditional PMI). Where
 * one option begins with another, the end of the answer counts as a last token of all of them, for the longer one would
 * never be likelier. With `calibrate: false` the first sum alone counts.
 */
import type { Decision } from "../api/types";
import type { PlainMessage } from "../contract/messages";
import type { Question } from "../contract/sessions";
import type { Path } from "../engine/score_tree";
import { LlmError } from "../internal/errors";
import type { ChatPrompt, ChatPromptOptions } from "../text/index";

/** What stands in the place of an input that says nothing. */
const NO_INPUT = "N/A";
/** For the sum of an option with a token that the model never chooses: its logarithm cannot be subtracted from itself. */
const NEVER = -1e9;
const SCORES = [1, 2, 3, 4, 5] as const;

export interface DecideModel {
  readonly contextLength: number;
  encodeChat(messages: readonly PlainMessage[], options?: ChatPromptOptions): ChatPrompt;
  /** For each path the sum of its wanted log-probabilities. */
  score(paths: readonly Path[]): Promise<readonly number[]>;
}

/** Questions whose options' sums without an input are kept. */
const MAX_PRIORS = 256;

/** The sums of a question's options without an input, by question. */
export type Priors = Map<string, readonly number[]>;

/** By the questions' ids. */
export type Decisions = Readonly<Record<string, Decision>>;

interface Option {
  readonly label: string;
  /** What the assistant would write. */
  readonly text: string;
  /** Null: the option is no number. */
  readonly value: number | null;
}

/** Errors: context_overflow; those of the template and the device. */
export async function decide(
  model: DecideModel,
  input: string,
  questions: readonly Question[],
  /** Kept for later calls with the same model and adapters. Null: no calibration. */
  priors: Priors | null,
): Promise<Decisions> {
  const groups = questions.map((question) => {
    const options = optionsOf(question);
    const asked = pathsOf(model, input, question, options);
    const key = JSON.stringify([question.prompt, options.map(({ text }) => text)]);
    const known = priors ? (priors.get(key) ?? null) : options.map(() => 0);
    return { question, options, asked, key, known, without: known ? [] : pathsOf(model, NO_INPUT, question, options) };
  });
  const found = await model.score(groups.flatMap(({ asked, without }) => [...asked, ...without]));
  const sums = found.map((sum) => Math.max(sum, NEVER));
  const decisions = groups.map(({ question, options, asked, without, key, known }) => {
    const given = sums.splice(0, asked.length);
    const prior = known ?? sums.splice(0, without.length);
    priors?.delete(key);
    priors?.set(key, prior);
    const scores = given.map((sum, i) => sum - prior[i]!);
    return [question.id, decisionOf(options, scores)] as const;
  });
  while (priors && priors.size > MAX_PRIORS) priors.delete(priors.keys().next().value!);
  return Object.fromEntries(decisions);
}

function optionsOf(question: Question): readonly Option[] {
  if (question.type === "boolean")
    return [
      { label: "true", text: "Yes", value: null },
      { label: "false", text: "No", value: null },
    ];
  if (question.type === "choice") return question.options.map((label) => ({ label, text: label, value: null }));
  return (question.options ?? SCORES).map((value) => ({ label: String(value), text: String(value), value }));
}

/** The ids of each option after the question; of an answer, those tokens in which the options differ are scored. */
function pathsOf(model: DecideModel, input: string, question: Question, options: readonly Option[]): readonly Path[] {
  const list = options.map(({ text }) => text).join(", ");
  const content = `${input}\n\n${question.prompt}\nAnswer with one of: ${list}.`;
  const user = { role: "user", content } as const;
  const { contextLength: limit } = model;
  const tokens = options.map(({ text }) => {
    const { tokenIds: ids } = model.encodeChat([user, { role: "assistant", content: text }], { continueFinal: true });
    const { length: requested } = ids;
    if (requested <= limit) return ids;
    const message = `decide: input and question ${question.id} have ${requested} tokens and the model's context ${limit}.`;
    throw new LlmError("context_overflow", message, { requested, limit });
  });
  const first = tokens[0]!;
  let from = 0;
  while (tokens.every((ids) => from < ids.length && ids[from] === first[from])) from += 1;
  if (from === 0) throw new LlmError("invalid_request", "decide: this model's chat template writes no question.");
  const ends = tokens.some((ids) => ids.length === from) || someBegins(tokens);
  return tokens.map((ids) => ({ tokens: ids, from, ends }));
}

/** Whether one of the lists begins with all of another. */
function someBegins(lists: readonly (readonly number[])[]): boolean {
  return lists.some((short, i) =>
    lists.some((long, j) => i !== j && short.length <= long.length && short.every((id, at) => long[at] === id)),
  );
}

function decisionOf(options: readonly Option[], scores: readonly number[]): Decision {
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const probabilities = weights.map((weight) => weight / sum);
  const best = scores.indexOf(largest);
  return {
    label: options[best]!.label,
    confidence: probabilities[best]!,
    probabilities: Object.fromEntries(options.map(({ label }, i) => [label, probabilities[i]!])),
    expectedScore: options.every(({ value }) => value !== null)
      ? options.reduce((total, { value }, i) => total + probabilities[i]! * value!, 0)
      : null,
  };
}
