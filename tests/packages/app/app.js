/** What a page does with the packages, whatever put them together: every entry, and parts that come on first use. */
import { getLLM } from "@nomoat/client";
import { createEngine } from "@nomoat/runtime";
import { openaiFetch } from "@nomoat/runtime/openai";
import { runtime } from "./runtime.js";

const messages = [{ role: "user", content: "Count to six." }];
const greedy = { temperature: 0, maxTokens: 30 };

/** `url`: of the tiny model. `load`: LoadOptions. */
export async function run(url, load) {
  const engine = createEngine();
  const model = await engine.load({ url }, load);
  const text = await model.generate(messages, greedy);
  const constrained = await model.generate(messages, { ...greedy, responseFormat: /(two|three), t[a-z]+/ });
  const inSession = await (await model.createSession()).prompt(messages, greedy);
  const body = JSON.stringify({ messages, temperature: 0, max_tokens: 30 });
  const response = await openaiFetch(model)("http://localhost/v1/chat/completions", { method: "POST", body });
  const completion = await response.json();
  const { device, threads } = model.device;
  await engine.close();
  const closing = new AbortController();
  const llm = await getLLM({ provider: "page", model: url, ...load, signal: closing.signal, runtime });
  const throughClient = await llm.generate(messages, greedy);
  closing.abort();
  const texts = [text, inSession, completion.choices?.[0].message.content, throughClient];
  return { texts, constrained, device, threads };
}

/** The error of loading, as {code, message}. */
export async function problem(url, load) {
  try {
    const engine = createEngine();
    await (await engine.load({ url }, load)).generate(messages, greedy);
    return null;
  } catch ({ code, message }) {
    return { code, message };
  }
}
