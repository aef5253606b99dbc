// Run by tests/e2e/test_serve_api.py: the Vercel AI SDK and LangChain.js against a server. Prints what they got as JSON.
// node over_http.js BASE_URL MODEL chat|embed
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { embedMany, generateObject, generateText, jsonSchema, streamText, tool } from "ai";

const [baseURL, model, what] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "local", baseURL, supportsStructuredOutputs: true });
const configuration = { baseURL };
const langchain = { model, apiKey: "none", maxRetries: 0, configuration };
const prompt = "What is the capital of France?";
const texts = ["one", "two words"];

async function chat() {
  const ask = { model: provider(model), prompt, temperature: 0, maxOutputTokens: 12, maxRetries: 0 };
  const schema = jsonSchema({ type: "object", properties: { s: { enum: [0, 1, 23] } }, required: ["s"] });
  const { text } = await generateText(ask);
  let streamed = "";
  for await (const piece of streamText(ask).textStream) streamed += piece;
  const { object } = await generateObject({ ...ask, maxOutputTokens: 60, schema });
  const client = new ChatOpenAI({ ...langchain, temperature: 0, maxTokens: 12 });
  let chunks = "";
  for await (const chunk of await client.stream(prompt)) chunks += chunk.text;
  const refused = (promise) =>
    promise.then(
      () => null,
      ({ statusCode, status }) => statusCode ?? status,
    );
  const tools = { sum: tool({ inputSchema: schema }) };
  return {
    text,
    streamed,
    object,
    answer: (await client.invoke(prompt)).text,
    chunks,
    // The tiny model's template knows none.
    tools: await refused(generateText({ ...ask, tools, toolChoice: "required" })),
    absent: await refused(new ChatOpenAI({ ...langchain, model: "absent" }).invoke(prompt)),
  };
}

async function embed() {
  const { embeddings } = await embedMany({ model: provider.embeddingModel(model), values: texts, maxRetries: 0 });
  return { embeddings, documents: await new OpenAIEmbeddings(langchain).embedDocuments(texts) };
}

console.log(JSON.stringify(await (what === "chat" ? chat() : embed())));
