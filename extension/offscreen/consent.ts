/**
 * Asks the user whether a site may use the model, in a window of the extension.
 *
 * One window per site at a time: requests of the same site join its question. It lives here and not in the service
 * worker because the answer may take longer than a service worker lives. Nobody waiting any more closes the window.
 */
import { LlmError } from "@nomoat/runtime";
import type { ConsentAnswer, ConsentQuestion } from "../protocol/consent-port";
import { pairKey } from "./permissions";
import type { Site } from "./site";

/** closed: the window went away without an answer, which denies this time only. */
export type ConsentOutcome = ConsentAnswer | "closed";

/** The part of a runtime port that a question needs. */
export interface ConsentWindowPort {
  postMessage(message: ConsentQuestion): void;
}

interface Question {
  readonly id: number;
  readonly site: Site;
  readonly outcome: Promise<ConsentOutcome>;
  readonly settle: (outcome: ConsentOutcome) => void;
  waiting: number;
  port: ConsentWindowPort | null;
}

const WINDOW_OPENS_WITHIN_MS = 15_000;

export class ConsentDesk {
  readonly #questions = new Map<number, Question>();
  readonly #openWindow: (id: number) => Promise<unknown>;
  #lastId = 0;

  /** `openWindow` shows the consent page for a question id; it then calls `attach`. */
  constructor(openWindow: (id: number) => Promise<unknown>) {
    this.#openWindow = openWindow;
  }

  async ask(site: Site, signal: AbortSignal): Promise<ConsentOutcome> {
    signal.throwIfAborted();
    const key = pairKey(site);
    // A "once" answer is for one document, so another document of the same site has its own question.
    const same = (q: Question): boolean => pairKey(q.site) === key && q.site.documentId === site.documentId;
    const busy = (q: Question): boolean => pairKey(q.site) === key;
    const questions = [...this.#questions.values()];
    const question = questions.find(same) ?? (questions.some(busy) ? null : this.#open(site));
    if (!question) return this.#after(questions.find(busy)!, site, signal);
    return this.#wait(question, signal);
  }

  /** A consent window shows up with the id from its address. False: nobody waits for that answer. */
  attach(id: number, port: ConsentWindowPort): boolean {
    const question = this.#questions.get(id);
    if (!question || question.port) {
      port.postMessage({ question: null });
      return false;
    }
    question.port = port;
    port.postMessage({ question: { origin: question.site.origin, topOrigin: question.site.topOrigin } });
    return true;
  }

  answer(id: number, outcome: ConsentOutcome): void {
    this.#questions.get(id)?.settle(outcome);
  }

  #open(site: Site): Question {
    const id = ++this.#lastId;
    let resolve!: (outcome: ConsentOutcome) => void;
    const outcome = new Promise<ConsentOutcome>((done) => {
      resolve = done;
    });
    const settle = (value: ConsentOutcome): void => {
      if (!this.#questions.delete(id)) return;
      clearTimeout(timer);
      question.port?.postMessage({ question: null });
      resolve(value);
    };
    const question: Question = { id, site, outcome, settle, waiting: 0, port: null };
    const timer = setTimeout(() => question.port ?? settle("closed"), WINDOW_OPENS_WITHIN_MS);
    this.#questions.set(id, question);
    this.#openWindow(id).catch((error) => {
      // A refusal is final. Anything else is a service worker that was stopped before it could reply: the window may
      // be there all the same, and the timer decides.
      if (error instanceof LlmError) settle("closed");
    });
    return question;
  }

  async #wait(question: Question, signal: AbortSignal): Promise<ConsentOutcome> {
    question.waiting++;
    const leave = (): void => {
      if (--question.waiting === 0) question.settle("closed");
    };
    signal.addEventListener("abort", leave, { once: true });
    const outcome = await question.outcome;
    signal.removeEventListener("abort", leave);
    signal.throwIfAborted();
    return outcome;
  }

  /** Another document of the same site is being asked about: its lasting answers count here too, else ask again. */
  async #after(other: Question, site: Site, signal: AbortSignal): Promise<ConsentOutcome> {
    const outcome = await this.#wait(other, signal);
    return outcome === "once" ? this.ask(site, signal) : outcome;
  }
}
