/** `window.llm` as the extension offers it to every page (docs: the page API). Absent without the extension. */
import type { LLM } from "@nomoat/runtime";

declare global {
  interface Window {
    readonly llm?: LLM;
  }
}
