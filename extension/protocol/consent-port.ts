/** Messages between a consent window and the offscreen document. Closing the window without an answer denies once. */

export const CONSENT_PORT = "consent";

export type ConsentAnswer = "once" | "always" | "deny";

/** First message of the window: which question it shows. */
export interface ConsentHello {
  readonly id: number;
}

/** The question, or null when nobody waits for the answer any more (the window then closes itself). */
export interface ConsentQuestion {
  readonly question: { readonly origin: string; readonly topOrigin: string } | null;
}
