/** What differs between callers. Each declaration that needs them is a function of them. */
export interface Limits {
  /** Of all texts of one request together, as UTF-8. */
  readonly textBytes: number;
  readonly messages: number;
  readonly maxTokens: number;
  readonly temperature: number;
  /** Answers to one request (`n`). */
  readonly choices: number;
}

/** Of the engine, whoever asks. The extension has lower ones for pages. */
export const ENGINE_LIMITS: Limits = {
  textBytes: 64 * 2 ** 20,
  messages: 10_000,
  maxTokens: 2 ** 31,
  temperature: 100,
  choices: 128,
};
