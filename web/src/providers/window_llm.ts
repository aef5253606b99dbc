/** `window.llm` as the extension offers it to every page (docs: the page API). Absent without the extension. */
import type { GenerateOptions, Generation, Memory, Message } from "@nomoat/runtime";

export interface WindowLlm {
  readonly version: string;
  /** Never prompts the user. */
  availability(): Promise<"unavailable" | "downloadable" | "downloading" | "available">;
  /** Where the person has switched it on for this site. */
  readonly memory: Memory;
  generate(prompt: string | readonly Message[], options?: GenerateOptions): Generation;
}

declare global {
  interface Window {
    readonly llm?: WindowLlm;
  }
}
