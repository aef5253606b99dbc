/** The packages in Node, on the CPU in this thread: node in_node.mjs URL_OF_THE_MODEL prints JSON. */
import { getLLM } from "@nomoat/client";
import * as contract from "@nomoat/runtime/contract";
import * as languageModel from "@nomoat/runtime/language-model";
import * as tasks from "@nomoat/runtime/tasks";
import { createEngine } from "@nomoat/runtime";
import { openaiFetch } from "@nomoat/runtime/openai";
import OpenAI from "openai";

const messages = [{ role: "user", content: "Count to six." }];
const engine = createEngine({ gpu: null });
const model = await engine.load({ url: process.argv[2] });
const client = new OpenAI({ baseURL: "http://localhost/v1", apiKey: "none", fetch: openaiFetch(model) });
const request = { model: model.info.id, messages, temperature: 0 };
const { choices } = await client.chat.completions.create(request);
let streamed = "";
for await (const chunk of await client.chat.completions.create({ ...request, stream: true }))
  streamed += chunk.choices[0]?.delta.content ?? "";
const { data } = await client.models.list();
await engine.close();
const llm = await getLLM({ model: process.argv[2], engine: { gpu: null } });
const throughClient = await llm.generate(messages, { temperature: 0 });
const loaded = [contract, languageModel, tasks].map((entry) => Object.keys(entry).length > 0);
const texts = [choices[0].message.content, streamed, throughClient];
console.log(JSON.stringify({ texts, models: data.map(({ id }) => id), device: model.device.device, loaded }));
process.exit();
