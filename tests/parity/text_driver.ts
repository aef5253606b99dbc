/**
 * Runs the runtime's text part for the Python parity tests: one JSON job on standard input, one JSON result out.
 *
 * Job: {files, encode: [{text, allowSpecial}], chats: [messages], decode: [ids], templates: [{source, specialTokens, messages, variables}]}.
 * `tools`: one template's tools, see ToolJob. `load` are files that are only loaded. Every decode is done at once and as a stream; the driver fails where the two differ.
 */
import { readFileSync } from "node:fs";
import "../../runtime/src/text/jinja/rare";
import "../../runtime/src/text/rare_models";
import { LlmError } from "../../runtime/src/internal/errors";
import { renderChat } from "../../runtime/src/text/chat";
import { createTextModel, type TextFiles } from "../../runtime/src/text/index";
import { type ChatMessage, ChatTemplate, type Json } from "../../runtime/src/text/template";
import { templateTools } from "../../runtime/src/text/tool_calls/index";
import type { Tool, ToolFormat } from "../../runtime/src/text/tool_calls/types";
import { templateInput } from "../../runtime/src/text/tool_prompt";

interface Job {
  files?: TextFiles;
  /** Only loaded: what is refused is reported. */
  load?: TextFiles;
  encode?: { text: string; allowSpecial: boolean }[];
  chats?: ChatMessage[][];
  decode?: number[][];
  tools?: ToolJob[];
  templates?: {
    source: string;
    specialTokens: Record<string, string>;
    messages: ChatMessage[];
    variables?: Record<string, Json>;
  }[];
}

/** `conversations` are given to the template, `texts` are what a model may have written. */
interface ToolJob {
  source: string;
  specialTokens: Record<string, string>;
  specials: string[];
  stops: string[];
  tools: Tool[];
  conversations: { messages: ChatMessage[]; hasTools: boolean; continueFinal: boolean }[];
  texts: string[];
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
function toolsOf({ source, specialTokens, specials, stops, tools, conversations, texts }: ToolJob) {
  const template = new ChatTemplate(source, specialTokens);
  const found = templateTools(template, specials, stops);
  return {
    family: found.format?.name ?? null,
    prompts: conversations.map(({ messages, hasTools, continueFinal }) =>
      attempt(() => {
        const offered = hasTools ? tools : [];
        const input = templateInput(source, found.messages(messages, offered), offered);
        const { text } = renderChat(template, input.messages, [], () => false, {
          variables: input.variables,
          continueFinal,
        });
        return { ...input, text };
      }),
    ),
    parsed: texts.map((text) => {
      if (found.format === null) return null;
      const whole = parsed(found.format, tools, [text]);
      const pieces = parsed(found.format, tools, Array.from(text));
      if (JSON.stringify(whole) !== JSON.stringify(pieces))
        throw new Error(`${source}: cuts make a difference in ${text}`);
      return whole;
    }),
  };
}

function parsed(format: ToolFormat, tools: readonly Tool[], pieces: readonly string[]) {
  const parser = format.parser(tools);
  const answer = { content: "", calls: [] as { name: string; arguments: string }[] };
  for (const delta of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]) {
    if (delta.type !== "tool_call") answer.content += delta.text;
    else if (delta.id !== undefined) answer.calls.push({ name: delta.name!, arguments: delta.arguments! });
    else answer.calls[delta.index]!.arguments += delta.arguments;
  }
  return answer;
}

const { load } = job;
const loaded = load ? attempt(() => createTextModel(load).vocabSize) : null;
process.stdout.write(
  JSON.stringify({ loaded, ...(job.files ? texts(job.files) : {}), rendered, tools: (job.tools ?? []).map(toolsOf) }),
);
