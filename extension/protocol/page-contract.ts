/**
 * What a page may ask of generate() and chat: the runtime's contract with the limits of pages, applied at the page edge,
 * again in the isolated content script and again in the offscreen document.
 */
import type { Message } from "@nomoat/runtime";
import {
  budgetOf,
  type ChatRequest,
  type Checked,
  chatRequest,
  check,
  create,
  generateOptions,
  type Limits,
  type PlainGenerateOptions,
  prompt,
} from "@nomoat/runtime/contract";

export const PAGE_LIMITS: Limits = {
  textBytes: 1024 * 1024,
  messages: 1024,
  maxTokens: 8192,
  temperature: 5,
  choices: 8,
};
export const DEFAULT_OUTPUT_TOKENS = 2048;

const PROMPT = prompt(PAGE_LIMITS);
const OPTIONS = generateOptions(PAGE_LIMITS);
const CHAT = chatRequest(PAGE_LIMITS);

export interface GenerateRequest {
  readonly prompt: string | readonly Message[];
  readonly options: PlainGenerateOptions;
}

export function parseGenerate(prompt: unknown, options: unknown): Checked<GenerateRequest> {
  const budget = budgetOf(PAGE_LIMITS.textBytes);
  const checkedPrompt = check(PROMPT, prompt, "prompt", budget);
  if ("problem" in checkedPrompt) return checkedPrompt;
  const given = options === undefined ? create(null) : options;
  const checkedOptions = check(OPTIONS, given, "options", budget, "");
  if ("problem" in checkedOptions) return checkedOptions;
  return { value: { prompt: checkedPrompt.value, options: checkedOptions.value } };
}

export function parseChat(request: unknown): Checked<ChatRequest> {
  return check(CHAT, request, "request", budgetOf(PAGE_LIMITS.textBytes), "");
}
