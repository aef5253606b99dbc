/** Main world of every frame of a site whose tasks are switched on, after page.ts and before any page script. */
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import type { LLM } from "../page/llm";
import { fillTasks } from "../page/tasks";

export default defineUnlistedScript(() => {
  const { llm } = window as unknown as { readonly llm?: LLM };
  if (llm && window.isSecureContext) fillTasks(window, llm);
});
