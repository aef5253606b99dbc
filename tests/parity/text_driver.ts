/**
 * Runs the runtime's text part for the Python parity tests: one JSON job on standard input, one JSON result out.
 *
 * Job: {files, encode: [{text, allowSpecial}], chats: [messages], decode: [ids], templates: [{source, specialTokens, messages, variables}]}.
 * `load` are files that are only loaded. Every decode is done at once and as a stream; the driver fails where the two differ.
 */
import { readFileSync } from "node:fs";
import { LlmError } from "../../runtime/src/internal/errors";
import { createTextModel, type TextFiles } from "../../runtime/src/text/index";
import { type ChatMessage, ChatTemplate, type Json } from "../../runtime/src/text/template";

interface Job {
  files?: TextFiles;
  /** Only loaded: what is refused is reported. */
  load?: TextFiles;
  encode?: { text: string; allowSpecial: boolean }[];
  chats?: ChatMessage[][];
  decode?: number[][];
  templates?: {
    source: string;
    specialTokens: Record<string, string>;
    messages: ChatMessage[];
    variables?: Record<string, Json>;
  }[];
}

const job = JSON.parse(readFileSync(0, "utf8")) as Job;

function attempt<T>(run: () => T): T | { error: string; message: string } {
  try {
    return run();
  } catch (thrown) {
    const { code, message } = LlmError.from(thrown);
    return { error: code, message };
  }
}

function texts(files: TextFiles) {
  const model = createTextModel(files);
  return {
    encoded: (job.encode ?? []).map(({ text, allowSpecial }) => model.encode(text, { allowSpecial })),
    chats: (job.chats ?? []).map((messages) => attempt(() => model.encodeChat(messages).tokenIds)),
    decoded: (job.decode ?? []).map((ids) => {
      const all = model.decodeAll(ids);
      const stream = model.stream();
      const pieces = ids.map((id) => stream.push(id)).join("") + stream.flush();
      if (pieces !== all) throw new Error(`Streamed ${JSON.stringify(pieces)}, at once ${JSON.stringify(all)}`);
      return all;
    }),
    stopTokenIds: [...model.stopTokenIds],
    vocabSize: model.vocabSize,
  };
}

const rendered = (job.templates ?? []).map(({ source, specialTokens, messages, variables }) =>
  attempt(() => new ChatTemplate(source, specialTokens).render(messages, variables)),
);
const { load } = job;
const loaded = load ? attempt(() => createTextModel(load).vocabSize) : null;
process.stdout.write(JSON.stringify({ loaded, ...(job.files ? texts(job.files) : {}), rendered }));
