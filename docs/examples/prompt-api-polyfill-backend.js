/**
 * A back end for Google's prompt-api-polyfill that answers with a model of @nomoat/runtime, on this machine.
 *
 * Put it beside the others in the polyfill's `backends/`, name it in `backends-registry.js` with the configuration
 * `NOMOAT_CONFIG`, and set, before the polyfill is loaded:
 *
 *     window.NOMOAT_CONFIG = { apiKey: "none", modelName: "smollm2", load };
 *
 * `load({ onProgress })` gives the model, the same one each time; `onProgress` gets the fraction that is downloaded. The
 * polyfill keeps the history; it asks with all of it each time, and the runtime computes what is new.
 */
export default class NoMoatBackend {
  #config;
  #params = {};
  #model;

  constructor(config) {
    this.#config = config;
    this.modelName = config.modelName;
  }

  static availability({ expectedInputs = [], expectedOutputs = [] } = {}) {
    return [...expectedInputs, ...expectedOutputs].every(({ type }) => type === "text") ? "available" : "unavailable";
  }

  /** The polyfill calls it again, and does not wait, when a constraint comes. */
  createSession(_options, params, monitor) {
    this.#params = params;
    const onProgress = (loaded) =>
      monitor?.dispatchEvent(new ProgressEvent("downloadprogress", { loaded, total: 1, lengthComputable: true }));
    this.#model ??= this.#config.load({ onProgress });
    return this.#model;
  }

  async generateContent(contents) {
    const { chat } = await this.#model;
    const { choices, usage } = await chat.completions.create(this.#request(contents));
    return { text: choices[0].message.content ?? "", usage: usage.total_tokens };
  }

  /** Leaving the stream stops the model. */
  async generateContentStream(contents) {
    const { chat } = await this.#model;
    const request = { ...this.#request(contents), stream: true, stream_options: { include_usage: true } };
    const chunks = await chat.completions.create(request);
    return (async function* () {
      for await (const { choices, usage } of chunks) {
        const text = choices[0]?.delta.content ?? "";
        if (text || usage) yield { text: () => text, usageMetadata: { totalTokenCount: usage?.total_tokens ?? 0 } };
      }
    })();
  }

  /** With those of the chat template. */
  async countTokens(contents) {
    const model = await this.#model;
    const session = await model.createSession();
    try {
      return await session.measure(contents.map(toMessage));
    } finally {
      session.destroy();
    }
  }

  #request(contents) {
    const { systemInstruction, generationConfig = {} } = this.#params;
    const { temperature, responseSchema, responseMimeType } = generationConfig;
    const system = systemInstruction ? [{ role: "system", content: systemInstruction }] : [];
    const schema = responseSchema && { name: "response", schema: jsonSchema(responseSchema) };
    return {
      messages: [...system, ...contents.map(toMessage)],
      ...(temperature === undefined ? {} : { temperature }),
      ...(schema
        ? { response_format: { type: "json_schema", json_schema: schema } }
        : responseMimeType === "application/json" && { response_format: { type: "json_object" } }),
    };
  }
}

const ROLES = { model: "assistant", system: "system", user: "user" };

function toMessage({ role, parts }) {
  const content = parts.map(({ text }) => {
    if (text === undefined) throw new DOMException("This model reads text only.", "NotSupportedError");
    return text;
  });
  return { role: ROLES[role], content: content.join("") };
}

/** The polyfill writes schemas as Vertex has them: `nullable`, and `format: "enum"`. */
function jsonSchema({ nullable, format, type, properties, items, ...rest }) {
  return {
    ...rest,
    ...(type && { type: nullable ? [type.toLowerCase(), "null"] : type.toLowerCase() }),
    ...(format && format !== "enum" && { format }),
    ...(items && { items: jsonSchema(items) }),
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, jsonSchema(schema)])),
    }),
  };
}
