/** An ordinary page: it knows nothing of models and asks window.llm. */
import "../providers/window_llm";
import { element } from "../elements";

const form = element("demo-prompt").closest("form")!;
const ask = element<HTMLButtonElement>("demo-ask");
const stop = element<HTMLButtonElement>("demo-stop");
const answer = element("demo-answer");
const status = element("demo-status");
const failure = element("demo-error");
let controller: AbortController | undefined;

element("demo-origin").textContent = location.origin;
if (window.llm === undefined) {
  status.textContent = "window.llm is absent. Install the NoMoat extension and load this page again.";
  ask.disabled = true;
} else {
  status.textContent = `window.llm ${window.llm.version} is here.`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (controller === undefined) void run();
});
stop.addEventListener("click", () => controller?.abort());

async function run(): Promise<void> {
  controller = new AbortController();
  const { signal } = controller;
  ask.hidden = true;
  stop.hidden = false;
  failure.hidden = true;
  answer.textContent = "";
  answer.dataset.state = "asking";
  status.textContent = "Asking the browser for permission, then for an answer.";
  try {
    const maxTokens = Number(element<HTMLInputElement>("demo-max-tokens").value);
    const generation = window.llm!.generate(element<HTMLTextAreaElement>("demo-prompt").value, { maxTokens, signal });
    for await (const piece of generation) {
      answer.dataset.state = "streaming";
      answer.append(piece);
    }
    const usage = await generation.usage;
    answer.dataset.state = "done";
    status.textContent = `${usage.completionTokens} tokens, ${usage.decodeTokPerS.toFixed(1)} per second.`;
  } catch (thrown) {
    const error = thrown as { code?: string; message?: string };
    answer.dataset.state = signal.aborted ? "aborted" : "error";
    status.textContent = signal.aborted ? "Stopped." : "No answer.";
    failure.hidden = signal.aborted;
    failure.textContent = `${error.code ?? "internal"}: ${error.message ?? String(thrown)}`;
  } finally {
    controller = undefined;
    ask.hidden = false;
    stop.hidden = true;
  }
}
