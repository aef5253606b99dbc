// Proves that our request and answer types agree with those of the official openai package: the TypeScript compiler is
// the judge (`npm run typecheck`). Needs nothing.
import type OpenAI from "openai";
import { expectTypeOf, it } from "vitest";
import type { ChatCompletion, ChatCompletionChunk, ChatRequest, CompletionUsage, Tool } from "../../src/api/types";

type Params = OpenAI.ChatCompletionCreateParams;
/** Fields of ours that OpenAI does not have, and those whose absence `model` is. */
type Ours = "top_k" | "min_p" | "repetition_penalty" | "adapter" | "reasoning" | "model";
/** What is compared as a whole: not the forms of ours that OpenAI does not have, nor what is dropped unread. */
type Shared = Omit<ChatRequest, Ours | "response_format" | "messages" | Dropped>;
type Dropped = { [K in keyof ChatRequest]-?: unknown extends ChatRequest[K] ? K : never }[keyof ChatRequest];
/** Readonly arrays are taken by us and not by its types. */
type Mutable<T> = T extends readonly (infer I)[]
  ? Mutable<I>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T;
/** null is the same as left out for us everywhere, and for its types in some places. */
type WithoutNull<T> = { [K in keyof T]: Exclude<T[K], null> };

it("requests", () => {
  // Every field of OpenAI's is decided: honoured, dropped or refused.
  expectTypeOf<keyof Params>().toExtend<keyof ChatRequest>();
  expectTypeOf<WithoutNull<Mutable<Shared>>>().toExtend<Omit<Partial<Params>, "model" | "messages">>();
  // What people write for OpenAI, as its types have it, is a request of ours.
  expectTypeOf<OpenAI.ChatCompletionSystemMessageParam>().toExtend<ChatRequest["messages"][number]>();
  expectTypeOf<OpenAI.ChatCompletionDeveloperMessageParam>().toExtend<ChatRequest["messages"][number]>();
  expectTypeOf<OpenAI.ChatCompletionToolMessageParam>().toExtend<ChatRequest["messages"][number]>();
  expectTypeOf<OpenAI.ChatCompletionStreamOptions>().toExtend<NonNullable<ChatRequest["stream_options"]>>();
  expectTypeOf<Mutable<Tool>>().toExtend<OpenAI.ChatCompletionFunctionTool>();
});

it("answers", () => {
  expectTypeOf<ChatCompletion>().toExtend<OpenAI.ChatCompletion>();
  expectTypeOf<ChatCompletionChunk>().toExtend<OpenAI.ChatCompletionChunk>();
  expectTypeOf<CompletionUsage>().toExtend<OpenAI.CompletionUsage>();
  // An answer of ours can be put back into the conversation.
  expectTypeOf<ChatCompletion["choices"][number]["message"]>().toExtend<ChatRequest["messages"][number]>();
});
