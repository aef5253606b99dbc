/** The package entry: a model for this page, from whoever has one. A test pins these names. */
import type { LLM } from "@nomoat/runtime";

declare global {
  interface Window {
    /** Where an extension provides it. */
    readonly llm?: LLM;
  }
}

export type {
  Availability,
  ChatCompletion,
  ChatCompletionChunk,
  ChatRequest,
  Decision,
  ErrorCode,
  GenerateOptions,
  Generation,
  LLM,
  Message,
  ModelInfo,
  Question,
  Session,
  SessionOptions,
  Tool,
  ToolCall,
  Usage,
} from "@nomoat/runtime";
export { type GetLLMOptions, getLLM } from "./get_llm";
export { findProviders, type Provider, type ProviderInfo } from "./providers";
