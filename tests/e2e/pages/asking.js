// A page that uses window.llm as any page would. Tests put the next question into window.nextAsk and click; what
// happens to it is recorded in window.asked[name].
window.asked = {};
window.nextAsk = { name: "first", prompt: "Tell me a story", options: {} };

window.ask = async ({ name, prompt, options = {}, breakAfter = Number.POSITIVE_INFINITY }) => {
  const controller = new AbortController();
  const state = { status: "running", pieces: [], controller };
  window.asked[name] = state;
  const generation = window.llm.generate(prompt, { ...options, signal: controller.signal });
  try {
    for await (const piece of generation) {
      state.pieces.push(piece);
      document.querySelector("#answer").textContent += piece;
      if (state.pieces.length >= breakAfter) break;
    }
    state.text = await generation;
    state.usage = await generation.usage;
    state.status = "done";
  } catch (error) {
    state.error = {
      name: error.name,
      code: error.code,
      message: error.message,
      detail: error.detail,
      isError: error instanceof Error,
    };
    state.status = "failed";
  }
};

addEventListener("DOMContentLoaded", () => {
  document.querySelector("#ask").addEventListener("click", () => window.ask(window.nextAsk));
});
