/** The sampling form. An empty field is an omitted option: the model's own default applies. */
import type { GenerateOptions } from "@nomoat/runtime";
import { element } from "../elements";

type NumberOption = "maxTokens" | "temperature" | "topP" | "topK" | "minP" | "repetitionPenalty" | "seed";
const NUMBER_OPTIONS: readonly NumberOption[] = [
  "maxTokens",
  "temperature",
  "topP",
  "topK",
  "minP",
  "repetitionPenalty",
  "seed",
];

export interface Settings {
  options(): GenerateOptions;
}

export function startSettings(): Settings {
  const form = element<HTMLDetailsElement>("settings").querySelector("form")!;
  // Enter in a field must not reload the page.
  form.addEventListener("submit", (event) => event.preventDefault());
  return { options: () => readOptions(new FormData(form)) };
}

export function readOptions(fields: FormData): GenerateOptions {
  const options: { -readonly [K in keyof GenerateOptions]: GenerateOptions[K] } = {};
  for (const name of NUMBER_OPTIONS) {
    const text = String(fields.get(name) ?? "").trim();
    if (text !== "") options[name] = Number(text);
  }
  const system = String(fields.get("system") ?? "").trim();
  if (system !== "") options.system = system;
  const stop = String(fields.get("stop") ?? "");
  if (stop !== "") options.stop = stop;
  return options;
}
