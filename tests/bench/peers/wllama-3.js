// wllama 3: llama.cpp's server compiled to WebAssembly. It also has WebGPU, which needs shader-f16; here it may not.

/** The engine of one release: its class, and the address of its WebAssembly. */
export function engineOf(Wllama, wasm) {
  let wllama;

  async function load({ ggufUrl, threads, contextLength }) {
    wllama = new Wllama({ default: wasm }, { suppressNativeLog: true });
    await wllama.loadModelFromUrl(ggufUrl, {
      n_ctx: contextLength,
      n_threads: threads,
      n_parallel: 1,
      n_gpu_layers: 0,
    });
    return { build: Wllama.getLibllamaVersion(), threads: wllama.isMultithread() ? wllama.getNumThreads() : 1 };
  }

  async function generate({ prompt, maxTokens, onToken }) {
    let text = "";
    let usage;
    await wllama.createCompletion({
      prompt,
      max_tokens: maxTokens,
      temperature: 0,
      ignore_eos: true,
      cache_prompt: false,
      stream: true,
      onData(chunk) {
        const piece = chunk.choices[0]?.text ?? "";
        text += piece;
        usage = chunk.usage ?? usage;
        if (piece) onToken();
      },
    });
    return { text, completion_tokens: usage.completion_tokens, prompt_tokens: usage.prompt_tokens };
  }

  return { load, generate };
}
