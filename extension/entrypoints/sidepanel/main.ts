/** The side panel: a chat with the default model. The conversation lives in this page only and ends with it. */
import { LlmError, type Message } from "@nomoat/runtime";
import type { Snapshot } from "../../protocol/admin-port";
import { AdminClient } from "../../ui/admin-client";
import { byId } from "../../ui/dom";
import { formatDevice, formatProgress } from "../../ui/format";
import { AnswerBubble, addUserBubble } from "./bubbles";
import { asMessages, Recall } from "./recall";

const messages = byId("messages");
const prompt = byId<HTMLTextAreaElement>("prompt");
const sendButton = byId<HTMLButtonElement>("send");
const stopButton = byId("stop");
const loading = byId<HTMLProgressElement>("loading");

const conversation: Message[] = [];
let stop: (() => void) | null = null;
let hasModel = false;

const client = new AdminClient(draw);
const recall = new Recall(client, byId<HTMLInputElement>("memory"));

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  void ask();
});
prompt.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  void ask();
});
stopButton.addEventListener("click", () => stop?.());
byId("open-options").addEventListener("click", () => void chrome.runtime.openOptionsPage());
byId("new").addEventListener("click", () => {
  stop?.();
  conversation.length = 0;
  messages.replaceChildren(byId("welcome"));
  byId("welcome").hidden = false;
  prompt.focus();
});

async function ask(): Promise<void> {
  const question = prompt.value.trim();
  if (!question || stop || !hasModel) return;
  prompt.value = "";
  byId("welcome").hidden = true;
  conversation.push({ role: "user", content: question });
  addUserBubble(messages, question);
  const bubble = new AnswerBubble(messages);
  const turn = conversation.length;
  const asked = [...conversation];
  let stopped = false;
  stop = () => {
    stopped = true;
  };
  showAsking(true);
  try {
    const recalled = await recall.exchange(question);
    if (stopped) throw new LlmError("aborted", "Stopped.");
    bubble.showRecalled(recalled);
    const messages = [...asMessages(recalled), ...asked];
    const generation = client.generate({ messages }, (piece) => bubble.append(piece));
    stop = generation.stop;
    bubble.finish(await generation.usage);
  } catch (error) {
    bubble.fail(LlmError.from(error));
  }
  stop = null;
  showAsking(false);
  // "New chat" may have emptied the conversation meanwhile.
  if (conversation.length !== turn) return;
  if (bubble.text) conversation.push({ role: "assistant", content: bubble.text });
  else conversation.pop();
}

function showAsking(asking: boolean): void {
  stopButton.hidden = !asking;
  sendButton.hidden = asking;
}

function draw({ problem, models, defaultModel, loaded }: Snapshot): void {
  const model = models.find(({ id }) => id === defaultModel);
  hasModel = model !== undefined;
  byId("model").textContent = model?.info?.name ?? "NoMoat";
  byId("status").textContent = problem?.message ?? statusLine(loaded);
  byId("open-options").hidden = hasModel;
  byId("welcome-text").textContent = hasModel
    ? "The answer is computed on this machine."
    : "First add a model: it is downloaded once and then works offline.";
  sendButton.disabled = prompt.disabled = !hasModel;
  loading.hidden = loaded === null || loaded.device !== null;
  if (loaded?.progress && loaded.progress.total > 0) loading.value = loaded.progress.loaded / loaded.progress.total;
  else loading.removeAttribute("value");
}

function statusLine(loaded: Snapshot["loaded"]): string {
  if (!hasModel) return "No model yet";
  if (!loaded) return "Loads with the first message";
  if (loaded.device) return formatDevice(loaded.device);
  return loaded.progress ? formatProgress(loaded.progress) : "Loading…";
}
