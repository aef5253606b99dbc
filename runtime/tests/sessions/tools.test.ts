// Proves that a session of a loaded model offers its tools through the template, reads calls off the answer by the
// template's own form, keeps them in the history, and refuses tools where the template knows none. Needs nothing.
import { expect, it, onTestFinished } from "vitest";
import { createInProcessEngine } from "../../src/api/in_process";
import type { Message, ToolCall, Usage } from "../../src/api/types";
import { LoadedModel } from "../../src/engine/loaded_model";
import { hostOf } from "../../src/sessions/hosted_model";
import { fakeDevices } from "../fixtures/fake_executor";
import { speakingToy } from "../fixtures/speaking_toy";
import { toyPackage, toyStore } from "../fixtures/toy_package";

const tools = [
  {
    type: "function",
    function: {
      name: "sum",
      description: "adds",
      parameters: { type: "object", properties: { a: { type: "number" } } },
    },
  },
] as const;

async function load(make = speakingToy) {
  const devices = fakeDevices({ adapter: { software: false } });
  const engine = createInProcessEngine({ gpu: undefined, devices, openStore: async () => toyStore(make) });
  onTestFinished(() => engine.close());
  return engine.load({ id: "toy" });
}

it("shows tools and their calls to the template", async () => {
  const model = await load();
  const plain = await model.createSession({ maxTokens: 1 });
  const session = await model.createSession({ tools, maxTokens: 1 });
  const more = (await session.measure("a")) - (await plain.measure("a"));
  expect(more).toBe("sum,".length);
  const call: ToolCall = { id: "1", type: "function", function: { name: "sum", arguments: '{"a": 1}' } };
  const input: Message[] = [
    { role: "user", content: "a" },
    { role: "assistant", content: "", tool_calls: [call] },
    { role: "tool", content: "2", tool_call_id: "1" },
  ];
  // The arguments as the template writes them, in the turn of the assistant, and the result.
  expect(await session.measure(input)).toBeGreaterThan(more + '<tool_call>"name": "sum"{"a": 1}</tool_call>'.length);
});

it("reads calls off the answer", async () => {
  const devices = fakeDevices({ adapter: { software: false } });
  const model = await LoadedModel.load(devices, speakingToy(), { device: "auto", threads: null });
  onTestFinished(() => model.unload());
  await hostOf(model).prepareTools();
  const written = '<tool_call>\n{"name": "sum", "arguments": {"a": 1}}\n</tool_call>';
  const prompt = hostOf(model).encodeChat([{ role: "user", content: "a" }], { tools });
  const ids = model.tokenize(written);
  // The toy model says noise, so what it says is put into its mouth.
  model.answer = async (given, _options, hooks) => {
    expect(given).toEqual(prompt.tokenIds);
    for (const id of ids) hooks.onText(model.textModel().decodeAll([id]), []);
    return { finishReason: "stop" } as Usage;
  };
  const deltas: unknown[] = [];
  await hostOf(model).respond(prompt, { temperature: 0 }, { tools, begun: "", onDelta: (delta) => deltas.push(delta) });
  expect(deltas[0]).toMatchObject({ type: "tool_call", index: 0, name: "sum" });
  expect((deltas as { arguments?: string }[]).map((delta) => delta.arguments ?? "").join("")).toBe('{"a": 1}');
});

it("refuses tools that the template does not know", async () => {
  const model = await load(toyPackage);
  await expect(model.createSession({ tools })).rejects.toMatchObject({ code: "not_supported" });
});

it("holds answers to a format, with what they begin with, and refuses a beginning that does not fit", async () => {
  const model = await load(toyPackage);
  const session = await model.createSession({ temperature: 0, maxTokens: 20 });
  const responseFormat = /(?:one|once|two), (?:yes|no)/;
  const answer = async (begun: string) => {
    const input: Message[] = [
      { role: "user", content: "a" },
      { role: "assistant", content: begun },
    ];
    return `${begun}${await session.prompt(input, { responseFormat })}`;
  };
  const whole = new RegExp(`^${responseFormat.source}$`);
  expect(await session.prompt("a", { responseFormat })).toMatch(whole);
  for (const begun of ["o", "onc", "two, n", "one, yes"]) expect(await answer(begun)).toMatch(whole);
  for (const begun of ["x", "on, no", "two, noo"])
    await expect(answer(begun)).rejects.toMatchObject({ code: "not_supported" });
});
