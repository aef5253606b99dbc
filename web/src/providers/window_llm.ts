/** `window.llm` as the extension offers it to every page (docs: the page API). Absent without the extension. */
import type { GenerateOptions, Generation, Message } from "@nomoat/runtime";

export interface WindowLlm {
  readonly version: string;
  /** Never prompts the user. */
  availability(): Promise<"unavailable" | "downloadable" | "downloading" | "available">;
  generate(prompt: string | readonly Message[], options?: GenerateOptions): Generation;
}

declare global {
  interface Window {
    readonly llm?: WindowLlm;
  }
}
