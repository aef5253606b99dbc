/** Main world of every frame, before any page script: defines `window.llm` and, where it is missing, `LanguageModel`. Shares its realm with the page. */
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { version } from "../package.json";
import { announceProvider, defineProvider } from "../page/announce";
import { fillLanguageModel } from "../page/language-model";
import { createLLM } from "../page/llm";
import { openPrivatePort } from "../page/private-port";

export default defineUnlistedScript(() => {
  const port = openPrivatePort(document);
  const llm = createLLM(port, version);
  defineProvider(window, llm);
  announceProvider(window, llm);
  if (window.isSecureContext) fillLanguageModel(window, port);
});
