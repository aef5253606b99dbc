import { run } from "./app.js";

self.onmessage = async ({ data: { url, load } }) => {
  try {
    postMessage(await run(url, load));
  } catch ({ message }) {
    postMessage({ problem: message });
  }
};
