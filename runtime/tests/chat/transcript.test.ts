// Proves that what crosses the API for three requests is what it was: requests, chunks and completions, as JSON, against
// tests/golden/chat_transcript.json (UPDATE_GOLDEN=1 writes it). Needs nothing: the toy model on a fake device.
import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { ChatRequest } from "../../src/api/types";
import { loadToy } from "../fixtures/toy_engine";

const GOLDEN = new URL("../../../tests/golden/chat_transcript.json", import.meta.url);
const messages = [
  { role: "system", content: "be brief" },
  { role: "user", content: [{ type: "text", text: "hi there" }] },
] as const;
const REQUESTS: ChatRequest[] = [
  { messages, temperature: 0, max_completion_tokens: 6 },
  {
    messages: [...messages, { role: "assistant", content: "well" }],
    temperature: 20,
    seed: 1,
    n: 2,
    max_completion_tokens: 3,
    stop: ["x"],
  },
  {
    messages,
    temperature: 0,
    max_completion_tokens: 3,
    logprobs: true,
    top_logprobs: 1,
    stream: true,
    stream_options: { include_usage: true },
  },
];

it("is the golden transcript", async () => {
  const { model } = await loadToy();
  const transcript: unknown[] = [];
  for (const request of REQUESTS) {
    const answer = await model.chat.completions.create(request);
    const chunks: unknown[] = [];
    if (Symbol.asyncIterator in answer) for await (const chunk of answer) chunks.push(fixed(chunk));
    transcript.push({ request, ...(chunks.length > 0 ? { chunks } : { completion: fixed(answer) }) });
  }
  const text = `${JSON.stringify(transcript, null, 2)}\n`;
  if (process.env.UPDATE_GOLDEN) writeFileSync(GOLDEN, text);
  expect(text).toBe(readFileSync(GOLDEN, "utf8"));
});

/** Without what differs each time, and with as many digits as the device's sums are good for. */
function fixed(answer: object): object {
  const round = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toFixed(4)) : value);
  return { ...JSON.parse(JSON.stringify(answer, round)), id: "chatcmpl-0", created: 0 };
}
