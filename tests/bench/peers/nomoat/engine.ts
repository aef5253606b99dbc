/** An engine as measure.js describes it: the package's runtime on the device that the options name. */
import { createEngine, type Model } from "@nomoat/runtime";

interface LoadOptions {
  readonly packageUrl: string;
  readonly device: "wasm" | "webgpu";
  readonly threads: number;
}

interface Request {
  readonly prompt: string;
  readonly maxTokens: number;
  readonly onToken: () => void;
}

let model: Model;
let requests = 0;

export async function load({ packageUrl, device, threads }: LoadOptions) {
  model = await createEngine().load({ url: packageUrl }, device === "wasm" ? { device, threads } : { device });
  return { ...model.device };
}

export async function generate({ prompt, maxTokens, onToken }: Request) {
  requests += 1;
  const options = { raw: true, temperature: 0, maxTokens, partition: String(requests) };
  const generation = model.generate(prompt, options);
  let text = "";
  for await (const piece of generation) {
    text += piece;
    onToken();
  }
  const usage = await generation.usage;
  return {
    text,
    completion_tokens: usage.completionTokens,
    prompt_tokens: usage.promptTokens,
    // The engine's own clock, to compare.
    reported: { first_token_ms: usage.ttftMs, decode_tok_per_s: usage.decodeTokPerS },
  };
}

export async function bandwidth(): Promise<number> {
  return (await model.measureBandwidth()).gbPerS;
}
