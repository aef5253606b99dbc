// The same clock for every engine of the side-by-side benchmark: time passes outside the engine, from the call to the
// arrival of tokens in the page. The driver (tests/bench/side_by_side) calls window.bench.
//
// An engine is a module with
//   load(options)                            -> what there is to say about it, ready to generate
//   generate({prompt, maxTokens, onToken})   -> {text, completion_tokens, ...}; greedy, without a cached prefix, past
//                                               the end token where the engine can; onToken() when a token arrives

/** Sets window.bench. `importEngine` is called by load, so that the engine's JavaScript counts as loading. */
export function install(importEngine) {
  let engine;

  async function load(options) {
    const start = performance.now();
    engine = await importEngine();
    const info = await engine.load(options);
    return { ...info, load_ms: performance.now() - start };
  }

  async function generate(request) {
    const start = performance.now();
    let first;
    let last;
    const onToken = () => {
      last = performance.now();
      first ??= last;
    };
    const answer = await engine.generate({ ...request, onToken });
    if (first === undefined) onToken(); // an answer without a visible character
    return { ...answer, first_token_ms: first - start, last_token_ms: last - start };
  }

  async function bandwidth() {
    return engine.bandwidth ? await engine.bandwidth() : null;
  }

  window.bench = { load, generate, bandwidth };
}
