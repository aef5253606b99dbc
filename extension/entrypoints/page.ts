/** Main world of every frame, before any page script: defines `window.llm`. Shares its realm with the page. */
import { defineUnlistedScript } from "wxt/utils/define-unlisted-script";
import { version } from "../package.json";
import { announceProvider, defineProvider } from "../page/announce";
import { createLLM } from "../page/llm";
import { openPrivatePort } from "../page/private-port";

export default defineUnlistedScript(() => {
  const llm = createLLM(openPrivatePort(document), version);
  defineProvider(window, llm);
  announceProvider(window, llm);
});
