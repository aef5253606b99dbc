// Proves that what a model thinks is told apart from its answer, counted, and ended when its budget is spent: the text
// after that is what the model says to a prompt with the end of its thoughts in it. On a fake device.
import { expect, it } from "vitest";
import { idsOfTokens, speakingToy, textOfIds } from "../fixtures/speaking_toy";
import { loadToy } from "../fixtures/toy_engine";
import { greedy } from "../fixtures/toy_model";

// The answer goes on with reasoning that is open.
const messages = [
  { role: "user", content: "hello" },
  { role: "assistant", content: "<think>a" },
] as const;
const OPTIONS = { messages, temperature: 0 } as const;
const [CLOSE] = idsOfTokens("</think>") as [number];

async function promptIds(): Promise<number[]> {
  const { model } = await loadToy(speakingToy);
  const generation = model.generate(messages, { temperature: 0, maxTokens: 1 });
  return [...(await generation.usage).promptIds];
}

it.each([1, 3, 7])("ends reasoning after %i tokens", async (budget) => {
  const prompt = await promptIds();
  const thoughts = greedy(prompt, budget);
  expect(thoughts).not.toContain(CLOSE);
  // endIds: the close mark with the newlines around it.
  const end = idsOfTokens("\n", "</think>", "\n", "\n");
  const answer = greedy([...prompt, ...thoughts, ...end], 5);
  for (const stream of [false, true]) {
    const { model } = await loadToy(speakingToy);
    const request = { ...OPTIONS, reasoning: { max_tokens: budget }, max_completion_tokens: budget + 4 + 5 };
    const completion = await model.chat.completions.create({ ...request, stream: false });
    expect(completion.choices[0]).toMatchObject({
      message: { content: textOfIds(answer).trimStart(), reasoning_content: textOfIds(thoughts).trim() },
      finish_reason: "length",
    });
    expect(completion.usage).toMatchObject({
      completion_tokens: budget + 9,
      completion_tokens_details: { reasoning_tokens: budget + 2 },
    });
    if (!stream) continue;
    let [content, reasoning] = ["", ""];
    for await (const { choices } of model.chat.completions.create({ ...request, stream: true })) {
      content += choices[0]!.delta.content ?? "";
      reasoning += choices[0]!.delta.reasoning_content ?? "";
    }
    expect([content, reasoning]).toEqual([textOfIds(answer).trimStart(), textOfIds(thoughts).trim()]);
  }
});

it("is not ended without a budget, and is all there is where no answer comes", async () => {
  const { model } = await loadToy(speakingToy);
  const completion = await model.chat.completions.create({
    ...OPTIONS,
    max_completion_tokens: 8,
    logit_bias: { [CLOSE]: -100 },
  });
  expect(completion.choices[0]!.message).toMatchObject({ content: "", reasoning_content: expect.any(String) });
  expect(completion.usage.completion_tokens_details.reasoning_tokens).toBe(8);
});

it("is shut before it begins where it is not wanted", async () => {
  const { model } = await loadToy(speakingToy);
  const request = { ...OPTIONS, max_completion_tokens: 4, reasoning: { enabled: false } } as const;
  const { choices, usage } = await model.chat.completions.create(request);
  expect(choices[0]!.message).not.toHaveProperty("reasoning_content");
  expect(usage.completion_tokens_details.reasoning_tokens).toBe(0);
  const fresh = { ...request, messages: messages.slice(0, 1), reasoning: null, reasoning_effort: "none" } as const;
  const { usage: other } = await model.chat.completions.create(fresh);
  expect(other.prompt_tokens).toBeGreaterThan(0);
});

it("cannot be asked of a model that does not think", async () => {
  const { model } = await loadToy();
  const request = { messages: messages.slice(0, 1), reasoning_effort: "low" } as const;
  await expect(model.chat.completions.create(request)).rejects.toMatchObject({
    code: "not_supported",
    detail: { path: "reasoning" },
  });
  const plain = { messages: messages.slice(0, 1), reasoning_effort: "none", max_tokens: 1 } as const;
  expect((await model.chat.completions.create(plain)).choices).toHaveLength(1);
});
