import { problem, run } from "./app.js";

/** The same in a worker of the page, whose engine is a worker of that worker. */
function runInWorker(url, load) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./app-worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ url, load });
  });
}

Object.assign(window, { problem, run, runInWorker });
