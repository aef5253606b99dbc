// transformers.js on ONNX Runtime's WebAssembly backend, with the files that its defaults would fetch from a CDN.
import {
  AutoModelForCausalLM,
  AutoTokenizer,
  BaseStreamer,
  env,
} from "./node_modules/@huggingface/transformers/dist/transformers.min.js";

const RUNTIME = new URL("./node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.asyncify", import.meta.url).href;
let tokenizer;
let model;

export async function load({ onnxBasePath, onnxModel, dtype, threads }) {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = onnxBasePath;
  env.backends.onnx.wasm.wasmPaths = { mjs: `${RUNTIME}.mjs`, wasm: `${RUNTIME}.wasm` };
  env.backends.onnx.wasm.numThreads = threads;
  tokenizer = await AutoTokenizer.from_pretrained(onnxModel);
  model = await AutoModelForCausalLM.from_pretrained(onnxModel, { dtype, device: "wasm" });
  return { build: `onnxruntime-web ${env.backends.onnx.versions.web}`, threads: env.backends.onnx.wasm.numThreads };
}

export async function generate({ prompt, maxTokens, onToken }) {
  const inputs = tokenizer(prompt, { add_special_tokens: false });
  const output = await model.generate({
    ...inputs,
    do_sample: false,
    max_new_tokens: maxTokens,
    min_new_tokens: maxTokens, // the end token is made impossible until then
    streamer: new Arrivals(onToken),
  });
  const promptTokens = inputs.input_ids.dims[1];
  const generated = output.tolist()[0].slice(promptTokens);
  return {
    text: tokenizer.decode(generated, { skip_special_tokens: true }),
    completion_tokens: generated.length,
    prompt_tokens: promptTokens,
  };
}

/** Says when tokens arrive; the first call brings the prompt. */
class Arrivals extends BaseStreamer {
  constructor(onToken) {
    super();
    this.onToken = onToken;
    this.isPrompt = true;
  }

  put() {
    if (!this.isPrompt) this.onToken();
    this.isPrompt = false;
  }

  end() {}
}
