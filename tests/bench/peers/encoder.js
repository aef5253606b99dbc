// Embeddings of transformers.js on ONNX Runtime's WebAssembly backend, with the files that its defaults would fetch from a CDN.
import { env, pipeline } from "./node_modules/@huggingface/transformers/dist/transformers.min.js";

const RUNTIME = new URL("./node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify", import.meta.url).href;
let extract;

window.bench = {
  async load({ base, name, dtype, threads }) {
    env.allowRemoteModels = false;
    env.allowLocalModels = true;
    env.localModelPath = base;
    env.backends.onnx.wasm.wasmPaths = { mjs: `${RUNTIME}.mjs`, wasm: `${RUNTIME}.wasm` };
    env.backends.onnx.wasm.numThreads = threads;
    extract = await pipeline("feature-extraction", name, { dtype, device: "wasm" });
    return { build: `onnxruntime-web ${env.backends.onnx.versions.web}`, threads: env.backends.onnx.wasm.numThreads };
  },

  /** Each list in one call. Their vectors, and the milliseconds of all. */
  async embed(lists) {
    const at = performance.now();
    const tensors = [];
    for (const texts of lists) tensors.push(await extract(texts, { pooling: "mean", normalize: true }));
    const ms = performance.now() - at;
    return { ms, rows: tensors.flatMap((tensor) => tensor.tolist()) };
  },
};
