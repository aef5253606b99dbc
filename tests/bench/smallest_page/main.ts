/** What a site writes to use the runtime without the extension. tests/bench/page_download.py weighs what it downloads. */
import { createEngine } from "@nomoat/runtime";

async function answer(url: string, prompt: string): Promise<string> {
  const model = await createEngine().load({ url });
  return model.generate(prompt, { maxTokens: 4, temperature: 0 });
}

Object.assign(window, { answer });
