/**
 * What a model's tool calls are made of and made into.
 *
 * A ToolFormat is found once per chat template (index.ts): how the model writes calls, how such text is parsed while
 * it comes, and the constraint under which nothing but valid calls can be written. Shapes are OpenAI's.
 */
import type { Format } from "../../constraint/format";

/** A function that the model may call, as OpenAI's `tools` have it and as chat templates take it. */
export interface Tool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** JSON Schema of an object; without it the function takes no arguments. */
    readonly parameters?: { readonly [key: string]: unknown };
    readonly strict?: boolean | null;
  };
}

/** One call in an assistant message. `arguments` is JSON text, as the model wrote it. */
export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export type ToolChoice =
  | "none"
  | "auto"
  | "required"
  | { readonly type: "function"; readonly function: { readonly name: string } };

/** How a model writes its calls. */
export interface ToolFormat {
  /** The name of the family, for people: docs/tools.md has the table. */
  readonly name: string;
  /** Contents of the special tokens that the parser must see: for `TextModel.stream({ keep })`. */
  readonly markers: readonly string[];
  /**
   * The constraint under which an answer is free text or valid calls (auto), calls only (required, a name).
   * Null: unconstrained (none). Errors: invalid_request for a name that is not among the tools.
   */
  format(tools: readonly Tool[], choice: ToolChoice, parallel: boolean): Format | null;
  /** A call of a name that is not among `tools` is content. */
  parser(tools: readonly Tool[]): ToolCallParser;
}

/** Parses one answer. The deltas do not depend on how the text is cut into pieces, but for where they are cut themselves. */
export interface ToolCallParser {
  /** The text as generated, with the special tokens in `markers`. */
  push(text: string): readonly Delta[];
  /** What was held back; to be called once, at the end. */
  end(): readonly Delta[];
}

/** `id` and `name` come with the first delta of an index, `arguments` in pieces which joined are JSON text. */
export type Delta =
  | { readonly type: "content" | "reasoning"; readonly text: string }
  | {
      readonly type: "tool_call";
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments?: string;
    };
