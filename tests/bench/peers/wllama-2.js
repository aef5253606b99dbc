// wllama 2: llama.cpp compiled to WebAssembly, the last version without WebGPU.
import { Wllama } from "./node_modules/wllama-2/esm/index.js";

const FILES = new URL("./node_modules/wllama-2/esm/", import.meta.url).href;
let wllama;
let logitBias;

export async function load({ ggufUrl, threads, contextLength }) {
  wllama = new Wllama(
    {
      "single-thread/wllama.wasm": `${FILES}single-thread/wllama.wasm`,
      "multi-thread/wllama.wasm": `${FILES}multi-thread/wllama.wasm`,
    },
    { suppressNativeLog: true },
  );
  await wllama.loadModelFromUrl(ggufUrl, { n_ctx: contextLength, n_threads: threads });
  // It has no option to ignore the end of an answer: its tokens are made impossible instead.
  logitBias = wllama.getLoadedContextInfo().list_tokens_eog.map((token) => ({ token, bias: -1e9 }));
  return { build: Wllama.getLibllamaVersion(), threads: wllama.isMultithread() ? wllama.getNumThreads() : 1 };
}

export async function generate({ prompt, maxTokens, onToken }) {
  let tokens = 0;
  const text = await wllama.createCompletion(prompt, {
    nPredict: maxTokens,
    useCache: false,
    sampling: { temp: 0, logit_bias: logitBias },
    onNewToken() {
      tokens += 1;
      onToken();
    },
  });
  return { text, completion_tokens: tokens };
}
