/** Makes the one offscreen document exist. Two calls at once share one creation. */

let creating: Promise<void> | null = null;

export async function ensureOffscreenDocument(): Promise<void> {
  creating ??= create().finally(() => {
    creating = null;
  });
  await creating;
}

async function create(): Promise<void> {
  if (await chrome.offscreen.hasDocument()) return;
  await chrome.offscreen.createDocument({
    url: "offscreen.html",
    reasons: [chrome.offscreen.Reason.WORKERS],
    justification: "Runs the language model in a worker, with WebGPU, for the pages that the user has allowed.",
  });
}
