/** Main world of every frame of a site whose tasks are switched on, after page.ts and before any page script. */

import type { LLM } from "@nomoat/runtime";
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { fillTasks } from "../page/tasks";

export default defineUnlistedScript(() => {
  const { llm } = window as unknown as { readonly llm?: LLM };
  if (llm && window.isSecureContext) fillTasks(window, llm);
});
